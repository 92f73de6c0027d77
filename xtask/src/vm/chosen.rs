//! What the command line asks for: kernels before `--`, tests behind it.

use anyhow::{Result, bail};

use super::kernels::{KERNELS, Kernel};

/// Tests of programs that Debian packages: no pip, no npm, and minutes, not an hour, without KVM.
const CORE: &[&str] = &[
    "first_light::",
    "trace_context::",
    "proxy::",
    "keep_alive::",
    "threads::concurrent",
    "failures::",
    "edges::",
    "redis::",
    "postgres::",
    "identity::",
    "privacy::",
    "durations::",
    "targets::",
    "lifecycle::",
    "doctor::",
];
/// Asks for all of them instead.
const EVERYTHING: &str = "--all";

/// Which kernels run which tests.
pub(super) struct Chosen {
    pub(super) kernels: Vec<&'static Kernel>,
    /// Arguments of the test program.
    pub(super) tests: Vec<String>,
}

impl Chosen {
    pub(super) fn read(arguments: &[String]) -> Result<Self> {
        let (kernels, tests) = match arguments.iter().position(|argument| argument == "--") {
            Some(at) => (&arguments[..at], &arguments[at + 1..]),
            None => (arguments, &[][..]),
        };
        let tests = match tests {
            [] => CORE.iter().map(ToString::to_string).collect(),
            [all] if all == EVERYTHING => Vec::new(),
            some => some.to_vec(),
        };
        let kernels = if kernels.is_empty() {
            KERNELS.iter().collect()
        } else {
            kernels
                .iter()
                .map(|name| named(name))
                .collect::<Result<_>>()?
        };
        Ok(Self { kernels, tests })
    }
}

fn named(name: &str) -> Result<&'static Kernel> {
    if let Some(kernel) = KERNELS.iter().find(|kernel| kernel.name == name) {
        return Ok(kernel);
    }
    let known: Vec<&str> = KERNELS.iter().map(|kernel| kernel.name).collect();
    bail!("no such kernel {name:?}; there are {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Chosen> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Chosen::read(&arguments)
    }

    #[test]
    fn nothing_means_every_kernel_and_the_core() {
        let chosen = read("").expect("nothing to refuse");
        assert_eq!(chosen.kernels.len(), KERNELS.len());
        assert_eq!(chosen.tests, CORE);
    }

    #[test]
    fn kernels_stand_before_the_dashes_and_tests_behind() {
        let chosen = read("6.1 5.10 -- redis:: edges::").expect("both are known");
        let names: Vec<&str> = chosen.kernels.iter().map(|kernel| kernel.name).collect();
        assert_eq!(names, ["6.1", "5.10"]);
        assert_eq!(chosen.tests, ["redis::", "edges::"]);
    }

    #[test]
    fn all_means_no_filter() {
        assert!(read("-- --all").expect("known").tests.is_empty());
    }

    #[test]
    fn refuses_a_kernel_nobody_knows_and_names_the_others() {
        let error = read("2.6").err().expect("that is too old").to_string();
        assert!(error.contains("5.10"), "{error}");
    }
}
