//! The table of processes, bounded, kept for a while after they are gone.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use rustc_hash::FxHashMap;
use tapline_ebpf::abi::{ENV_MAX, EventFork, Exec};

use super::{HostFacts, Identity, NoSource, Process, ProcessSource, resource};
use crate::ebpf::{
    container::Container,
    service_name::{self, Files, base_name},
    targets::TargetsConfig,
};

/// The most processes remembered; past it the ones that are gone go first, then any.
pub(super) const PROCESSES_MAX: usize = 32_768;
/// How long a process that is gone is remembered: its last bytes may still be on their way.
pub(super) const KEEP_EXITED_NS: u64 = 60_000_000_000;
/// How far up a container, or a chosen process, is looked for.
pub(super) const ANCESTORS_MAX: usize = 8;
/// How often a process is looked at again after it was first told about, once a second: its title
/// or its cgroup may come late.
const LATE_LOOKS: u8 = 5;
/// The most processes looked at again at once.
const LATE_LOOKS_AT_ONCE: usize = 256;

pub(super) struct Entry {
    pub(super) identity: Arc<Identity>,
    /// Built when the process first does something worth telling.
    pub(super) process: Option<Arc<Process>>,
    /// The same, as entries of `targets::include` want it told.
    pub(super) chosen: Vec<(usize, Arc<Process>)>,
    container: Option<Container>,
    /// The entry of `targets::include` that chose its parent.
    pub(super) inherited: Option<usize>,
    /// What it hands on to what it starts, once that was asked.
    pub(super) hands_on: HandsOn,
    /// Exec records name a script; the running file is asked for when it matters.
    executable_is_certain: bool,
    exited_ns: Option<u64>,
    looks_left: u8,
}

/// The entry of `targets::include` that a process hands on to what it starts, or becomes.
#[derive(Clone, Copy, Debug)]
pub(super) enum HandsOn {
    /// Nobody has looked.
    Unasked,
    /// This one, or none.
    Asked(Option<usize>),
}

impl Entry {
    fn new(identity: Identity, executable_is_certain: bool) -> Self {
        Self {
            identity: Arc::new(identity),
            process: None,
            chosen: Vec::new(),
            container: None,
            inherited: None,
            hands_on: HandsOn::Unasked,
            executable_is_certain,
            exited_ns: None,
            looks_left: LATE_LOOKS,
        }
    }

    /// The program has ended: whoever still holds it tells its last and lets go.
    fn let_go(&self) {
        if let Some(process) = &self.process {
            process.gone.store(true, Ordering::Relaxed);
        }
    }
}

