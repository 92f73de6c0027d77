//! Other processes: what they use, how they are ended, how they are waited for.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use anyhow::{Context as _, Result, ensure};

/// Ticks per second of `/proc/PID/stat`: a constant of the kernel's interface on every processor
/// we build for.
const USER_HZ: f64 = 100.0;
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What a process used so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usage {
    pub(super) cpu_ms: f64,
    pub(super) rss_kib: u64,
    /// The most that ever was resident.
    pub(super) peak_kib: u64,
}

impl Usage {
    pub(super) fn of(pid: u32) -> Result<Self> {
        let read = |file| {
            let path = format!("/proc/{pid}/{file}");
            fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
        };
        let status = read("status")?;
        Ok(Self {
            cpu_ms: cpu_ms(&read("stat")?).context("no CPU time in /proc/PID/stat")?,
            rss_kib: kib(&status, "VmRSS:").context("no VmRSS in /proc/PID/status")?,
            peak_kib: kib(&status, "VmHWM:").context("no VmHWM in /proc/PID/status")?,
        })
    }
}

/// Asks a process to end. The shell's `kill` is there when no other is.
pub(super) fn terminate(pid: u32) -> Result<()> {
    let status = Command::new("sh")
        .args(["-c", "kill -TERM \"$1\"", "sh", &pid.to_string()])
        .stderr(Stdio::null())
        .status()
        .context("cannot run sh")?;
    ensure!(status.success(), "cannot send SIGTERM to {pid}");
    Ok(())
}

/// Waits for a child that was asked to end; ends it the hard way when it does not listen.
pub(super) fn reap(child: &mut Child, patience: Duration) -> io::Result<()> {
    let deadline = Instant::now() + patience;
    while child.try_wait()?.is_none() {
        if Instant::now() >= deadline {
            child.kill()?;
        }
        pause(LOOK_AGAIN);
    }
    Ok(())
}

/// Does nothing for a while.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no runtime here to block"
)]
pub(super) fn pause(time: Duration) {
    thread::sleep(time);
}

/// The name in parentheses may contain anything, so fields are counted from its end.
fn cpu_ms(stat: &str) -> Option<f64> {
    const UTIME: usize = 11;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(UTIME);
    let user: u32 = times.next()?.parse().ok()?;
    let system: u32 = times.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(system)) * 1e3 / USER_HZ)
}

fn kib(status: &str, field: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(field))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cpu_time_after_whatever_the_name_is() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 10 0 1 0 8 11 0 0 20 0 6 0 418865";
        assert_eq!(cpu_ms(stat), Some(190.0));
        assert_eq!(cpu_ms("7 (a) S 1 2 3"), None);
    }

    #[test]
    fn reads_resident_memory() {
        let status = "VmHWM:\t 66816 kB\nVmRSS:\t 58460 kB\n";
        assert_eq!(kib(status, "VmRSS:"), Some(58460));
        assert_eq!(kib(status, "VmHWM:"), Some(66816));
        assert_eq!(kib("Name:\tkthreadd\n", "VmRSS:"), None);
    }
}
