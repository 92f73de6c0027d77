//! Asks `/proc` about processes that are older than the tap, or still there.

use std::{
    cell::RefCell,
    fs::{self, File},
    io::Read,
    os::unix::fs::MetadataExt,
    path::PathBuf,
};

use rustc_hash::FxHashMap;

use super::{Identity, ProcessSource, files::Rooted, identity, mounts::Mounts};
use crate::ebpf::{
    container::{self, Container},
    service_name::{self, Files},
};

/// The most that is read of one file.
const READ_MAX: u64 = 128 * 1024;
/// `USER_HZ`: the unit of times in `/proc/PID/stat`, 100 on every architecture Linux supports.
const TICK_NS: u64 = 10_000_000;
/// Open files of a process that are looked at for sockets that listen.
const FILES_MAX: usize = 4096;
/// Executables whose language is remembered.
const LANGUAGES_MAX: usize = 4096;
/// `TCP_LISTEN`, as `/proc/net/tcp` writes it.
const LISTENS: &str = "0A";

/// The `/proc` file system.
#[derive(Debug, Default)]
pub(crate) struct ProcFs {
    /// By mount namespace and path, because paths mean something else in every container.
    languages: RefCell<FxHashMap<(PathBuf, PathBuf), Option<&'static str>>>,
}

impl ProcessSource for ProcFs {
    fn identity(&self, pid: u32) -> Option<Identity> {
        let args = read(pid, "cmdline")?;
        let first = args.split(|byte| *byte == 0).next().unwrap_or_default();
        let executable = self
            .executable(pid)
            .unwrap_or_else(|| String::from_utf8_lossy(first).into_owned());
        if executable.is_empty() {
            return None; // a kernel thread, or already gone
        }
        let env = read(pid, "environ").unwrap_or_default();
        let stat = read(pid, "stat").unwrap_or_default();
        let (parent_pid, start_boottime_ns) = stat_fields(&stat).unwrap_or_default();
        Some(Identity {
            parent_pid,
            start_boottime_ns,
            ..Identity::new(&executable, &args, &env)
        })
    }

    fn executable(&self, pid: u32) -> Option<String> {
        let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let path = path.to_string_lossy();
        Some(path.strip_suffix(" (deleted)").unwrap_or(&path).to_owned())
    }

    fn args(&self, pid: u32) -> Option<Vec<String>> {
        let args = read(pid, "cmdline")?;
        (!args.is_empty()).then(|| identity::arguments(&args))
    }

    fn container(&self, pid: u32) -> Option<Container> {
        let cgroups = read(pid, "cgroup")?;
        let cgroups = String::from_utf8_lossy(&cgroups);
        let mounted = || {
            let mounts = container::is_cut(&cgroups).then(|| read(pid, "mountinfo"))??;
            container::from_mounts(&String::from_utf8_lossy(&mounts))
        };
        let mut found = container::from_cgroups(&cgroups).or_else(mounted)?;
        if found.name.is_none() {
            let path = format!("/var/lib/docker/containers/{}/config.v2.json", found.id);
            let kept = File::open(path).ok().and_then(bounded);
            found.name = kept.and_then(|kept| container::docker_name(&kept));
        }
        Some(found)
    }

    fn host_name(&self, pid: u32) -> Option<String> {
        let file = bounded(Rooted::of(pid).open("/etc/hostname")?)?;
        let name = String::from_utf8_lossy(&file).trim().to_owned();
        (!name.is_empty()).then_some(name)
    }

    fn language(&self, pid: u32) -> Option<&'static str> {
        let link = |name: &str| fs::read_link(format!("/proc/{pid}/{name}")).ok();
        let key = (link("ns/mnt")?, link("exe")?);
        let mut languages = self.languages.borrow_mut();
        if languages.len() >= LANGUAGES_MAX {
            languages.clear();
        }
        *languages.entry(key).or_insert_with_key(|(_, path)| {
            let is_local = Mounts::of(pid).is_local(path);
            let file = is_local.then(|| File::open(format!("/proc/{pid}/exe")))?;
            service_name::language_of_binary(&file.ok()?)
        })
    }

    /// The kernel gives the files of such a process to root. That also happens to one that gave up
    /// its privileges after it was started, as servers do; that one began as somebody else.
    fn is_private(&self, pid: u32) -> bool {
        // The folder itself belongs to whoever the process is, whatever it hides.
        let owner = |path: String| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.uid(), metadata.gid()))
        };
        let (now, files) = (
            owner(format!("/proc/{pid}")),
            owner(format!("/proc/{pid}/stat")),
        );
        let Some(now) = now.filter(|now| files.is_some_and(|files| files != *now)) else {
            return false;
        };
        let auxv = read(pid, "auxv").unwrap_or_default();
        let began = AuxiliaryVector(&auxv);
        let is_elevated = began.value(AT_SECURE).is_some_and(|secure| secure != 0);
        let same = began.value(AT_EUID) == Some(u64::from(now.0))
            && began.value(AT_EGID) == Some(u64::from(now.1));
        is_elevated || same
    }

    fn listens(&self, pid: u32) -> Vec<u16> {
        let inodes = socket_inodes(pid);
        if inodes.is_empty() {
            return Vec::new();
        }
        let tables = ["net/tcp", "net/tcp6"].into_iter();
        let tables = tables.filter_map(|table| read(pid, table));
        let mut ports = Vec::new();
        for table in tables {
            let text = String::from_utf8_lossy(&table);
            let listening = text.lines().skip(1).filter_map(listening);
            ports.extend(
                listening
                    .filter(|(_, inode)| inodes.contains(inode))
                    .map(|(port, _)| port),
            );
        }
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    fn files(&self, pid: u32) -> Box<dyn Files> {
        Box::new(Rooted::of(pid))
    }
}

