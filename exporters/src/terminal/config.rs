//! Settings of `terminal`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Invalid, Validate};

/// What the user wrote under `terminal`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether lines are coloured.
    pub color: Color,
    /// Whether columns are wider and trace ids whole.
    pub wide: bool,
    /// Added to UTC for the time of day, such as `+02:00`. The default shows UTC.
    pub utc_offset: String,
}

/// Whether lines are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            color: Color::Auto,
            wide: false,
            utc_offset: "+00:00".to_owned(),
        }
    }
}

impl Config {
    /// Returns the offset in seconds, or why there is none.
    pub(super) fn utc_offset_s(&self) -> Result<i64, String> {
        parse_offset(&self.utc_offset)
            .ok_or_else(|| "utc_offset must be written like `+02:00` or `-03:30`".to_owned())
    }
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        match parse_offset(&self.utc_offset) {
            Some(_) => Vec::new(),
            None => vec![Invalid::at(
                "utc_offset",
                "must be written like `+02:00` or `-03:30`",
            )],
        }
    }
}

fn parse_offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str, most: i64| {
        let number = text.parse::<i64>().ok()?;
        let legal = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        (legal && number <= most).then_some(number)
    };
    Some(sign * (number(hours, 14)? * 3_600 + number(minutes, 59)? * 60))
}

#[cfg(test)]
mod tests {
    use super::parse_offset;

    #[test]
    fn offsets_are_hours_and_minutes() {
        let cases = [
            ("+00:00", Some(0)),
            ("+02:00", Some(7_200)),
            ("-03:30", Some(-12_600)),
            ("02:00", None),
            ("+2:00", None),
            ("+15:00", None),
            ("+02:60", None),
            ("", None),
            ("é", None),
            ("+-1:+1", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse_offset(text), seconds, "{text:?}");
        }
    }
}
