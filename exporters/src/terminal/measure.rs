//! Shows times, durations and sizes in as few characters as a person needs.

use std::time::Duration;

const SECONDS_PER_DAY: i64 = 86_400;
const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// Shows the time of day, to the millisecond: `12:34:56.789`.
pub(super) fn time_of_day(unix_ns: u64, utc_offset_s: i64) -> String {
    let seconds = i64::try_from(unix_ns / 1_000_000_000).unwrap_or_default();
    let second = (seconds + utc_offset_s).rem_euclid(SECONDS_PER_DAY);
    let millis = unix_ns % 1_000_000_000 / 1_000_000;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{millis:03}")
}

/// Shows a duration in three digits: `350µs`, `12.4ms`, `1.24s`, `2m03s`, `5h07m`.
pub(super) fn duration(time: Duration) -> String {
    let micros = time.as_micros();
    let seconds = (time + HALF_A_SECOND).as_secs();
    match micros {
        0..1_000 => format!("{micros}µs"),
        1_000..999_500 => scaled(micros, 1_000, 3, "ms"),
        999_500..59_950_000 => scaled(micros, 1_000_000, 3, "s"),
        _ if seconds < 3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}

/// Shows a number of bytes in two digits or more: `0B`, `999B`, `1.2kB`, `34MB`.
pub(super) fn size(bytes: u64) -> String {
    let amount = u128::from(bytes);
    match bytes {
        0..1_000 => format!("{bytes}B"),
        1_000..999_500 => scaled(amount, 1_000, 2, "kB"),
        999_500..999_500_000 => scaled(amount, 1_000_000, 2, "MB"),
        _ => scaled(amount, 1_000_000_000, 2, "GB"),
    }
}

/// Shows `amount / unit`, rounded once, with as many decimals as fit into so many digits.
fn scaled(amount: u128, unit: u128, digits: u32, name: &str) -> String {
    let with_decimals = |decimals: u32| {
        let scale = 10_u128.pow(decimals);
        let rounded = (amount * scale + unit / 2) / unit;
        let (whole, part, width) = (rounded / scale, rounded % scale, decimals as usize);
        (rounded < 10_u128.pow(digits)).then(|| format!("{whole}.{part:0width$}{name}"))
    };
    (1..digits)
        .rev()
        .find_map(with_decimals)
        .unwrap_or_else(|| format!("{}{name}", (amount + unit / 2) / unit))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{duration, size, time_of_day};

    #[test]
    fn durations_are_short() {
        let cases = [
            (0, "0µs"),
            (350, "350µs"),
            (1_000, "1.00ms"),
            (9_994, "9.99ms"),
            (12_400, "12.4ms"),
            (99_949, "99.9ms"),
            (123_456, "123ms"),
            (999_499, "999ms"),
            (999_500, "1.00s"),
            (1_240_000, "1.24s"),
            (59_949_999, "59.9s"),
            (59_950_000, "1m00s"),
            (123_000_000, "2m03s"),
            (18_420_000_000, "5h07m"),
        ];
        for (micros, shown) in cases {
            assert_eq!(duration(Duration::from_micros(micros)), shown);
        }
    }

    #[test]
    fn sizes_are_short() {
        let cases = [
            (0, "0B"),
            (999, "999B"),
            (1_234, "1.2kB"),
            (9_960, "10kB"),
            (34_000, "34kB"),
            (999_499, "999kB"),
            (999_500, "1.0MB"),
            (34_000_000, "34MB"),
            (1_200_000_000, "1.2GB"),
            (u64::MAX, "18446744074GB"),
        ];
        for (bytes, shown) in cases {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn the_time_of_day_follows_the_offset() {
        let at = 1_700_000_096_789_999_999;
        assert_eq!(time_of_day(at, 0), "22:14:56.789");
        assert_eq!(time_of_day(at, 7_200), "00:14:56.789");
        assert_eq!(time_of_day(0, -12_600), "20:30:00.000");
        assert_eq!(time_of_day(u64::MAX, 50_400).len(), 12);
    }
}