pub(super) fn read(pid: u32, file: &str) -> Option<Vec<u8>> {
    bounded(File::open(format!("/proc/{pid}/{file}")).ok()?)
}

fn bounded(file: File) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(READ_MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Returns parent and start time. The name in parentheses may hold anything, so fields are counted
/// from the last closing one (proc_pid_stat(5)).
fn stat_fields(stat: &[u8]) -> Option<(u32, u64)> {
    let text = String::from_utf8_lossy(stat);
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(19)?.parse().ok()?;
    Some((fields.get(1)?.parse().ok()?, ticks.saturating_mul(TICK_NS)))
}

const AT_EUID: u64 = 12;
const AT_EGID: u64 = 14;
const AT_SECURE: u64 = 23;

/// What the kernel told a program at its start (getauxval(3)); 64-bit.
struct AuxiliaryVector<'a>(&'a [u8]);

impl AuxiliaryVector<'_> {
    fn value(&self, kind: u64) -> Option<u64> {
        let word = |bytes: &[u8]| Some(u64::from_ne_bytes(bytes.try_into().ok()?));
        let mut pairs = self.0.chunks_exact(16);
        pairs.find_map(|pair| (word(&pair[..8])? == kind).then(|| word(&pair[8..]))?)
    }
}

fn socket_inodes(pid: u32) -> Vec<u64> {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Vec::new();
    };
    let inode = |file: fs::DirEntry| {
        let target = fs::read_link(file.path()).ok()?;
        let inode = target
            .to_str()?
            .strip_prefix("socket:[")?
            .strip_suffix(']')?;
        inode.parse().ok()
    };
    files.take(FILES_MAX).flatten().filter_map(inode).collect()
}

/// Reads port and inode of a line of `/proc/net/tcp`, which lists those that listen first.
fn listening(line: &str) -> Option<(u16, u64)> {
    let mut fields = line.split_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?.parse().ok()?;
    let (_, port) = local.rsplit_once(':')?;
    (state == LISTENS).then_some((u16::from_str_radix(port, 16).ok()?, inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_itself() {
        let me = ProcFs::default()
            .identity(std::process::id())
            .expect("this process runs");
        assert_eq!(me.parent_pid, std::os::unix::process::parent_id());
        assert!(
            me.executable.contains("tapline_receiver"),
            "{}",
            me.executable
        );
        assert!(me.start_boottime_ns > 0);
    }

    #[test]
    fn knows_what_it_was_compiled_from_and_where_it_listens() {
        let (source, pid) = (ProcFs::default(), std::process::id());
        assert_eq!(source.language(pid), Some("rust"));
        assert!(!source.is_private(pid));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        assert!(source.listens(pid).contains(&port));
        drop(listener);
        assert!(!source.listens(pid).contains(&port));
    }

    #[test]
    fn reads_past_a_hostile_process_name() {
        let stat = b"7 (a) b) S 3 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 250 9 9";
        assert_eq!(stat_fields(stat), Some((3, 2_500_000_000)));
    }

    #[test]
    fn reads_who_a_process_was() {
        let auxv: Vec<u8> = [11u64, 0, 12, 33, 0, 0]
            .iter()
            .flat_map(|w| w.to_ne_bytes())
            .collect();
        assert_eq!(AuxiliaryVector(&auxv).value(AT_EUID), Some(33));
        assert_eq!(AuxiliaryVector(&auxv).value(AT_SECURE), None);
    }

    #[test]
    fn knows_nothing_of_a_process_that_is_gone() {
        let source = ProcFs::default();
        assert_eq!(source.identity(u32::MAX), None);
        assert_eq!(source.container(u32::MAX), None);
        assert!(source.listens(u32::MAX).is_empty());
    }
}
