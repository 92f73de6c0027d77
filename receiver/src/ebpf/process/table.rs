//! The table of processes, bounded, kept for a while after they are gone.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rustc_hash::FxHashMap;
use tapline_ebpf::abi::{ENV_MAX, EventFork, Exec};

use super::{HostFacts, Identity, NoSource, ProcessSource, resource};

/// The most processes remembered; past it the ones that are gone go first, then any.
const PROCESSES_MAX: usize = 32_768;
/// How long a process that is gone is remembered: its last bytes may still be on their way.
const KEEP_EXITED_NS: u64 = 60_000_000_000;
/// How far up a container is looked for when the process itself is gone.
const ANCESTORS_MAX: usize = 8;

/// One process, as its telemetry needs it.
#[derive(Debug)]
pub(crate) struct Process {
    /// Tells this program of this process from every other, before or after.
    pub(crate) serial: u64,
    /// Its id in the initial namespace.
    pub(crate) pid: u32,
    /// Path of its executable.
    pub(crate) executable: String,
    /// `service.name`.
    pub(crate) service: String,
    /// The encoded OTLP resource message.
    pub(crate) resource: Vec<u8>,
    /// Its last thread ended. What it did may still be told after that.
    pub(crate) gone: AtomicBool,
}

impl Process {
    /// Returns whether the process has ended.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }
}

struct Entry {
    identity: Arc<Identity>,
    /// Built when the process first does something worth telling.
    process: Option<Arc<Process>>,
    container_id: Option<String>,
    /// Exec records name a script; the running file is asked for when it matters.
    executable_is_certain: bool,
    exited_ns: Option<u64>,
}

impl Entry {
    /// The program has ended: whoever still holds it tells its last and lets go.
    fn let_go(&self) {
        if let Some(process) = &self.process {
            process.gone.store(true, Ordering::Relaxed);
        }
    }
}

/// Every process seen.
pub(crate) struct ProcessTable {
    entries: FxHashMap<u32, Entry>,
    source: Box<dyn ProcessSource>,
    host: HostFacts,
    /// Wall time of boot, to date processes.
    boot_wall_ns: u64,
    serials: u64,
}

impl ProcessTable {
    /// Makes an empty table.
    pub(crate) fn new(source: Box<dyn ProcessSource>, host: HostFacts, boot_wall_ns: u64) -> Self {
        Self {
            entries: FxHashMap::default(),
            source,
            host,
            boot_wall_ns,
            serials: 0,
        }
    }

    /// A process runs a new program: whatever was known of it is over.
    pub(crate) fn on_exec(&mut self, exec: &Exec<'_>) {
        let mut identity = Identity::from_exec(exec);
        if exec.env.len() >= ENV_MAX && !identity.service_is_set {
            // The record has only the beginning of the environment. The name may stand further
            // back.
            identity = self.source.identity(exec.tgid).unwrap_or(identity);
        }
        self.insert(exec.tgid, identity, false);
    }

    /// A process was made: until it runs something else, it is what its parent is.
    pub(crate) fn on_fork(&mut self, fork: &EventFork) {
        if !self.entries.contains_key(&fork.parent_tgid) {
            // Asked while the parent is still there: the child may be gone before it is of
            // interest.
            let parent = self.source.identity(fork.parent_tgid).unwrap_or_default();
            self.insert(fork.parent_tgid, parent, true);
        }
        let Some(parent) = self.entries.get(&fork.parent_tgid) else {
            return;
        };
        let mut identity = Identity::clone(&parent.identity);
        identity.parent_pid = fork.parent_tgid;
        identity.start_boottime_ns = fork.start_boottime_ns;
        let certain = parent.executable_is_certain;
        self.insert(fork.tgid, identity, certain);
    }

    /// A process is gone.
    pub(crate) fn on_exit(&mut self, pid: u32, now_ns: u64) {
        if let Some(entry) = self.entries.get_mut(&pid) {
            entry.exited_ns = Some(now_ns);
            entry.let_go();
        }
    }

    /// Returns what a process is. One nobody knows is told as `unknown_service`.
    pub(crate) fn process(&mut self, pid: u32) -> Arc<Process> {
        if !self.entries.contains_key(&pid) {
            let found = self.source.identity(pid);
            let identity = found.unwrap_or_else(|| Identity::new("", &[], &[]));
            self.insert(pid, identity, true);
        }
        if let Some(known) = self
            .entries
            .get(&pid)
            .and_then(|entry| entry.process.as_ref())
        {
            return Arc::clone(known);
        }
        self.settle(pid)
    }

    /// Forgets processes that have been gone for a while.
    pub(crate) fn sweep(&mut self, now_ns: u64) {
        self.entries.retain(|_, entry| {
            entry
                .exited_ns
                .is_none_or(|exited| now_ns.saturating_sub(exited) < KEEP_EXITED_NS)
        });
    }

