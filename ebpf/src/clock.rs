//! Reads the kernel's monotonic clock against the wall clock.
//!
//! Records carry `CLOCK_MONOTONIC`, which std keeps opaque; this is the only place that reads it.
#![expect(unsafe_code, reason = "clock_gettime(2)")]

/// Readings taken for one sample; the tightest pair wins.
const TRIES: u32 = 5;

/// Returns `CLOCK_MONOTONIC`, in nanoseconds.
pub fn monotonic_ns() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// Returns what must be added to a monotonic time to get nanoseconds since 1970.
///
/// Reads wall, monotonic, wall and believes the reading whose two wall times are closest, so that
/// being descheduled in between does not count.
pub fn wall_offset_ns() -> i64 {
    let sample = || {
        let before = read(libc::CLOCK_REALTIME);
        let monotonic = read(libc::CLOCK_MONOTONIC);
        let after = read(libc::CLOCK_REALTIME);
        let middle = before + after.saturating_sub(before) / 2;
        (
            after.abs_diff(before),
            middle.cast_signed() - monotonic.cast_signed(),
        )
    };
    (0..TRIES)
        .map(|_| sample())
        .min_by_key(|(width, _)| *width)
        .map_or(0, |(_, offset)| offset)
}

/// Returns how far `CLOCK_BOOTTIME` is ahead of `CLOCK_MONOTONIC`: the time spent suspended.
pub fn suspended_ns() -> u64 {
    read(libc::CLOCK_BOOTTIME).saturating_sub(read(libc::CLOCK_MONOTONIC))
}

/// Returns how much CPU time the thread took that asks, in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` outlives the call; these clocks exist on every kernel the tap runs on.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}
