//! Takes JSON apart: strings, numbers, punctuation. It must not know a field of OTLP.

use std::borrow::Cow;

use super::{
    MAX_UNKNOWN_DEPTH,
    fault::{Fault, JsonFlaw},
};

/// A position in JSON text.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

/// Where a list is being read: before its first element nothing stands between elements.
pub(super) struct List {
    close: u8,
    first: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a [u8]) -> Result<Self, Fault> {
        match str::from_utf8(text) {
            Ok(text) => Ok(Self { text, at: 0 }),
            Err(error) => Err(Fault::new(error.valid_up_to(), JsonFlaw::NotUtf8)),
        }
    }

    #[cold]
    pub(super) fn fault(&self, flaw: JsonFlaw) -> Fault {
        Fault::new(self.at, flaw)
    }

    /// Returns where the next token begins.
    pub(super) fn at(&mut self) -> usize {
        self.peek();
        self.at
    }

    /// Skips white space and returns the byte behind it.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Fault> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(self.fault(JsonFlaw::Expected(what)))
    }

    /// Steps over a word such as `null`, if it stands here.
    #[inline]
    pub(super) fn word(&mut self, word: &str) -> bool {
        self.peek();
        let stands = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        if stands {
            self.at += word.len();
        }
        stands
    }

    pub(super) fn open_object(&mut self) -> Result<List, Fault> {
        self.expect(b'{', "an object")?;
        Ok(List {
            close: b'}',
            first: true,
        })
    }

    pub(super) fn open_array(&mut self) -> Result<List, Fault> {
        self.expect(b'[', "an array")?;
        Ok(List {
            close: b']',
            first: true,
        })
    }

    /// Steps to the next element; false at the end.
    #[inline]
    pub(super) fn element(&mut self, list: &mut List) -> Result<bool, Fault> {
        let next = self.peek();
        if next == Some(list.close) {
            self.at += 1;
            return Ok(false);
        }
        if !list.first {
            self.expect(b',', "a comma or the end of the list")?;
        }
        list.first = false;
        Ok(true)
    }

    /// Steps to the next member of an object and over its name.
    #[inline]
    pub(super) fn member(&mut self, list: &mut List) -> Result<Option<Cow<'a, str>>, Fault> {
        if !self.element(list)? {
            return Ok(None);
        }
        let name = self.string("a name")?;
        self.expect(b':', "a colon")?;
        Ok(Some(name))
    }

    /// Reads a string. Allocates only if it has escapes.
    #[inline]
    pub(super) fn string(&mut self, what: &'static str) -> Result<Cow<'a, str>, Fault> {
        let raw = self.raw_string(what)?;
        if !raw.escaped {
            return Ok(Cow::Borrowed(raw.text));
        }
        self.unescape(raw.text).map(Cow::Owned)
    }

    #[inline]
    fn raw_string(&mut self, what: &'static str) -> Result<Raw<'a>, Fault> {
        self.expect(b'"', what)?;
        let begin = self.at;
        let mut escaped = false;
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(0..0x20) => return Err(self.fault(JsonFlaw::Control)),
                Some(_) => self.at += 1,
                None => {
                    self.at = self.text.len();
                    return Err(self.fault(JsonFlaw::Expected("the end of the string")));
                }
            }
        }
        // Both ends are at a quote; an escaped byte may begin a character, but ends none.
        let text = self.text.get(begin..self.at);
        self.at += 1;
        let text = text.expect("a quote stands between characters");
        Ok(Raw { text, escaped })
    }

    fn unescape(&self, raw: &str) -> Result<String, Fault> {
        let fault = || self.fault(JsonFlaw::Escape);
        let mut out = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((plain, after)) = rest.split_once('\\') {
            out.push_str(plain);
            let mut chars = after.chars();
            let escaped = match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('b') => '\x08',
                Some('f') => '\x0c',
                Some(same @ ('"' | '\\' | '/')) => same,
                Some('u') => {
                    let (decoded, after) = unicode(chars.as_str()).ok_or_else(fault)?;
                    out.push(decoded);
                    rest = after;
                    continue;
                }
                _ => return Err(fault()),
            };
            out.push(escaped);
            rest = chars.as_str();
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Reads a number as its text.
    #[inline]
    pub(super) fn number(&mut self, what: &'static str) -> Result<&'a str, Fault> {
        self.peek();
        let rest = &self.text[self.at..];
        let len = number_len(rest).ok_or_else(|| self.fault(JsonFlaw::Expected(what)))?;
        self.at += len;
        Ok(&rest[..len])
    }

    /// Steps over any value.
    pub(super) fn skip(&mut self, depth: u32) -> Result<(), Fault> {
        if depth >= MAX_UNKNOWN_DEPTH {
            return Err(self.fault(JsonFlaw::TooDeep));
        }
        match self.peek() {
            Some(b'"') => self.raw_string("a string").map(drop),
            Some(b'{') => {
                let mut list = self.open_object()?;
                while self.element(&mut list)? {
                    self.raw_string("a name")?;
                    self.expect(b':', "a colon")?;
                    self.skip(depth + 1)?;
                }
                Ok(())
            }
            Some(b'[') => {
                let mut list = self.open_array()?;
                while self.element(&mut list)? {
                    self.skip(depth + 1)?;
                }
                Ok(())
            }
            _ if self.word("null") || self.word("true") || self.word("false") => Ok(()),
            _ => self.number("a value").map(drop),
        }
    }

    /// Says whether nothing but white space is left.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.fault(JsonFlaw::Expected("the end of the text"))),
        }
    }
}

/// A string as it stands between its quotes.
struct Raw<'a> {
    text: &'a str,
    escaped: bool,
}

/// Returns how long the number at the start of a text is, by JSON's grammar.
pub(super) fn number_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        let count = bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        count.count()
    };
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(at);
    // No digits at all, or a zero before others.
    if whole == 0 || (whole > 1 && bytes[at] == b'0') {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}

/// Decodes what follows `\u`, and a second escape if the first is half a character. A half alone
/// becomes the replacement character, as in Go.
fn unicode(text: &str) -> Option<(char, &str)> {
    let (first, rest) = four_digits(text)?;
    if let Some(decoded) = char::from_u32(first) {
        return Some((decoded, rest));
    }
    let second = rest.strip_prefix("\\u").and_then(four_digits);
    if let Some((second, after)) = second
        && (0xd800..0xdc00).contains(&first)
        && (0xdc00..0xe000).contains(&second)
    {
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        let decoded = char::from_u32(code).expect("two halves are a character");
        return Some((decoded, after));
    }
    Some((char::REPLACEMENT_CHARACTER, rest))
}

fn four_digits(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let code = u32::from_str_radix(digits, 16).ok()?;
    Some((code, rest))
}
