//! Keeps the probes where they are needed: on the files with TLS in them of processes that run.
//!
//! Runs on a thread of its own, because files are read from disk. Libraries are looked for when a
//! program begins, and again when a connection of its process begins to speak TLS: some are loaded
//! late. A file is read once, whoever uses it. Nothing here is urgent enough to be lost over:
//! notices that do not fit are dropped, and the next connection asks again.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
    fs, io,
    os::fd::AsRawFd as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use tapline_ebpf::tls::{Attachment, Sites, TlsProbes};
use tracing::{debug, info, warn};

use super::{
    TlsConfig,
    files::{self, FileKey, Libraries, Opened},
    gone::GoneLibraries,
    sites::{self, Found},
};

/// Files remembered; past it those without a library are forgotten.
const FILES_MAX: usize = 8192;
/// Looks that may wait.
const DUE_MAX: usize = 16_384;
/// Looks at processes in one second.
const LOOKS_MAX: u32 = 200;
/// Files attached in one second.
const ATTACHES_MAX: u32 = 20;
/// How often a process is looked at again because it speaks TLS.
const RELOOKS_MAX: u32 = 8;
/// How many of these look into every library, whatever its name.
const DEEP_LOOKS: u32 = 2;
/// How long a file stays probed when nobody uses it: short-lived clients come back.
const KEEP_IDLE: Duration = Duration::from_mins(1);
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Something about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// It runs a new program.
    Exec(u32),
    /// It is older than the tap.
    Running(u32),
    /// It was made by another, and runs what that runs.
    Fork {
        /// The other.
        parent: u32,
        /// Itself.
        child: u32,
    },
    /// It is gone.
    Exit(u32),
    /// It speaks TLS, and nobody knows how.
    SpeaksTls(u32),
}

/// What the watch has counted.
#[derive(Debug, Default)]
pub(crate) struct WatchCounts {
    /// Files that are probed now.
    pub(crate) files: AtomicU64,
    /// Files that the kernel would not probe.
    pub(crate) failed: AtomicU64,
    /// Files that have a library, but not one that it is safe to probe.
    pub(crate) refused: AtomicU64,
}

/// Which processes a probe of a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All that ever map it: nothing of a short-lived one is missed.
    Everyone,
    /// Only those that are targets.
    Targets,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    Libraries,
    Everything,
    /// Libraries whose names do not tell, too.
    Deep,
}

struct Probed {
    sites: Option<Arc<Sites>>,
    /// By process; under 0 for all of them.
    attached: HashMap<u32, Attachment>,
    users: HashSet<u32>,
    idle_since: Option<Instant>,
    /// The kernel refused once: it is not asked again.
    failed: bool,
}

#[derive(Default)]
struct Process {
    files: Vec<FileKey>,
    relooks: u32,
}

/// At most so many in a second.
struct Pace {
    most: u32,
    left: u32,
    since: Instant,
}

/// Watches processes and probes their files.
pub(crate) struct Watch {
    probes: TlsProbes,
    config: TlsConfig,
    scope: Scope,
    counts: Arc<WatchCounts>,
    gone: GoneLibraries,
    files: HashMap<FileKey, Probed>,
    processes: HashMap<u32, Process>,
    due: BinaryHeap<Reverse<(Instant, u32, Look)>>,
    looks: Pace,
    attaches: Pace,
}

impl Watch {
    /// Makes one that has probed nothing yet.
    pub(crate) fn new(
        probes: TlsProbes,
        config: TlsConfig,
        scope: Scope,
        counts: Arc<WatchCounts>,
        gone: GoneLibraries,
    ) -> Self {
        Self {
            probes,
            config,
            scope,
            counts,
            gone,
            files: HashMap::new(),
            processes: HashMap::new(),
            due: BinaryHeap::new(),
            looks: Pace::new(LOOKS_MAX),
            attaches: Pace::new(ATTACHES_MAX),
        }
    }

