//! Says, before anything is loaded, whether this machine can be tapped, and if not, why not.

use std::{fmt, fs, path::Path};

const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// One thing that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What the tap needs.
    pub needs: &'static str,
    /// What was found instead.
    pub found: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// The machine cannot be tapped; every reason at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Unavailable(pub Vec<Finding>);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this machine cannot be tapped")?;
        for finding in &self.0 {
            let Finding {
                needs,
                found,
                remedy,
            } = finding;
            write!(f, "\n  needs {needs}\n  found {found}\n  do    {remedy}")?;
        }
        Ok(())
    }
}

/// Checks privilege, BTF and the tracepoints without loading anything.
pub fn preflight() -> Result<(), Unavailable> {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let findings: Vec<Finding> = [
        privilege(&status),
        kernel_types(Path::new(BTF_PATH), release.trim()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if findings.is_empty() {
        Ok(())
    } else {
        Err(Unavailable(findings))
    }
}

fn privilege(status: &str) -> Option<Finding> {
    let hex = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?
        .trim();
    let capabilities = u64::from_str_radix(hex, 16).unwrap_or(0);
    let has = |capability: u32| capabilities & (1 << capability) != 0;
    if has(CAP_SYS_ADMIN) || (has(CAP_BPF) && has(CAP_PERFMON)) {
        return None;
    }
    let found = match (has(CAP_BPF), has(CAP_PERFMON)) {
        (true, false) => "CAP_BPF without CAP_PERFMON".to_owned(),
        (false, true) => "CAP_PERFMON without CAP_BPF".to_owned(),
        _ => format!("neither (effective capabilities {hex})"),
    };
    Some(Finding {
        needs: "the capabilities CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN)",
        found,
        remedy: "run as root, or: setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search+ep",
    })
}

/// The kernel's BTF must name the socket tracepoints. A plain search for the name is enough here:
/// the loader resolves the types properly, this only chooses the words of the error.
fn kernel_types(path: &Path, release: &str) -> Option<Finding> {
    let remedy = "use a kernel 6.3 or newer that was built with CONFIG_DEBUG_INFO_BTF=y";
    let Ok(btf) = fs::read(path) else {
        return Some(Finding {
            needs: "the kernel's type information (BTF)",
            found: format!("kernel {release} without {}", path.display()),
            remedy,
        });
    };
    let wanted = b"btf_trace_sock_send_length";
    if btf.windows(wanted.len()).any(|window| window == wanted) {
        return None;
    }
    Some(Finding {
        needs: "the tracepoints sock_send_length and sock_recv_length (kernel 6.3)",
        found: format!("kernel {release} without them"),
        remedy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_root_and_the_two_capabilities() {
        assert_eq!(privilege("Name:\tx\nCapEff:\t000001ffffffffff\n"), None);
        assert_eq!(privilege("CapEff:\t000000c000000000\n"), None);
    }

    #[test]
    fn names_what_a_plain_user_lacks() {
        let finding = privilege("CapEff:\t0000000000000000\n").expect("nothing is allowed");
        assert!(finding.found.contains("neither"), "{finding:?}");
        let finding = privilege("CapEff:\t0000008000000000\n").expect("one of two");
        assert_eq!(finding.found, "CAP_BPF without CAP_PERFMON");
    }

    #[test]
    fn names_the_kernel_without_type_information() {
        let finding = kernel_types(Path::new("/nonexistent"), "5.4.0").expect("no BTF there");
        assert!(
            finding.found.starts_with("kernel 5.4.0 without"),
            "{finding:?}"
        );
    }

    #[test]
    fn says_every_reason_at_once() {
        let one = Finding {
            needs: "a",
            found: "b".to_owned(),
            remedy: "c",
        };
        let text = Unavailable(vec![one.clone(), Finding { needs: "d", ..one }]).to_string();
        assert!(
            text.contains("needs a") && text.contains("needs d"),
            "{text}"
        );
    }
}
