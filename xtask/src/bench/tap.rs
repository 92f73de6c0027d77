//! The daemon as users run it: built for release, started, listened to, stopped.
//!
//! It taps everything and exports next to nothing, so that what is measured is the tap. Only its
//! metrics are shown, as text on its standard output, for its own counters.

use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::counters::Counters;
use super::process::{self, Usage};
use super::release::{self, PACKAGE};
use super::scratch::Scratch;

const READY: &str = "Everything is ready";
const START_PATIENCE: Duration = Duration::from_secs(15);
const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// How long the daemon may still work on what it has taken.
const SETTLE_PATIENCE: Duration = Duration::from_secs(20);
const SETTLE_LOOK: Duration = Duration::from_millis(300);
/// An idle daemon looks at its ring; more than this within a look is work.
const IDLE_CPU_MS: f64 = 10.0;
/// Metrics come every ten seconds, so this is never reached.
const TEXT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Lines of log that are kept for an error message.
const LOG_LINES_MAX: usize = 64;

const CONFIG: &str = "\
receivers:
  ebpf: SETTINGS
exporters:
  debug/nothing:
    sampling_initial: 0
    sampling_thereafter: 0
  debug/metrics:
    verbosity: detailed
    sampling_initial: 1000
    use_internal_logger: false
service:
  pipelines:
    traces: {receivers: [ebpf], exporters: [debug/nothing]}
    logs: {receivers: [ebpf], exporters: [debug/nothing]}
    metrics: {receivers: [ebpf], exporters: [debug/metrics]}
";

/// Whether the daemon lets exchanges go when there is no CPU to spare.
#[derive(Clone, Copy, Debug)]
pub(super) enum Governor {
    /// As users have it who say nothing of it.
    Default,
    /// It takes what it wants, so that nothing may be missing.
    Off,
}

/// The daemon, ready to be started.
pub(super) struct Tap {
    program: PathBuf,
    config: PathBuf,
}

/// A daemon that taps. It is ended when this goes out of scope.
pub(super) struct Running {
    child: Child,
    log: Receiver<String>,
    told: Option<JoinHandle<io::Result<String>>>,
}

impl Tap {
    /// Builds the daemon and writes its configuration.
    pub(super) fn build(root: &Path, scratch: &Scratch, governor: Governor) -> Result<Self> {
        let (name, settings) = match governor {
            Governor::Default => ("governed.yaml", "{}"),
            Governor::Off => ("tapline.yaml", "{cpu_share: 0}"),
        };
        Ok(Self {
            program: release::build(root)?,
            config: scratch.write(name, &CONFIG.replace("SETTINGS", settings))?,
        })
    }

    /// Starts the daemon and returns when it taps.
    pub(super) fn start(&self) -> Result<Running> {
        let mut child = Command::new(&self.program)
            .arg("--config")
            .arg(&self.config)
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG") // would hide the line that is waited for
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        let (lines, log) = sync_channel(LOG_LINES_MAX);
        let errors = child.stderr.take().expect("piped above");
        thread::spawn(move || forward(errors, &lines));
        let output = child.stdout.take().expect("piped above");
        let told = Some(thread::spawn(move || text(output)));
        let running = Running { child, log, told };
        running.wait_ready()?;
        Ok(running)
    }
}

// === impl Running ===

impl Running {
    /// Returns what the daemon used so far.
    pub(super) fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id()).with_context(|| self.last_words())
    }

    /// Waits until the daemon has done what it had to do; returns what it used until then.
    pub(super) fn settle(&self) -> Result<Usage> {
        let deadline = Instant::now() + SETTLE_PATIENCE;
        let mut before = self.usage()?;
        loop {
            process::pause(SETTLE_LOOK);
            let now = self.usage()?;
            if now.cpu_ms - before.cpu_ms <= IDLE_CPU_MS {
                return Ok(now);
            }
            ensure!(Instant::now() < deadline, "{PACKAGE} does not come to rest");
            before = now;
        }
    }

    /// Stops the daemon and returns what it counted.
    pub(super) fn stop(mut self) -> Result<Counters> {
        process::terminate(self.child.id())?;
        process::reap(&mut self.child, STOP_PATIENCE)?;
        let told = self.told.take().expect("taken only here");
        let text = told.join().expect("reads, and does not panic")?;
        Counters::read(&text).with_context(|| self.last_words())
    }

    fn wait_ready(&self) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        let mut said = Vec::new();
        loop {
            match self
                .log
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) if line.contains(READY) => return Ok(()),
                Ok(line) => said.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    bail!(
                        "{PACKAGE} is not ready after {START_PATIENCE:?}\n{}",
                        said.join("\n")
                    )
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("{PACKAGE} ended before it was ready\n{}", said.join("\n"))
                }
            }
        }
    }

    fn last_words(&self) -> String {
        let said: Vec<String> = self.log.try_iter().collect();
        format!("{PACKAGE} said: {}", said.join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, and an error here has nobody to go to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Hands over lines as long as there is room; a daemon must never wait for its reader.
fn forward(from: impl Read, lines: &SyncSender<String>) {
    for line in BufReader::new(from).lines() {
        let Ok(line) = line else { return };
        let _ = lines.try_send(line);
    }
}

fn text(from: impl Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(TEXT_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}