    /// Probes what runs already, and the system's libraries for whoever comes. Where only targets
    /// are probed this does nothing: the engine knows which processes those are.
    pub(crate) fn begin(&mut self) {
        if self.scope == Scope::Targets {
            return;
        }
        for opened in files::system_libraries() {
            let key = opened.key;
            self.probe(&opened, 0);
            if let Some(file) = self.files.get_mut(&key) {
                file.users.insert(0); // nobody's process, which never ends
            }
        }
        for pid in running() {
            self.look(pid, Look::Everything);
        }
        self.attaches = Pace::new(ATTACHES_MAX);
    }

    /// Follows notices until nobody sends any more; then all probes are gone.
    pub(crate) fn run(mut self, notices: &Receiver<Notice>) {
        let mut swept = Instant::now();
        loop {
            let next = self.due.peek().map(|Reverse((at, ..))| *at);
            let wait = next.map_or(SWEEP_EVERY, |at| {
                at.saturating_duration_since(Instant::now())
            });
            match notices.recv_timeout(wait.min(SWEEP_EVERY)) {
                Ok(notice) => self.on_notice(notice),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Some(Reverse((at, pid, look))) = self.due.peek().copied() {
                if at > Instant::now() {
                    break;
                }
                self.due.pop();
                if self.looks.may() {
                    self.look(pid, look);
                }
            }
            if swept.elapsed() > SWEEP_EVERY {
                swept = Instant::now();
                self.sweep();
            }
        }
    }

    fn on_notice(&mut self, notice: Notice) {
        let now = Instant::now();
        match notice {
            Notice::Exec(pid) => {
                self.gone.remove(&pid);
                self.forget(pid);
                self.plan(now, pid, Look::Libraries);
                self.plan(now + self.config.min_age.get(), pid, Look::Everything);
            }
            Notice::Running(pid) => self.plan(now, pid, Look::Everything),
            Notice::Fork { parent, child } => self.inherit(parent, child),
            Notice::Exit(pid) => {
                self.gone.remove(&pid);
                self.forget(pid);
            }
            Notice::SpeaksTls(pid) => {
                let process = self.processes.entry(pid).or_default();
                if process.relooks < RELOOKS_MAX {
                    process.relooks += 1;
                    let look = if process.relooks <= DEEP_LOOKS {
                        Look::Deep
                    } else {
                        Look::Everything
                    };
                    self.plan(now, pid, look);
                }
            }
        }
    }

    fn plan(&mut self, at: Instant, pid: u32, look: Look) {
        if self.due.len() < DUE_MAX {
            self.due.push(Reverse((at, pid, look)));
        }
    }

    fn look(&mut self, pid: u32, look: Look) {
        if pid == std::process::id() || !files::may_probe(pid, &self.config.exclude) {
            return;
        }
        let which = match look {
            Look::Deep => Libraries::All,
            Look::Libraries | Look::Everything => Libraries::Named,
        };
        let mut found = files::libraries(pid, which);
        if look != Look::Libraries {
            found.extend(files::executable(pid));
        }
        for opened in found {
            self.probe(&opened, pid);
        }
        for opened in self.gone.get(&pid).cloned().unwrap_or_default() {
            self.probe(&opened, pid);
        }
    }

    /// Probes a file for a process, if there is something to probe and it is not probed already.
    fn probe(&mut self, opened: &Opened, pid: u32) {
        if self.files.len() >= FILES_MAX && !self.files.contains_key(&opened.key) {
            self.files.retain(|_, file| file.sites.is_some());
            if self.files.len() >= FILES_MAX {
                return;
            }
        }
        let counts = &self.counts;
        let file = self
            .files
            .entry(opened.key)
            .or_insert_with(|| examine(opened, counts));
        let Some(sites) = file.sites.clone() else {
            return;
        };
        file.idle_since = None;
        if file.users.insert(pid) {
            self.processes
                .entry(pid)
                .or_default()
                .files
                .push(opened.key);
        }
        let whom = match self.scope {
            Scope::Everyone => 0,
            Scope::Targets => pid,
        };
        if file.failed || file.attached.contains_key(&whom) {
            return;
        }
        if !self.attaches.may() {
            // Later: the process is still there, or it did not matter.
            let at = Instant::now() + Duration::from_secs(1);
            self.plan(at, pid, Look::Everything);
            return;
        }
        match attach(&self.probes, opened, &sites, (whom != 0).then_some(whom)) {
            Ok(attachment) => {
                debug!(path = opened.path, pid, "TLS is read in a file");
                file.attached.insert(whom, attachment);
            }
            Err(error) => {
                // A process that has just ended is no failure of the file.
                file.failed = whom == 0;
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                warn!(path = opened.path, pid, %error, "cannot probe a file for TLS");
            }
        }
        self.count();
    }

    /// A child maps what its parent maps.
    fn inherit(&mut self, parent: u32, child: u32) {
        let Some(process) = self.processes.get(&parent) else {
            return;
        };
        let keys = process.files.clone();
        for key in &keys {
            if let Some(file) = self.files.get_mut(key) {
                file.users.insert(child);
            }
        }
        let inherited = Process {
            files: keys,
            relooks: 0,
        };
        self.processes.insert(child, inherited);
        if self.scope == Scope::Targets {
            self.plan(Instant::now(), child, Look::Everything);
        }
    }

    fn forget(&mut self, pid: u32) {
        let Some(process) = self.processes.remove(&pid) else {
            return;
        };
        for key in process.files {
            if let Some(file) = self.files.get_mut(&key) {
                file.attached.remove(&pid);
                file.users.remove(&pid);
                if file.users.is_empty() {
                    file.idle_since = Some(Instant::now());
                }
            }
        }
        self.count();
    }

    /// Lets go of files that nobody uses, and of processes whose end was not heard of.
    fn sweep(&mut self) {
        let is_gone = |pid: &u32| *pid != 0 && !Path::new(&format!("/proc/{pid}")).exists();
        let gone: Vec<u32> = self.processes.keys().copied().filter(is_gone).collect();
        for pid in gone {
            self.forget(pid);
        }
        for file in self.files.values_mut() {
            if file
                .idle_since
                .is_some_and(|since| since.elapsed() > KEEP_IDLE)
            {
                file.attached.clear();
            }
        }
        self.count();
    }

    fn count(&self) {
        let probed = self.files.values().filter(|file| !file.attached.is_empty());
        let probed = u64::try_from(probed.count()).expect("64 bits");
        self.counts.files.store(probed, Ordering::Relaxed);
    }
}

impl Pace {
    fn new(most: u32) -> Self {
        Self {
            most,
            left: most,
            since: Instant::now(),
        }
    }

    fn may(&mut self) -> bool {
        if self.since.elapsed() > Duration::from_secs(1) {
            *self = Self::new(self.most);
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

fn examine(opened: &Opened, counts: &WatchCounts) -> Probed {
    let sites = match sites::find(&opened.file) {
        Found::Sites(sites) => Some(Arc::new(sites)),
        Found::Nothing => None,
        Found::Refused(reason) => {
            counts.refused.fetch_add(1, Ordering::Relaxed);
            info!(path = opened.path, reason, "a file with TLS is left alone");
            None
        }
    };
    Probed {
        sites,
        attached: HashMap::new(),
        users: HashSet::new(),
        idle_since: None,
        failed: false,
    }
}

/// By descriptor, so that it is this very file, wherever its path leads by now.
fn attach(
    probes: &TlsProbes,
    opened: &Opened,
    sites: &Sites,
    pid: Option<u32>,
) -> io::Result<Attachment> {
    let path = format!("/proc/self/fd/{}", opened.file.as_raw_fd());
    probes.attach(Path::new(&path), sites, pid)
}

/// Returns the processes that run.
pub(crate) fn running() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    names
        .filter_map(|name| name.to_str()?.parse().ok())
        .collect()
}