    /// Returns how many processes are remembered.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn insert(&mut self, pid: u32, identity: Identity, executable_is_certain: bool) {
        if self.entries.len() >= PROCESSES_MAX && !self.entries.contains_key(&pid) {
            self.make_room();
        }
        let identity = Arc::new(identity);
        let (process, container_id, exited_ns) = (None, None, None);
        let entry = Entry {
            identity,
            process,
            container_id,
            executable_is_certain,
            exited_ns,
        };
        if let Some(replaced) = self.entries.insert(pid, entry) {
            replaced.let_go();
        }
    }

    fn make_room(&mut self) {
        self.entries.retain(|_, entry| entry.exited_ns.is_none());
        if self.entries.len() >= PROCESSES_MAX {
            // All alive: start over. Whoever is active is read from /proc again.
            self.entries.drain().for_each(|(_, entry)| entry.let_go());
        }
    }

    /// Builds the resource, with what can still be asked about the process.
    fn settle(&mut self, pid: u32) -> Arc<Process> {
        let container_id = self.container_of(pid);
        let entry = self.entries.get_mut(&pid).expect("the caller put it there");
        if !entry.executable_is_certain
            && entry.exited_ns.is_none()
            && let Some(executable) = self.source.executable(pid)
            && executable != entry.identity.executable
        {
            correct_executable(&mut entry.identity, executable);
        }
        entry.executable_is_certain = true;
        entry.container_id = container_id;
        let identity = &entry.identity;
        let started = identity.start_boottime_ns;
        let instance = resource::Instance {
            pid,
            container_id: entry.container_id.as_deref(),
            created_wall_ns: (started != 0 && self.boot_wall_ns != 0)
                .then(|| self.boot_wall_ns + started),
        };
        self.serials += 1;
        let process = Arc::new(Process {
            serial: self.serials,
            pid,
            executable: identity.executable.clone(),
            service: identity.service.clone(),
            resource: resource::encode(identity, &instance, &self.host),
            gone: AtomicBool::new(entry.exited_ns.is_some()),
        });
        entry.process = Some(Arc::clone(&process));
        process
    }

    /// A process that is gone was in the container of its nearest living or known ancestor.
    fn container_of(&self, pid: u32) -> Option<String> {
        let mut pid = pid;
        for _ in 0..ANCESTORS_MAX {
            if let Some(id) = self.source.container_id(pid) {
                return Some(id);
            }
            let entry = self.entries.get(&pid)?;
            if entry.container_id.is_some() || entry.exited_ns.is_none() {
                return entry.container_id.clone();
            }
            pid = entry.identity.parent_pid;
        }
        None
    }
}

/// The kernel record named a script; its interpreter is what runs. The service keeps its name: the
/// arguments already told which script it is.
fn correct_executable(identity: &mut Arc<Identity>, executable: String) {
    let identity = Arc::make_mut(identity);
    identity.language = crate::ebpf::service_name::language(&executable);
    identity.executable = executable;
}

impl Default for ProcessTable {
    fn default() -> Self {
        Self::new(Box::new(NoSource), HostFacts::default(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exec(tgid: u32) -> Exec<'static> {
        Exec {
            tgid,
            parent_tgid: 1,
            start_boottime_ns: 0,
            filename: b"/bin/app",
            args: b"app\0",
            env: b"",
        }
    }

    #[test]
    fn a_replaced_program_is_gone() {
        let mut table = ProcessTable::default();
        table.on_exec(&exec(7));
        let first = table.process(7);
        assert!(!first.is_gone());
        table.on_exec(&exec(7));
        let second = table.process(7);
        assert!(first.is_gone() && !second.is_gone());
        assert_ne!(first.serial, second.serial);
    }

    #[test]
    fn a_process_is_remembered_for_a_while_after_its_end() {
        let mut table = ProcessTable::default();
        table.on_exec(&exec(7));
        table.on_exit(7, 1);
        table.sweep(KEEP_EXITED_NS);
        assert_eq!(table.process(7).service, "app");
        table.sweep(KEEP_EXITED_NS + 1);
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn a_child_is_what_its_parent_is() {
        let mut table = ProcessTable::default();
        table.on_exec(&exec(7));
        let fork = EventFork {
            tgid: 8,
            parent_tgid: 7,
            ..EventFork::default()
        };
        table.on_fork(&fork);
        let child = table.process(8);
        assert_eq!((child.service.as_str(), child.pid), ("app", 8));
    }

    #[test]
    fn stays_within_its_bound() {
        let mut table = ProcessTable::default();
        for pid in 0..u32::try_from(PROCESSES_MAX).expect("small") + 10 {
            table.on_exec(&exec(pid));
        }
        assert!(table.len() <= PROCESSES_MAX);
    }
}
