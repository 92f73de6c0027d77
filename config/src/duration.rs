//! Lengths of time as Go writes them: `1h2m3.5s`, `200ms`, `5us`.

use std::{fmt, str::FromStr, time::Duration as StdDuration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The name under which a duration asks the decoder for its value, so that it can warn of integers.
pub(crate) const DURATION: &str = "$tapline::Duration";

/// A length of time, never negative, at most the 292 years that Go can hold.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(StdDuration);

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It is not written as Go writes durations.
    #[error("invalid duration \"{0}\"")]
    Malformed(String),
    /// A number has no unit.
    #[error("missing unit in duration \"{0}\"")]
    NoUnit(String),
    /// A unit is not one of Go's.
    #[error("unknown unit \"{unit}\" in duration \"{text}\"")]
    UnknownUnit {
        /// What stands in the place of a unit.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// It is below zero.
    #[error("duration \"{0}\" is negative")]
    Negative(String),
    /// It is longer than Go can hold.
    #[error("duration \"{0}\" is too long")]
    TooLong(String),
}

/// Nanoseconds per unit.
const UNITS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl Duration {
    /// No time at all; many settings take it as "no limit".
    pub const ZERO: Self = Self(StdDuration::ZERO);

    /// Makes a duration of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(StdDuration::from_secs(seconds))
    }

    /// Makes a duration of whole milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(StdDuration::from_millis(milliseconds))
    }

    /// Returns it as the standard library's type.
    pub const fn get(self) -> StdDuration {
        self.0
    }

    /// Returns whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if unsigned == "0" {
            return Ok(Self::ZERO);
        }
        if unsigned.is_empty() {
            return Err(DurationError::Malformed(text.to_owned()));
        }
        let mut total: u64 = 0;
        let mut rest = unsigned;
        while !rest.is_empty() {
            let nanos;
            (nanos, rest) = leading_part(rest, text)?;
            total = total
                .checked_add(nanos)
                .filter(|total| i64::try_from(*total).is_ok())
                .ok_or_else(|| DurationError::TooLong(text.to_owned()))?;
        }
        if negative && total > 0 {
            return Err(DurationError::Negative(text.to_owned()));
        }
        Ok(Self(StdDuration::from_nanos(total)))
    }
}

/// Splits one number and its unit off the front; returns it in nanoseconds, and what is left.
fn leading_part<'a>(rest: &'a str, text: &str) -> Result<(u64, &'a str), DurationError> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let (number, rest) = rest.split_at(rest.find(|c| !is_number(c)).unwrap_or(rest.len()));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(DurationError::Malformed(text.to_owned()));
    }
    let (unit, rest) = rest.split_at(rest.find(is_number).unwrap_or(rest.len()));
    if unit.is_empty() {
        return Err(DurationError::NoUnit(text.to_owned()));
    }
    let scale = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, scale)| *scale);
    let scale = scale.ok_or_else(|| DurationError::UnknownUnit {
        unit: unit.to_owned(),
        text: text.to_owned(),
    })?;
    let whole: u64 = if whole.is_empty() {
        Ok(0)
    } else {
        whole.parse()
    }
    .map_err(|_| DurationError::TooLong(text.to_owned()))?;
    let nanos = whole
        .checked_mul(scale)
        .and_then(|nanos| nanos.checked_add(fraction_of(scale, fraction)))
        .ok_or_else(|| DurationError::TooLong(text.to_owned()))?;
    Ok((nanos, rest))
}

/// Returns the decimal fraction of a unit, cut to whole nanoseconds.
fn fraction_of(scale: u64, digits: &str) -> u64 {
    // 18 digits of the smallest share of an hour are far below a nanosecond.
    let digits = &digits[..digits.len().min(18)];
    let numerator: u128 = digits.parse().unwrap_or(0);
    (numerator * u128::from(scale) / 10_u128.pow(digits.len() as u32)) as u64
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let unit = |name| {
            UNITS
                .iter()
                .find(|unit| unit.0 == name)
                .map_or(1, |unit| unit.1)
        };
        if nanos == 0 {
            return f.write_str("0s");
        }
        for name in ["ns", "us", "ms"] {
            if nanos < u128::from(unit(name)) * 1000 {
                return write!(f, "{}{name}", decimal(nanos, u128::from(unit(name))));
            }
        }
        let (minutes, rest) = (nanos / u128::from(unit("m")), nanos % u128::from(unit("m")));
        if minutes >= 60 {
            write!(f, "{}h", minutes / 60)?;
        }
        if minutes > 0 {
            write!(f, "{}m", minutes % 60)?;
        }
        write!(f, "{}s", decimal(rest, u128::from(unit("s"))))
    }
}

/// Writes `amount / scale` without trailing zeros; `scale` is a power of ten.
fn decimal(amount: u128, scale: u128) -> String {
    let (whole, part) = (amount / scale, amount % scale);
    if part == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    format!(
        "{whole}.{}",
        format!("{part:0width$}").trim_end_matches('0')
    )
}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<Duration> for StdDuration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(DURATION, Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as `200ms` or `1m30s`")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Duration, D::Error> {
        inner.deserialize_any(Self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, nanos: i64) -> Result<Duration, E> {
        let unsigned = u64::try_from(nanos);
        unsigned
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(nanos), &self))
            .and_then(|n| self.visit_u64(n))
    }

    fn visit_u64<E: de::Error>(self, nanos: u64) -> Result<Duration, E> {
        if i64::try_from(nanos).is_err() {
            return Err(E::invalid_value(de::Unexpected::Unsigned(nanos), &self));
        }
        Ok(Duration(StdDuration::from_nanos(nanos)))
    }

    /// An unset variable is the zero of its type.
    fn visit_unit<E: de::Error>(self) -> Result<Duration, E> {
        Ok(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;

    #[test]
    fn reads_and_writes_as_go_does() {
        let table = [
            ("0", "0s"),
            ("1h2m3.5s", "1h2m3.5s"),
            ("200ms", "200ms"),
            ("5us", "5us"),
            ("5µs", "5us"),
            ("5μs", "5us"),
            ("1.5h", "1h30m0s"),
            ("90s", "1m30s"),
            ("+3m", "3m0s"),
            (".5s", "500ms"),
            ("5.s", "5s"),
            ("1500ns", "1.5us"),
            ("36h", "36h0m0s"),
            ("-0s", "0s"),
            ("1h1h", "2h0m0s"),
            ("9223372036854775807ns", "2562047h47m16.854775807s"),
        ];
        for (text, shown) in table {
            let read: Duration = text.parse().expect(text);
            assert_eq!(read.to_string(), shown, "{text}");
            assert_eq!(shown.parse(), Ok(read), "{text}");
        }
    }

    #[test]
    fn refuses_what_go_refuses_and_what_is_negative() {
        let table = [
            ("", "invalid duration \"\""),
            ("-", "invalid duration \"-\""),
            ("s", "invalid duration \"s\""),
            ("5", "missing unit in duration \"5\""),
            ("1.2.3s", "invalid duration \"1.2.3s\""),
            ("5d", "unknown unit \"d\" in duration \"5d\""),
            ("5 s", "unknown unit \" s\" in duration \"5 s\""),
            (".s", "invalid duration \".s\""),
            ("-5s", "duration \"-5s\" is negative"),
            (
                "9223372036854775808ns",
                "duration \"9223372036854775808ns\" is too long",
            ),
            (
                "99999999999999999999h",
                "duration \"99999999999999999999h\" is too long",
            ),
        ];
        for (text, message) in table {
            let refused = text.parse::<Duration>().expect_err(text);
            assert_eq!(refused.to_string(), message);
        }
    }
}
