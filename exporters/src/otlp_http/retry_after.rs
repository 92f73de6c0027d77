//! The header `Retry-After`: seconds, or a date as HTTP writes it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Returns how long to wait; nothing for what is malformed, zero, or a date that has passed.
pub(super) fn delay(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    let delay = match header.parse::<u32>() {
        Ok(seconds) => Duration::from_secs(u64::from(seconds)),
        Err(_) => date(header)?.duration_since(now).ok()?,
    };
    (!delay.is_zero()).then_some(delay)
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that HTTP still allows to be written.
fn date(text: &str) -> Option<SystemTime> {
    let (_weekday, text) = text.split_once(", ")?;
    let mut parts = text.split(' ');
    let day = number(parts.next()?, 1..=31)?;
    let month = parts.next()?;
    let month = 1 + u64::try_from(MONTHS.iter().position(|name| *name == month)?).ok()?;
    let year = number(parts.next()?, 1970..=9999)?;
    let mut clock = parts.next()?.split(':');
    let hour = number(clock.next()?, 0..=23)?;
    let minute = number(clock.next()?, 0..=59)?;
    let second = number(clock.next()?, 0..=60)?;
    if parts.next() != Some("GMT") || parts.next().is_some() || clock.next().is_some() {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

fn number(text: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|number| digits && range.contains(number))
}

/// Counts days in the Gregorian calendar; years begin in March so that leap days end them.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    365 * year + leap_days + (153 * month + 2) / 5 + (day - 1) - 719_468
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::delay;

    #[test]
    fn reads_seconds_and_dates() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let cases = [
            ("7", Some(7)),
            (" 120 ", Some(120)),
            ("0", None),
            ("-1", None),
            ("soon", None),
            ("", None),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", None),
            (
                "Tue, 29 Feb 2000 00:00:00 GMT",
                Some(951_782_400 - 784_111_777),
            ),
            ("Sun, 06 Nov 1994 08:49:47 CET", None),
            ("Sun, 06 Nov 1994 25:49:47 GMT", None),
            ("Sun, 06 Nov 1994 08:49:47:01 GMT", None),
            ("Sunday, 06-Nov-94 08:49:47 GMT", None),
        ];
        for (header, seconds) in cases {
            assert_eq!(
                delay(header, now),
                seconds.map(Duration::from_secs),
                "{header:?}"
            );
        }
    }
}
