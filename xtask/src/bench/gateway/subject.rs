//! The daemon that is measured: started on its own core, looked at from outside, stopped.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::place::{Core, pinned, wait_for_accept};
use crate::bench::process::{self, Usage};

const START_PATIENCE: Duration = Duration::from_secs(10);
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// A daemon at work. It is ended when this goes out of scope.
pub(super) struct Subject {
    child: Child,
    log: PathBuf,
    /// From the start of the process to the first connection it accepted.
    pub(super) ready: Duration,
}

impl Subject {
    /// Starts the daemon and returns when it accepts at every address.
    pub(super) fn start(program: &Path, config: &Path, accepts: &[SocketAddr]) -> Result<Self> {
        let log = config.with_extension("log");
        let started = Instant::now();
        let child = pinned(Core::Daemon, program)
            .arg("--config")
            .arg(config)
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let mut subject = Self {
            child,
            log,
            ready: Duration::ZERO,
        };
        for address in accepts {
            let accepted = wait_for_accept(&mut subject.child, *address, START_PATIENCE);
            accepted.with_context(|| subject.last_words())?;
            if subject.ready.is_zero() {
                subject.ready = started.elapsed();
            }
        }
        Ok(subject)
    }

    /// Returns what it used so far.
    pub(super) fn usage(&self) -> Result<Usage> {
        Usage::of(self.pid()).with_context(|| self.last_words())
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn stop(mut self) -> Result<()> {
        process::terminate(self.pid())?;
        Ok(process::reap(&mut self.child, STOP_PATIENCE)?)
    }

    /// Returns what it logged.
    pub(super) fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        format!("the daemon said: {log}")
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It may have ended already, and an error here has nobody to go to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
