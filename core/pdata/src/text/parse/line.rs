//! A line and a position in it. It must not know what a line means.

use std::{borrow::Cow, str::FromStr};

use super::TextError;
use crate::text::compact::is_word_char;

#[derive(Clone)]
pub(super) struct Line<'t> {
    number: usize,
    whole: &'t str,
    rest: &'t str,
}

impl<'t> Line<'t> {
    pub(super) fn new(number: usize, whole: &'t str) -> Self {
        Self {
            number,
            whole,
            rest: whole,
        }
    }

    /// Says what should stand here.
    #[cold]
    pub(super) fn fail(&self, expected: &'static str) -> TextError {
        let rest = self.rest.trim_start_matches(' ');
        TextError {
            line: self.number,
            column: self.whole.len() - rest.len() + 1,
            expected,
        }
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    /// Says whether nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.rest.trim_start_matches(' ').is_empty()
    }

    pub(super) fn end(&self) -> Result<(), TextError> {
        if self.is_done() {
            Ok(())
        } else {
            Err(self.fail("the end of the line"))
        }
    }

    /// Steps over this, if it stands behind spaces.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.trim_start_matches(' ');
        let rest = rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Steps over this, if it stands right here.
    pub(super) fn eat_here(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    pub(super) fn expect(&mut self, text: &str, what: &'static str) -> Result<(), TextError> {
        if self.eat(text) {
            Ok(())
        } else {
            Err(self.fail(what))
        }
    }

    /// Steps over this, if it is a word that ends there.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let before = self.rest;
        let ends = self.eat(word) && (self.rest.is_empty() || self.rest.starts_with(' '));
        if !ends {
            self.rest = before;
        }
        ends
    }

    /// Takes what stands before the next space or bracket.
    pub(super) fn token(&mut self) -> &'t str {
        self.skip_spaces();
        let end = self.rest.find([' ', ']', '}']);
        let (token, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        token
    }

    /// Takes a number, or anything else that has a text form.
    pub(super) fn number<T: FromStr>(&mut self, what: &'static str) -> Result<T, TextError> {
        let before = self.clone();
        self.token().parse().map_err(|_| before.fail(what))
    }

    /// Takes a name, in quotes or bare.
    pub(super) fn word(&mut self, what: &'static str) -> Result<Cow<'t, str>, TextError> {
        self.skip_spaces();
        if self.rest.starts_with('"') {
            return self.quoted(what).map(Cow::Owned);
        }
        let end = self.rest.find(|c| !is_word_char(c));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        if word.is_empty() {
            return Err(self.fail(what));
        }
        self.rest = rest;
        Ok(Cow::Borrowed(word))
    }

    /// Takes a string in quotes, with the escapes that Rust prints.
    pub(super) fn quoted(&mut self, what: &'static str) -> Result<String, TextError> {
        self.expect("\"", what)?;
        let mut out = String::new();
        let mut chars = self.rest.chars();
        loop {
            let next = match chars.next() {
                Some('"') => break,
                Some('\\') => unescape(&mut chars).ok_or_else(|| self.fail("a known escape"))?,
                Some(plain) => plain,
                None => return Err(self.fail("a quote at the end")),
            };
            out.push(next);
        }
        self.rest = chars.as_str();
        Ok(out)
    }

    /// Takes an id in hex, or `-` for none.
    pub(super) fn id(&mut self) -> Result<Vec<u8>, TextError> {
        let before = self.clone();
        match self.token() {
            "-" => Ok(Vec::new()),
            digits => hex(digits).ok_or_else(|| before.fail("hex digits or -")),
        }
    }

    /// Takes a duration such as `1.5ms`, in nanoseconds.
    pub(super) fn duration(&mut self) -> Result<u64, TextError> {
        let before = self.clone();
        nanoseconds(self.token()).ok_or_else(|| before.fail("a duration such as 1.5ms"))
    }
}

fn unescape(chars: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match chars.next()? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '0' => '\0',
        same @ ('"' | '\\' | '\'') => same,
        'u' => {
            let (code, rest) = chars.as_str().strip_prefix('{')?.split_once('}')?;
            *chars = rest.chars();
            char::from_u32(u32::from_str_radix(code, 16).ok()?)?
        }
        _ => return None,
    })
}

pub(super) fn hex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some((digit(high)? << 4 | digit(low)?) as u8),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(pair).collect()
}

fn nanoseconds(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(unit_at);
    let digits = match unit {
        "ns" => 0,
        "µs" | "us" => 3,
        "ms" => 6,
        "s" => 9,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > digits || fraction.contains('.') {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let whole = whole.checked_mul(10u64.pow(digits as u32))?;
    let fraction: u64 = format!("0{fraction:0<digits$}").parse().ok()?;
    whole.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_come_back() {
        for ns in [0, 1, 999, 1000, 12_400_000, 1_000_000_001, u64::MAX] {
            let shown = format!("{:?}", std::time::Duration::from_nanos(ns));
            assert_eq!(nanoseconds(&shown), Some(ns), "{shown}");
        }
        for text in [
            "",
            "1",
            "s",
            "1.s5",
            "1..5s",
            "1.5ns",
            "99999999999s",
            "-1s",
        ] {
            assert_eq!(nanoseconds(text), None, "{text}");
        }
    }
}