/// Every process seen.
pub(crate) struct ProcessTable {
    pub(super) entries: FxHashMap<u32, Entry>,
    pub(super) source: Box<dyn ProcessSource>,
    host: HostFacts,
    /// Wall time of boot, to date processes.
    boot_wall_ns: u64,
    pub(super) serials: u64,
    pub(super) targets: Arc<TargetsConfig>,
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
            targets: Arc::default(),
        }
    }

    /// Takes other targets: who was chosen by whom is found out again.
    pub(crate) fn set_targets(&mut self, targets: Arc<TargetsConfig>) {
        self.targets = targets;
        let pids: Vec<u32> = self.entries.keys().copied().collect();
        for entry in self.entries.values_mut() {
            entry.inherited = None;
            entry.hands_on = HandsOn::Unasked;
            entry.chosen.clear();
        }
        for pid in pids {
            if self
                .entries
                .get(&pid)
                .is_some_and(|entry| entry.process.is_some())
            {
                self.settle(pid);
            }
        }
    }

    /// A process runs a new program: whatever was known of it is over, but for who started it.
    pub(crate) fn on_exec(&mut self, exec: &Exec<'_>) {
        let mut identity = Identity::from_exec(exec);
        if exec.env.len() >= ENV_MAX && identity.service.is_none() {
            // The record has only the beginning of the environment. The name may stand further
            // back.
            identity = self.source.identity(exec.tgid).unwrap_or(identity);
        }
        let inherited = self.passed_on(exec.tgid);
        let mut entry = Entry::new(identity, false);
        entry.inherited = inherited;
        self.insert(exec.tgid, entry);
    }

    /// A process was made: until it runs something else, it is what its parent is.
    pub(crate) fn on_fork(&mut self, fork: &EventFork) {
        if !self.entries.contains_key(&fork.parent_tgid) {
            // Asked while the parent is still there: the child may be gone before it is of
            // interest.
            let parent = self.source.identity(fork.parent_tgid).unwrap_or_default();
            self.insert(fork.parent_tgid, Entry::new(parent, true));
        }
        let inherited = self.passed_on(fork.parent_tgid);
        let Some(parent) = self.entries.get(&fork.parent_tgid) else {
            return;
        };
        let mut identity = Identity::clone(&parent.identity);
        identity.parent_pid = fork.parent_tgid;
        identity.start_boottime_ns = fork.start_boottime_ns;
        let mut entry = Entry::new(identity, parent.executable_is_certain);
        entry.inherited = inherited;
        self.insert(fork.tgid, entry);
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
            self.insert(pid, Entry::new(identity, true));
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

    /// Forgets processes that have been gone for a while, and looks again at those that are new.
    pub(crate) fn sweep(&mut self, now_ns: u64) {
        self.entries.retain(|_, entry| {
            entry
                .exited_ns
                .is_none_or(|exited| now_ns.saturating_sub(exited) < KEEP_EXITED_NS)
        });
        let is_new = |entry: &Entry| {
            entry.looks_left > 0 && entry.exited_ns.is_none() && entry.process.is_some()
        };
        let new = self.entries.iter().filter(|(_, entry)| is_new(entry));
        let new: Vec<u32> = new.map(|(pid, _)| *pid).take(LATE_LOOKS_AT_ONCE).collect();
        for pid in new {
            self.look_again(pid);
        }
    }

    /// Takes a title or a container that came late.
    fn look_again(&mut self, pid: u32) {
        let has_changed = {
            let Some(entry) = self.entries.get_mut(&pid) else {
                return;
            };
            entry.looks_left -= 1;
            let args = self.source.args(pid);
            let runs = self.source.executable(pid);
            let is_same = runs.is_some_and(|runs| runs == entry.identity.executable);
            let is_new_title = is_same && args.is_some_and(|args| args != entry.identity.args);
            let is_boxed = entry.container.is_none() && self.source.container(pid).is_some();
            is_new_title || is_boxed
        };
        if has_changed {
            self.settle(pid);
        }
    }

    /// Returns how many processes are remembered.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn insert(&mut self, pid: u32, entry: Entry) {
        if self.entries.len() >= PROCESSES_MAX && !self.entries.contains_key(&pid) {
            self.make_room();
        }
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

    /// Finds out what can still be asked about the process. If it was known before and nothing is
    /// different, it stays what it was.
    fn settle(&mut self, pid: u32) -> Arc<Process> {
        self.refresh(pid);
        let inherited = self.inherited(pid);
        let (targets, source) = (Arc::clone(&self.targets), &self.source);
        let entry = self.entries.get(&pid).expect("the caller put it there");
        let identity = Arc::clone(&entry.identity);
        let is_alive = entry.exited_ns.is_none();
        let asked = |ask: bool| ask && is_alive;
        let ports = if asked(targets.asks_for_open_ports()) {
            source.listens(pid)
        } else {
            Vec::new()
        };
        let by_name = service_name::language(&identity.executable);
        let mut process = Process {
            pid,
            executable: identity.executable.clone(),
            command: self.command(&identity),
            language: by_name.or_else(|| source.language(pid).filter(|_| is_alive)),
            service: identity.service(&*source.files(pid)),
            container: entry.container.clone(),
            is_private: asked(!targets.undumpable) && source.is_private(pid),
            inherited,
            ports: Mutex::new(ports),
            ..Process::default()
        };
        let service = process.service.clone();
        process.resource = self.encode(&identity, &process, (&service, None));
        let former = self
            .entries
            .get(&pid)
            .and_then(|entry| entry.process.clone());
        if let Some(former) = former.filter(|former| former.resource == process.resource) {
            process.serial = former.serial;
            process.gone = Arc::clone(&former.gone);
        } else {
            self.serials += 1;
            process.serial = self.serials;
            process.gone = Arc::new(AtomicBool::new(!is_alive));
        }
        let process = Arc::new(process);
        let entry = self.entries.get_mut(&pid).expect("as above");
        if entry
            .process
            .as_ref()
            .is_some_and(|former| former.serial != process.serial)
        {
            entry.let_go();
        }
        entry.chosen.clear();
        entry.hands_on = HandsOn::Unasked;
        entry.process = Some(Arc::clone(&process));
        process
    }

    /// Returns the command line, if anybody wants to know.
    pub(super) fn command(&self, identity: &Identity) -> String {
        if self.targets.asks_for_command_lines() {
            identity.args.join(" ")
        } else {
            String::new()
        }
    }

    /// Asks for what may have changed since the process was recorded.
    fn refresh(&mut self, pid: u32) {
        let container = self.container_of(pid);
        let Some(entry) = self.entries.get_mut(&pid) else {
            return;
        };
        if entry.exited_ns.is_none()
            && let Some(executable) = self.source.executable(pid)
            && is_same(entry, &executable, &*self.source.files(pid))
        {
            let args = self.source.args(pid);
            let identity = Arc::make_mut(&mut entry.identity);
            identity.args = args.unwrap_or_else(|| std::mem::take(&mut identity.args));
            identity.executable = executable;
        }
        entry.executable_is_certain = true;
        entry.container = container.map(|mut container| {
            let known = entry.identity.host_name.clone();
            let asked = self.targets.asks_for_container_names();
            container.host_name = known.or_else(|| self.source.host_name(pid).filter(|_| asked));
            container
        });
    }

    pub(super) fn encode(
        &self,
        identity: &Identity,
        process: &Process,
        told: (&str, Option<&str>),
    ) -> Vec<u8> {
        let started = identity.start_boottime_ns;
        let is_dated = started != 0 && self.boot_wall_ns != 0;
        let instance = resource::Instance {
            pid: process.pid,
            service: told.0,
            namespace: told.1,
            language: process.language,
            container: process.container.as_ref(),
            created_wall_ns: is_dated.then(|| self.boot_wall_ns + started),
        };
        resource::encode(identity, &instance, &self.host)
    }

    /// A process that is gone was in the container of its nearest living or known ancestor.
    fn container_of(&self, pid: u32) -> Option<Container> {
        let mut pid = pid;
        for _ in 0..ANCESTORS_MAX {
            if let Some(found) = self.source.container(pid) {
                return Some(found);
            }
            let entry = self.entries.get(&pid)?;
            if entry.container.is_some() || entry.exited_ns.is_none() {
                return entry.container.clone();
            }
            pid = entry.identity.parent_pid;
        }
        None
    }
}

/// Returns whether a process still runs what is known of it. It may run another program already,
/// whose record is still on its way.
fn is_same(entry: &Entry, executable: &str, files: &dyn Files) -> bool {
    let known = &entry.identity;
    if entry.executable_is_certain || known.executable == executable {
        return known.executable == executable;
    }
    // The record names a link to what runs, or a script that it runs.
    let first = known.args.first().map_or("", String::as_str);
    let called = if first.contains('/') {
        files.is_executable(first)
    } else {
        base_name(first) == base_name(executable)
    };
    called || files.is_executable(&known.executable)
}

impl Default for ProcessTable {
    fn default() -> Self {
        Self::new(Box::new(NoSource), HostFacts::default(), 0)
    }
}
