//! The text of a statement as it may be told: values are question marks, comments are gone, blanks
//! are one blank, and a list of values is one value.

use super::TEXT_BYTES_MAX;
use super::token::Token;

/// Writes a text.
#[derive(Debug, Default)]
pub(super) struct Text {
    bytes: Vec<u8>,
    /// How many parentheses are open, and at which of them a list of values is.
    depth: usize,
    list: Option<usize>,
    /// The word before was IN.
    is_in: bool,
    /// A comma of the list, held back: another value after it is not told.
    comma: bool,
    is_full: bool,
}

impl Text {
    pub(super) fn new(len: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(len.min(TEXT_BYTES_MAX)),
            ..Self::default()
        }
    }

    /// Adds a token, which stands so in the statement.
    pub(super) fn push(&mut self, token: Token<'_>, raw: &[u8], after_blank: bool) {
        if self.list.is_some() && self.goes_on(token) {
            return;
        }
        match token {
            Token::Mark(b'(') => {
                self.depth += 1;
                if self.is_in {
                    self.list = Some(self.depth);
                }
            }
            Token::Mark(b')') => {
                if self.list == Some(self.depth) {
                    self.list = None;
                }
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
        self.is_in = matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(b"IN"));
        let shown = if token == Token::Value { b"?" } else { raw };
        self.write(shown, after_blank);
    }

    /// Returns the text.
    pub(super) fn finish(mut self) -> String {
        while self.bytes.last() == Some(&b' ') {
            self.bytes.pop();
        }
        match String::from_utf8(self.bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }

    /// Holds a comma back, and drops it with the value behind it.
    fn goes_on(&mut self, token: Token<'_>) -> bool {
        if self.list != Some(self.depth) {
            return false;
        }
        let after_value = self.bytes.last() == Some(&b'?');
        match token {
            Token::Mark(b',') if after_value && !self.comma => {
                self.comma = true;
                true
            }
            Token::Value if self.comma && after_value => {
                self.comma = false;
                true
            }
            _ => {
                if std::mem::take(&mut self.comma) {
                    self.write(b",", false);
                }
                false
            }
        }
    }

    fn write(&mut self, raw: &[u8], after_blank: bool) {
        let blank = after_blank && !self.bytes.is_empty();
        let len = raw.len() + usize::from(blank);
        self.is_full |= self.bytes.len() + len > TEXT_BYTES_MAX;
        if self.is_full {
            return;
        }
        if blank {
            self.bytes.push(b' ');
        }
        self.bytes.extend_from_slice(raw);
    }
}
