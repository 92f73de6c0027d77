//! What this machine has of what the tap can use: read, never judged.
//!
//! Plain values, so that what follows from them can be tested with machines made up.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";
/// The root of a kernel file system; any other cgroup has another number.
const ROOT_INODE: u64 = 1;

/// What a kernel and its administrator allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// As in `uname -r`.
    pub release: String,
    /// As in `uname -m`.
    pub architecture: String,
    /// Which of the names we look for its type information has; none without that.
    pub types: Option<Types>,
    /// Capabilities of the thread that would load.
    pub capabilities: Capabilities,
    /// Where the cgroup2 tree is mounted.
    pub cgroup2: Option<Cgroup2>,
    /// What kernel lockdown is set to, where there is such a thing.
    pub lockdown: Option<String>,
    /// The most memory that may be locked, in bytes; none when there is no limit.
    pub memlock_bytes: Option<u64>,
    /// The most files that may be open.
    pub open_files: Option<u64>,
    /// Whether the kernel knows probes on programs.
    pub uprobes: bool,
}

/// A mounted cgroup2 tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup2 {
    /// Where.
    pub path: PathBuf,
    /// Whether it is the whole tree: inside a container it mostly is a part.
    pub whole: bool,
}

/// Names that the kernel's type information has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Types(BTreeSet<String>);

/// A set of capabilities, as the kernel writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(pub u64);

/// Capabilities by their number.
pub(crate) mod capability {
    pub(crate) const DAC_READ_SEARCH: u32 = 2;
    pub(crate) const NET_ADMIN: u32 = 12;
    pub(crate) const SYS_PTRACE: u32 = 19;
    pub(crate) const SYS_ADMIN: u32 = 21;
    pub(crate) const SYS_RESOURCE: u32 = 24;
    pub(crate) const PERFMON: u32 = 38;
    pub(crate) const BPF: u32 = 39;
}

impl Facts {
    /// Looks at this machine with the eyes of this thread. Reads files of /proc and /sys.
    pub(crate) fn gather() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let status = text("/proc/thread-self/status");
        let limits = text("/proc/thread-self/limits");
        let lockdown = fs::read_to_string("/sys/kernel/security/lockdown").ok();
        Self {
            release: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            types: fs::read(BTF_PATH).ok().map(|btf| Types::read(&btf)),
            capabilities: Capabilities::read(&status),
            cgroup2: cgroup2(&text("/proc/self/mounts")),
            lockdown: lockdown.as_deref().and_then(chosen).map(str::to_owned),
            memlock_bytes: limit(&limits, "Max locked memory"),
            open_files: limit(&limits, "Max open files"),
            uprobes: Path::new("/sys/bus/event_source/devices/uprobe").exists(),
        }
    }

    /// Returns whether the kernel shows its memory to nobody.
    pub(crate) fn is_locked_down(&self) -> bool {
        self.lockdown.as_deref() == Some("confidentiality")
    }

    /// Returns whether its type information has a name.
    pub fn knows(&self, name: &str) -> bool {
        self.types.as_ref().is_some_and(|types| types.has(name))
    }
}

impl Types {
    /// Collects from a made-up kernel.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self(names.into_iter().map(str::to_owned).collect())
    }

    /// Reads the names of functions and tracepoints out of BTF; of others it remembers nothing.
    fn read(btf: &[u8]) -> Self {
        let strings = strings(btf).unwrap_or_default();
        let names = strings.split(|byte| *byte == 0);
        let wanted = names.filter(|name| {
            name.starts_with(b"btf_trace_")
                || name.starts_with(b"bpf_")
                || name == b"fred_cs"
                || name.starts_with(b"cpu_init_fred")
                || name == b"class_srcu_fast_notrace_t"
        });
        Self(
            wanted
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect(),
        )
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// Finds the strings of BTF by its header: magic, version, flags, length of the header, then where
/// types and strings are behind it.
fn strings(btf: &[u8]) -> Option<&[u8]> {
    let word = |at: usize| {
        let bytes = btf.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_ne_bytes(bytes) as usize)
    };
    let from = word(4)?.checked_add(word(16)?)?;
    btf.get(from..from.checked_add(word(20)?)?)
}

impl Capabilities {
    fn read(status: &str) -> Self {
        let hex = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        Self(hex.map_or(0, |hex| u64::from_str_radix(hex.trim(), 16).unwrap_or(0)))
    }

    /// Returns whether a capability is there.
    pub(crate) fn has(self, capability: u32) -> bool {
        self.0 & (1 << capability) != 0
    }

    /// Returns whether a capability is there, or the one that stands for all of its kind.
    pub(crate) fn has_or_admin(self, capability: u32) -> bool {
        self.has(capability) || self.has(capability::SYS_ADMIN)
    }
}

fn cgroup2(mounts: &str) -> Option<Cgroup2> {
    let path = mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let place = words.next()?;
        (words.next()? == "cgroup2").then(|| PathBuf::from(place))
    })?;
    let inode = fs::metadata(&path).map(|it| it.ino());
    Some(Cgroup2 {
        whole: inode.is_ok_and(|inode| inode == ROOT_INODE),
        path,
    })
}

/// Returns the word in brackets, as in `none [integrity] confidentiality`.
fn chosen(lockdown: &str) -> Option<&str> {
    lockdown.split('[').nth(1)?.split(']').next()
}

/// Reads the soft limit of a row of /proc/self/limits; none when there is none.
fn limit(limits: &str, name: &str) -> Option<u64> {
    let row = limits.lines().find_map(|line| line.strip_prefix(name))?;
    row.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_capabilities_as_the_kernel_writes_them() {
        let all = Capabilities::read("Name:\tx\nCapEff:\t000001ffffffffff\n");
        assert!(all.has(capability::BPF) && all.has(capability::SYS_ADMIN));
        assert_eq!(Capabilities::read("CapEff:\t0000000000000000\n").0, 0);
        assert_eq!(Capabilities::read("").0, 0);
    }

    #[test]
    fn finds_the_strings_of_btf_and_survives_any_other_bytes() {
        let mut btf = vec![0x9f, 0xeb, 1, 0];
        for word in [24u32, 0, 0, 2, 19] {
            btf.extend(word.to_ne_bytes());
        }
        btf.extend(b"xx\0bpf_loop\0other\0\0\0\0");
        let types = Types::read(&btf);
        assert!(types.has("bpf_loop") && !types.has("other"));
        for cut in 0..btf.len() {
            let _ = Types::read(&btf[..cut]);
        }
        assert_eq!(Types::read(&[0xff; 64]), Types::default());
    }

    #[test]
    fn reads_limits_lockdown_and_mounts() {
        let limits = "Max open files            1024  4096  files\n\
                      Max locked memory         unlimited unlimited bytes\n";
        assert_eq!(limit(limits, "Max open files"), Some(1024));
        assert_eq!(limit(limits, "Max locked memory"), None);
        assert_eq!(
            chosen("none [integrity] confidentiality\n"),
            Some("integrity")
        );
        let mounts = "x /sys/fs/cgroup tmpfs rw 0 0\nx /nowhere/unified cgroup2 rw 0 0\n";
        let found = cgroup2(mounts).expect("one is there");
        assert_eq!(found.path, Path::new("/nowhere/unified"));
        assert!(!found.whole);
    }
}
