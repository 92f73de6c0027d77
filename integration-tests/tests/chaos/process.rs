//! One `tapline` process under observation. It must not know what is tested.

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tapline_integration_tests::tapline;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::{Child, ChildStderr, Command},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

use crate::books::Page;

/// How long the process may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most lines it may log.
const LINES_MAX: usize = 100_000;

/// A running daemon. Killed by its id when dropped.
pub(crate) struct Process {
    child: Child,
    log: Arc<Log>,
    _reader: JoinSet<()>,
    page: u16,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    count: watch::Sender<usize>,
}

impl Process {
    /// Starts with a configuration file whose metrics page is on the port, and waits until ready.
    pub(crate) async fn start(config: &Path, page: u16) -> Self {
        Self::start_with(config, page, &[]).await
    }

    /// Starts with further options.
    pub(crate) async fn start_with(config: &Path, page: u16, options: &[&str]) -> Self {
        let mut command = Command::new(tapline());
        command.arg("--config").arg(config).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("tapline can be started");
        let log = Arc::<Log>::default();
        let mut reader = JoinSet::new();
        reader.spawn(read(
            child.stderr.take().expect("it is piped"),
            Arc::clone(&log),
        ));
        let process = Self {
            child,
            log,
            _reader: reader,
            page,
        };
        process.says("Everything is ready", 1).await;
        process
    }

    /// Waits until it has logged a text a number of times.
    pub(crate) async fn says(&self, text: &str, times: usize) {
        let is_said = self.until(|| self.count(text) >= times).await;
        let tail = self.tail();
        assert!(
            is_said,
            "{text:?} is not said {times} times; the end of the log:\n{tail}"
        );
    }

    /// Waits until it has logged a text about a component.
    pub(crate) async fn says_of(&self, component: &str, text: &str) {
        let is_said = self.until(|| self.of(component, text).is_some()).await;
        let tail = self.tail();
        assert!(
            is_said,
            "{text:?} is not said of {component}; the end of the log:\n{tail}"
        );
    }

    /// Waits until something holds that depends on the log; returns whether it came to hold.
    async fn until(&self, holds: impl Fn() -> bool) -> bool {
        let mut count = self.log.count.subscribe();
        let wait = async {
            loop {
                count.mark_unchanged();
                if holds() {
                    return;
                }
                count.changed().await.expect("we hold the sender");
            }
        };
        timeout(PATIENCE, wait).await.is_ok()
    }

    /// Returns a line with a text about a component.
    pub(crate) fn of(&self, component: &str, text: &str) -> Option<String> {
        let of = format!("\"otelcol.component.id\": \"{component}\"");
        let lines = self.log.lock();
        lines
            .iter()
            .find(|line| line.contains(text) && line.contains(&of))
            .cloned()
    }

    /// Counts the lines with a text.
    pub(crate) fn count(&self, text: &str) -> usize {
        let lines = self.log.lock();
        lines.iter().filter(|line| line.contains(text)).count()
    }

    /// Returns the last line with a text.
    pub(crate) fn last(&self, text: &str) -> Option<String> {
        let lines = self.log.lock();
        lines.iter().rev().find(|line| line.contains(text)).cloned()
    }

    /// Returns the end of its log, to be shown when something is wrong.
    pub(crate) fn tail(&self) -> String {
        let lines = self.log.lock();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let Some(pid) = self.child.id() else { return };
        // The shell has its own `kill`, and a system call of ours would be unsafe code.
        let sent = std::process::Command::new("sh")
            .args(["-c", "kill -\"$0\" \"$1\"", name, &pid.to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "{pid} is gone");
    }

    /// Returns its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it was not waited for yet")
    }

    /// Reads its metrics page.
    pub(crate) async fn page(&self) -> Page {
        Page::read(self.page).await
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        let Ok(ended) = timeout(PATIENCE, self.child.wait()).await else {
            panic!("it does not end; the end of the log:\n{}", self.tail());
        };
        ended.expect("it is ours to wait for")
    }

    /// Kills it as a crash would.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it is ours to kill");
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().expect("nobody panics over the lines")
    }
}

async fn read(pipe: ChildStderr, log: Arc<Log>) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut told = log.lock();
        // Whoever says more shows in a test that waits for the line that is left out.
        if told.len() < LINES_MAX {
            told.push(line);
        }
        let count = told.len();
        drop(told);
        log.count.send_replace(count);
    }
}

/// Finds ports where nobody listens, different from each other.
pub(crate) async fn free_ports<const N: usize>() -> [u16; N] {
    let mut listeners = Vec::new();
    for _ in 0..N {
        let bound = TcpListener::bind("127.0.0.1:0").await;
        listeners.push(bound.expect("loopback has free ports"));
    }
    let ports = listeners
        .iter()
        .map(|listener| listener.local_addr().expect("it is bound").port());
    ports.collect::<Vec<_>>().try_into().expect("N were bound")
}
