//! What the kernel says of this process, under the Collector's names.
//!
//! The Collector's `runtime_` metrics describe Go's memory; ours say what comes closest for a
//! process without a garbage collector, and their help lines say what that is.

use std::{fs, time::Instant};

use tapline_pipeline::{Meters, meter::Kind};

/// Linux tells processor time in this many ticks per second, whatever its own clock does.
const TICKS_PER_SECOND: f64 = 100.0;
/// Linux tells memory in these units.
const KIB: f64 = 1024.0;
const PAGE_BYTES: f64 = 4096.0;

/// Registers the metrics of this process, which has been up since `started`.
pub(super) fn register(meters: &Meters, started: Instant) {
    let register = |name: &'static str, help, kind, read: fn(&Vitals) -> f64| {
        let read = move || Vitals::read().map_or(0.0, |vitals| read(&vitals));
        meters.observed(name, help, &[], kind, read);
    };
    meters.observed(
        "otelcol_process_uptime",
        "Uptime of the process.",
        &[],
        Kind::Counter,
        move || started.elapsed().as_secs_f64(),
    );
    register(
        "otelcol_process_cpu_seconds",
        "Total CPU user and system time in seconds.",
        Kind::Counter,
        |vitals| vitals.cpu_seconds,
    );
    register(
        "otelcol_process_memory_rss",
        "Total physical memory (resident set size).",
        Kind::Gauge,
        |vitals| vitals.resident_bytes,
    );
    register(
        "otelcol_process_runtime_heap_alloc_bytes",
        "Resident memory that is not backed by files: heaps and stacks.",
        Kind::Gauge,
        |vitals| vitals.anonymous_bytes,
    );
    register(
        "otelcol_process_runtime_total_alloc_bytes",
        "Memory that was ever obtained from the system, by page faults.",
        Kind::Counter,
        |vitals| vitals.faulted_bytes,
    );
    register(
        "otelcol_process_runtime_total_sys_memory_bytes",
        "Memory that is in use, resident and swapped out.",
        Kind::Gauge,
        |vitals| vitals.resident_bytes + vitals.swapped_bytes,
    );
}

/// What `/proc/self` says.
#[derive(Debug, Default, PartialEq)]
struct Vitals {
    cpu_seconds: f64,
    faulted_bytes: f64,
    resident_bytes: f64,
    anonymous_bytes: f64,
    swapped_bytes: f64,
}

impl Vitals {
    /// Returns `None` where there is no `/proc`.
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        Self::parse(&stat, &status)
    }

    fn parse(stat: &str, status: &str) -> Option<Self> {
        // The second field is a name in parentheses, which may hold anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let line = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib = line.trim_start_matches(':').split_whitespace().next()?;
            Some(kib.parse::<f64>().ok()? * KIB)
        };
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / TICKS_PER_SECOND,
            faulted_bytes: field(10)? * PAGE_BYTES,
            resident_bytes: line("VmRSS")?,
            anonymous_bytes: line("RssAnon").unwrap_or_default(),
            swapped_bytes: line("VmSwap").unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Vitals;

    #[test]
    fn reads_what_the_kernel_says() {
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194304 1000 0 5 0 250 150 0 0 20 0 4 0 99 0 0";
        let status = "Name:\tx\nVmRSS:\t    2048 kB\nRssAnon:\t 1024 kB\nVmSwap:\t 4 kB\n";
        let expected = Vitals {
            cpu_seconds: 4.0,
            faulted_bytes: 4_096_000.0,
            resident_bytes: 2_097_152.0,
            anonymous_bytes: 1_048_576.0,
            swapped_bytes: 4096.0,
        };
        assert_eq!(Vitals::parse(stat, status), Some(expected));
        assert_eq!(Vitals::parse("", status), None);
        assert!(Vitals::read().is_some_and(|vitals| vitals.resident_bytes > 0.0));
    }
}
