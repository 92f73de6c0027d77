//! The pinned compiler: found, refused when it is another one, and run so that its output depends
//! on nothing but the sources.
//!
//! Must not know which objects exist or where they are kept.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use anyhow::{Context as _, Result, bail, ensure};

/// The status that tells "clang is not installed" from "the check failed".
pub(crate) const EXIT_TOOL_MISSING: u8 = 3;

/// Another major version gives other bytes, and clang 22 atomics that Linux 5.10 refuses.
const MAJOR: &str = "19";
const CLANG: &str = "clang-19";
const STRIP: &str = "llvm-strip-19";

/// No source on the include path but ours, and no path of this machine in the output.
const FLAGS: &[&str] = &[
    "--no-default-config",
    "-target",
    "bpf",
    "-mcpu=v3",
    "-O2",
    "-g",
    "-nostdinc",
    "-Wall",
    "-Werror",
    "-Wdate-time",
    "-fdebug-compilation-dir=.",
    "-I",
    "ebpf/include",
];

/// Reports that a tool of the pinned toolchain is not installed.
#[derive(Debug)]
pub(crate) struct ToolMissing(&'static str);

impl std::fmt::Display for ToolMissing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} is not installed: apt-get install clang-19 llvm-19",
            self.0
        )
    }
}

impl std::error::Error for ToolMissing {}

/// Returns the upstream version of the compiler, as in `19.1.7`; refuses any but the pinned major.
pub(super) fn version() -> Result<String> {
    pinned_version(STRIP, &stdout(STRIP, &["--version"])?)?;
    pinned_version(CLANG, &stdout(CLANG, &["--version"])?)
}

/// Compiles `source` to the kernel object `out` and returns every file that went into it, relative
/// to `root`.
pub(super) fn compile(
    root: &Path,
    source: &str,
    define: &str,
    out: &Path,
) -> Result<BTreeSet<String>> {
    let inputs = out.with_extension("d");
    let mut compiler = tool(CLANG);
    compiler
        .current_dir(root)
        .args(FLAGS)
        .arg(format!("-D{define}"));
    compiler
        .arg("-MD")
        .arg("-MF")
        .arg(&inputs)
        .arg("-c")
        .arg(source)
        .arg("-o")
        .arg(out);
    succeed(CLANG, &mut compiler)?;
    // BTF stays, DWARF goes: it is most of the size, and nothing reads it.
    succeed(STRIP, tool(STRIP).arg("-g").arg(out))?;
    let rule = fs::read_to_string(&inputs).context("clang wrote no list of inputs")?;
    inputs_of(&rule)
}

/// Prepares a tool that sees nothing of the environment: `CPATH` and its kin change what is built.
fn tool(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env_clear();
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

fn succeed(name: &'static str, command: &mut Command) -> Result<Output> {
    let output = match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(ToolMissing(name)),
        other => other.with_context(|| format!("cannot run {name}"))?,
    };
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{name}: {}\n{}",
        output.status,
        complaint.trim_end()
    );
    Ok(output)
}

fn stdout(name: &'static str, arguments: &[&str]) -> Result<String> {
    let output = succeed(name, tool(name).args(arguments))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Reads `… version 19.1.7 …` and refuses any other major version.
fn pinned_version(name: &str, banner: &str) -> Result<String> {
    let mut words = banner
        .split_whitespace()
        .skip_while(|word| *word != "version");
    let version = words
        .nth(1)
        .with_context(|| format!("{name} tells no version: {banner:?}"))?;
    let major = version.split('.').next().unwrap_or_default();
    ensure!(
        major == MAJOR,
        "{name} is version {version}, and only {MAJOR} gives the same bytes"
    );
    Ok(version.to_owned())
}

/// Reads the make rule of `clang -MD`: `object: input input \`, with paths made canonical.
fn inputs_of(rule: &str) -> Result<BTreeSet<String>> {
    let (_, inputs) = rule.split_once(": ").context("clang wrote no rule")?;
    inputs
        .split_whitespace()
        .filter(|word| *word != "\\")
        .map(inside)
        .collect()
}

/// Folds `..` away and refuses a file from outside: nobody else would have the same one.
fn inside(path: &str) -> Result<String> {
    let mut folded = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => folded.push(name),
            Component::CurDir => {}
            Component::ParentDir if folded.pop() => {}
            _ => bail!("the build reads {path}, outside the repository"),
        }
    }
    let text = folded.to_str().context("source paths are UTF-8")?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_upstream_version_of_the_pinned_compiler() {
        let banner = "Debian clang version 19.1.7 (3~deb12u1)\nTarget: x86_64-pc-linux-gnu\n";
        assert_eq!(
            pinned_version("clang-19", banner).expect("19 is the pin"),
            "19.1.7"
        );
    }

    #[test]
    fn refuses_another_major_version() {
        for banner in [
            "Debian clang version 14.0.6",
            "clang version 190.1.0",
            "gcc 12",
            "",
        ] {
            assert!(pinned_version("clang-19", banner).is_err(), "{banner}");
        }
    }

    #[test]
    fn lists_every_input_once_by_its_canonical_path() {
        let rule = "a.o: ebpf/programs/a.bpf.c \\\n  ebpf/programs/../include/b.h \\\n  \
                    ebpf/include/b.h\n";
        let inputs = inputs_of(rule).expect("all inside");
        assert_eq!(
            Vec::from_iter(inputs),
            ["ebpf/include/b.h", "ebpf/programs/a.bpf.c"]
        );
    }

    #[test]
    fn refuses_an_input_from_outside_the_repository() {
        assert!(inputs_of("a.o: /usr/include/stdint.h\n").is_err());
        assert!(inputs_of("a.o: ebpf/../../secret.h\n").is_err());
    }

    #[test]
    fn names_the_package_of_a_missing_tool() {
        let error = succeed("no-such-clang", &mut tool("no-such-clang")).expect_err("no such tool");
        assert!(error.is::<ToolMissing>());
        assert!(
            error
                .to_string()
                .ends_with("apt-get install clang-19 llvm-19")
        );
    }
}
