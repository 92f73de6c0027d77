//! What reading the tap and everybody else takes of the machine, as the kernel counts it.
//!
//! Only the thread that reads is counted: a gateway in the same process may be busy with what no
//! exchange let go would spare. It is read in that thread.
//!
//! A quota of a control group is not looked at: it bounds tapline by itself, and then the ring
//! fills and exchanges are let go there.

use std::fs;

use tapline_ebpf::clock;

use super::Reading;

/// Where the kernel says how the time of all CPUs was spent.
const STAT: &str = "/proc/stat";

/// What was counted by some moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    at_ns: u64,
    own_ns: u64,
    /// Of all CPUs together, in whatever unit.
    all: u64,
    idle: u64,
    cpus: u32,
}

impl Usage {
    /// Reads the counters; nothing where they cannot be read.
    pub(super) fn read() -> Option<Self> {
        let (all, idle, cpus) = machine(&fs::read_to_string(STAT).ok()?)?;
        Some(Self {
            at_ns: clock::monotonic_ns(),
            own_ns: clock::thread_cpu_ns(),
            all,
            idle,
            cpus,
        })
    }

    /// Returns what happened since an earlier moment.
    #[expect(clippy::cast_precision_loss, reason = "differences of a moment")]
    pub(super) fn since(self, earlier: Self) -> Option<Reading> {
        let elapsed = self.at_ns.checked_sub(earlier.at_ns).filter(|ns| *ns > 0)? as f64;
        let all = self.all.checked_sub(earlier.all).filter(|all| *all > 0)? as f64;
        let own_ns = self.own_ns.saturating_sub(earlier.own_ns) as f64;
        let idle = self.idle.saturating_sub(earlier.idle) as f64; // iowait may go backwards
        Some(Reading {
            seconds: elapsed / 1e9,
            own: own_ns / (elapsed * f64::from(self.cpus)),
            idle: (idle / all).min(1.0),
            cpus: self.cpus,
        })
    }
}

/// Reads the time of all CPUs, how much of it was idle, and how many there are. What waits for a
/// disk is idle; what was stolen by other machines is not.
fn machine(stat: &str) -> Option<(u64, u64, u32)> {
    let mut lines = stat.lines();
    let times = lines.next()?.strip_prefix("cpu ")?;
    // user nice system idle iowait irq softirq steal; guests are in user and nice already.
    let times: Vec<u64> = times
        .split_ascii_whitespace()
        .take(8)
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let idle = times.get(3)? + times.get(4)?;
    let cpus = lines.take_while(|line| line.starts_with("cpu")).count();
    let cpus = u32::try_from(cpus).ok().filter(|cpus| *cpus > 0)?;
    Some((times.iter().sum(), idle, cpus))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 1 50 800 40 3 4 2 9 9\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5 6\n";

    #[test]
    fn reads_what_the_kernel_says() {
        assert_eq!(machine(STAT), Some((1000, 840, 2)));
        assert_eq!(machine("cpu  1 2 3\n"), None);
        assert_eq!(machine("intr 5\n"), None);
        assert_eq!(machine(""), None);
    }

    #[test]
    fn shares_are_of_all_cpus() {
        let earlier = Usage {
            at_ns: 1_000_000_000,
            own_ns: 50_000_000,
            all: 1000,
            idle: 840,
            cpus: 2,
        };
        let now = Usage {
            at_ns: 1_100_000_000,
            own_ns: 70_000_000,
            all: 1020,
            idle: 845,
            cpus: 2,
        };
        let reading = now.since(earlier).expect("time passed");
        assert!((reading.own - 0.1).abs() < 1e-9, "{reading:?}");
        assert!((reading.idle - 0.25).abs() < 1e-9, "{reading:?}");
        assert!((reading.seconds - 0.1).abs() < 1e-9, "{reading:?}");
        assert!(earlier.since(earlier).is_none());
    }

    #[test]
    fn this_machine_can_be_read() {
        let usage = Usage::read().expect("procfs");
        assert!(usage.cpus > 0 && usage.all >= usage.idle);
    }
}
