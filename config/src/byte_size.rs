//! Sizes as people write them: `4096`, `64KiB`, `1.5 mb`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of bytes, written as an integer or as a text with a unit.
///
/// `k` and `kb` are thousands, `ki` and `kib` are 1024; likewise `m`, `g`, `t` and `p`. Case is
/// free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// Makes a size of so many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Returns the number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, unit) = text.split_at(end.unwrap_or(text.len()));
        let unit = unit.trim_start().to_ascii_lowercase();
        let unit = unit.strip_suffix('b').unwrap_or(&unit);
        let (prefix, base) = match unit.strip_suffix('i') {
            Some(prefix) if !prefix.is_empty() => (prefix, 1024_u64),
            Some(_) => return None,
            None => (unit, 1000),
        };
        let power = ["", "k", "m", "g", "t", "p"];
        let power = power.iter().position(|known| *known == prefix)?;
        let scale = base.pow(u32::try_from(power).ok()?);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole: u64 = whole.parse().ok()?;
        let bytes = whole.checked_mul(scale)?;
        if fraction.is_empty() {
            return Some(Self(bytes));
        }
        let share: f64 = format!("0.{fraction}").parse().ok()?;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "below one unit"
        )]
        let part = (share * scale as f64) as u64;
        bytes.checked_add(part).map(Self)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = ByteSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size such as `4096` or `64KiB`")
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
        Ok(ByteSize(bytes))
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
        let unsigned = u64::try_from(bytes);
        unsigned
            .map(ByteSize)
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(bytes), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
        ByteSize::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::ByteSize;

    #[test]
    fn reads_units_of_both_kinds() {
        let table = [
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("10b", Some(10)),
            ("1k", Some(1000)),
            ("1KB", Some(1000)),
            ("1 kib", Some(1024)),
            ("1Ki", Some(1024)),
            ("1.5 MiB", Some(1_572_864)),
            ("2gb", Some(2_000_000_000)),
            ("1PiB", Some(1 << 50)),
            ("", None),
            ("k", None),
            ("1x", None),
            ("1i", None),
            ("-1", None),
            ("1.2.3k", None),
            ("99999999999999999999", None),
            ("99999999PiB", None),
        ];
        for (text, bytes) in table {
            assert_eq!(ByteSize::parse(text).map(ByteSize::get), bytes, "{text}");
        }
    }
}
