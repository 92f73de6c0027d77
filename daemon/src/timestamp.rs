//! Moments as text, in UTC. Pure.

use std::time::{Duration, SystemTime};

/// Writes a time as `2026-08-22T10:00:00.000Z`, as the Collector's log does.
pub(crate) fn millis(time: SystemTime) -> String {
    let since = since_epoch(time);
    format!("{}.{:03}Z", seconds(since), since.subsec_millis())
}

/// Writes a time as `2026-08-22T10:00:00.000000001Z`, as Go writes it in JSON.
pub(crate) fn nanos(time: SystemTime) -> String {
    let since = since_epoch(time);
    let fraction = format!(".{:09}", since.subsec_nanos());
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{}{fraction}Z", seconds(since))
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

fn seconds(since: Duration) -> String {
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let second = second % 60;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// Returns the civil date so many days after 1970-01-01, counting years from March.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leaps = day_of_era / 1460 + day_of_era / 146_096 - day_of_era / 36_524;
    let year_of_era = (day_of_era - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_go_writes_them() {
        let at = |seconds, nanos| SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        assert_eq!(millis(at(0, 0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            millis(at(951_827_696, 7_000_000)),
            "2000-02-29T12:34:56.007Z"
        );
        assert_eq!(
            nanos(at(1_787_392_800, 120)),
            "2026-08-22T10:00:00.00000012Z"
        );
        assert_eq!(nanos(at(4_107_542_399, 0)), "2100-02-28T23:59:59Z");
    }
}
