//! Prints numbers, times and ids the way Go does, because the Collector is written in it.

use std::fmt::{self, Display, Formatter};

/// A float as `%f`: six decimals.
pub(super) struct Fixed(pub(super) f64);

impl Display for Fixed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match non_finite(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "{:.6}", self.0),
        }
    }
}

/// A float as `%v`: the shortest digits, with an exponent below 1e-4 and from 1e6 up.
pub(super) struct Shortest(pub(super) f64);

impl Display for Shortest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match non_finite(self.0) {
            Some(name) => f.write_str(name),
            None => exponent_outside(f, self.0, -4, 6, 2),
        }
    }
}

/// A float as JSON, which Go writes like ECMAScript. Must be finite.
pub(super) struct Json(pub(super) f64);

impl Display for Json {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        exponent_outside(f, self.0, -6, 21, 1)
    }
}

/// Returns Go's name of a float that is not finite.
pub(super) fn non_finite(float: f64) -> Option<&'static str> {
    if float.is_nan() {
        Some("NaN")
    } else if float.is_infinite() {
        Some(if float > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}

/// Prints the shortest digits, with an exponent of at least `digits` when it is not in `low..high`.
fn exponent_outside(
    f: &mut Formatter<'_>,
    float: f64,
    low: i32,
    high: i32,
    digits: usize,
) -> fmt::Result {
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("`{:e}` prints an exponent");
    let exponent: i32 = exponent.parse().expect("`{:e}` prints a decimal exponent");
    if (low..high).contains(&exponent) {
        return write!(f, "{float}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    write!(f, "{mantissa}e{sign}{:0digits$}", exponent.unsigned_abs())
}

/// Bytes in hex.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A trace or span id: in hex, nothing when it is all zero.
pub(super) struct Id<'a>(pub(super) &'a [u8]);

impl Display for Id<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.iter().all(|&byte| byte == 0) {
            Ok(())
        } else {
            Hex(self.0).fmt(f)
        }
    }
}

/// Nanoseconds since 1970 as `2020-02-11 20:26:13.000000789 +0000 UTC`.
pub(super) struct Time(pub(super) u64);

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const NANOS: i64 = 1_000_000_000;
        const DAY: i64 = 86_400;
        // Go takes the number as signed, so that what is after 2262 wraps to before 1970.
        let ns = self.0.cast_signed();
        let (seconds, nanos) = (ns.div_euclid(NANOS), ns.rem_euclid(NANOS));
        let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
        )?;
        if nanos != 0 {
            let digits = format!("{nanos:09}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str(" +0000 UTC")
    }
}

/// Returns the date of a day counted from 1970-01-01, by Howard Hinnant's `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    // Years are counted from March, so that the leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_floats_as_go_does() {
        let fixed = |float| Fixed(float).to_string();
        assert_eq!(
            [fixed(1.23), fixed(-0.0), fixed(1e7)],
            ["1.230000", "-0.000000", "10000000.000000"]
        );
        assert_eq!([fixed(f64::NAN), fixed(f64::NEG_INFINITY)], ["NaN", "-Inf"]);
        let shortest = |float| Shortest(float).to_string();
        assert_eq!(
            [shortest(99.573), shortest(3.0), shortest(0.0)],
            ["99.573", "3", "0"]
        );
        assert_eq!([shortest(1e-4), shortest(1.5e-5)], ["0.0001", "1.5e-05"]);
        assert_eq!(
            [shortest(123_456.5), shortest(1_234_567.0)],
            ["123456.5", "1.234567e+06"]
        );
        let json = |float| Json(float).to_string();
        assert_eq!(
            [json(1e-6), json(1e-7), json(1e-10)],
            ["0.000001", "1e-7", "1e-10"]
        );
        assert_eq!(
            [json(1e20), json(-1e21)],
            ["100000000000000000000", "-1e+21"]
        );
    }

    #[test]
    fn prints_times_as_go_does() {
        let time = |ns| Time(ns).to_string();
        assert_eq!(time(0), "1970-01-01 00:00:00 +0000 UTC");
        let golden = 1_581_452_773_000_000_789;
        assert_eq!(time(golden), "2020-02-11 20:26:13.000000789 +0000 UTC");
        assert_eq!(
            time(951_782_400_500_000_000),
            "2000-02-29 00:00:00.5 +0000 UTC"
        );
        assert_eq!(time(u64::MAX), "1969-12-31 23:59:59.999999999 +0000 UTC");
    }
}
