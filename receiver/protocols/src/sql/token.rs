//! The words of a text, as its dialect cuts them; the values between them are passed over.
//!
//! What may be cut in two ways is cut in neither: the rest of the text is a value then.

use super::{Dialect, comment};
use crate::propagation::TraceContext;

/// The longest word that is read as one.
const WORD_BYTES_MAX: usize = 63;

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword or a name.
    Word(&'a [u8]),
    /// A name in quotes, without them.
    Quoted(&'a [u8]),
    /// Punctuation.
    Mark(u8),
    /// A literal or a parameter.
    Value,
}

/// What a backslash in a text does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    Escapes,
    Plain,
    /// That depends on a setting that is not known.
    Either,
}

/// Cuts a text.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    text: &'a [u8],
    rest: &'a [u8],
    dialect: Dialect,
    /// A comment that the server executes is open.
    in_code_comment: bool,
    /// Blanks or comments stand before the last token.
    pub(super) after_blank: bool,
    /// The rest could be read in more than one way.
    pub(super) is_doubtful: bool,
    /// The trace that a comment named.
    pub(super) trace: Option<TraceContext>,
    started: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a [u8], dialect: Dialect) -> Self {
        Self {
            text,
            rest: text,
            dialect,
            in_code_comment: false,
            after_blank: false,
            is_doubtful: false,
            trace: None,
            started: 0,
        }
    }

    /// Returns the next name, if a dot and it follow at once.
    pub(super) fn qualified(&mut self) -> Option<&'a [u8]> {
        let (b'.', after) = self.rest.split_first()? else {
            return None;
        };
        let first = *after.first()?;
        let is_name = is_word(first) || self.quotes_name(first);
        if !is_name {
            return None;
        }
        let before = self.rest;
        self.rest = after;
        let part = if is_word(first) {
            self.plain_word()
        } else {
            self.quoted(first, Backslash::Plain)
        };
        if part.is_empty() {
            self.rest = before;
            return None;
        }
        Some(short(part))
    }

    /// Returns the last token, and the names taken since, as they stand in the text.
    pub(super) fn raw(&self) -> &'a [u8] {
        &self.text[self.started..self.text.len() - self.rest.len()]
    }

    /// Returns whether a parenthesis follows at once.
    pub(super) fn is_call(&self) -> bool {
        self.rest.first() == Some(&b'(')
    }

    fn quotes_name(&self, quote: u8) -> bool {
        match quote {
            b'"' => !self.dialect.is_mysql(),
            b'`' => self.dialect.is_mysql(),
            _ => false,
        }
    }

    fn backslash(&self) -> Backslash {
        match self.dialect {
            Dialect::Postgres => Backslash::Either,
            Dialect::Mysql => Backslash::Escapes,
            Dialect::MysqlPlain | Dialect::Cql => Backslash::Plain,
        }
    }

    fn skip_blank(&mut self) {
        self.after_blank = false;
        loop {
            let blank = self.rest.iter();
            let len = blank.take_while(|byte| byte.is_ascii_whitespace()).count();
            self.rest = &self.rest[len..];
            self.after_blank |= len > 0;
            let is_comment = match self.rest {
                [b'-', b'-', after @ ..] => self.is_dash_comment(after),
                [b'/', b'/', ..] => self.dialect == Dialect::Cql,
                [b'#', ..] => self.dialect.is_mysql(),
                [b'/', b'*', ..] => {
                    self.skip_comment();
                    self.after_blank = true;
                    continue;
                }
                [b'*', b'/', after @ ..] if self.in_code_comment => {
                    self.in_code_comment = false;
                    self.rest = after;
                    self.after_blank = true;
                    continue;
                }
                _ => return,
            };
            if !is_comment {
                return;
            }
            let end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
            self.note_trace(&self.rest[..end]);
            self.rest = &self.rest[end..];
            self.after_blank = true;
        }
    }

    /// Two minus signs stand before a number, too.
    fn is_dash_comment(&self, after: &[u8]) -> bool {
        !self.dialect.is_mysql() || after.first().is_none_or(|byte| *byte <= b' ')
    }

    /// One that MySQL executes is only stripped of its marks.
    fn skip_comment(&mut self) {
        if self.dialect.is_mysql() {
            let body = &self.rest[2..];
            let body = body.strip_prefix(b"M").unwrap_or(body);
            if let Some(code) = body.strip_prefix(b"!") {
                let version = code.iter().take_while(|byte| byte.is_ascii_digit()).count();
                self.rest = &code[version..];
                self.in_code_comment = true;
                return;
            }
        }
        let begin = self.rest;
        let len = if self.dialect == Dialect::Postgres {
            nested_len(begin)
        } else {
            let end = memchr::memmem::find(&begin[2..], b"*/");
            end.map_or(begin.len(), |end| end + 4)
        };
        let (comment, rest) = begin.split_at(len);
        self.note_trace(comment);
        self.rest = rest;
    }

    fn note_trace(&mut self, comment: &[u8]) {
        if self.trace.is_none() {
            self.trace = comment::trace(comment);
        }
    }

    /// Takes what stands between quotes; a doubled quote is a quote. What has no end goes to the
    /// end of the text.
    fn quoted(&mut self, quote: u8, backslash: Backslash) -> &'a [u8] {
        let text = &self.rest[1..];
        let mut at = 0;
        while let Some(found) = memchr::memchr2(quote, b'\\', &text[at..]) {
            at += found;
            let next = text.get(at + 1);
            if text[at] == b'\\' {
                match backslash {
                    Backslash::Escapes => at += 1,
                    Backslash::Either if next == Some(&b'\\') => at += 1,
                    Backslash::Either if next == Some(&quote) => {
                        // Without another quote it can only be the end.
                        if memchr::memchr(quote, &text[at + 2..]).is_some() {
                            self.is_doubtful = true;
                            break;
                        }
                    }
                    Backslash::Plain | Backslash::Either => {}
                }
            } else if next == Some(&quote) {
                at += 1;
            } else {
                self.rest = &text[at + 1..];
                return &text[..at];
            }
            at += 1;
            if at >= text.len() {
                break;
            }
        }
        self.rest = &[];
        &[]
    }

    /// `$1`, or `$tag$ ... $tag$`.
    fn dollar(&mut self) -> Token<'a> {
        let inside = self.rest[1..].iter();
        let len = inside.take_while(|byte| is_word(**byte)).count();
        let is_tag = self.rest.get(len + 1) == Some(&b'$')
            && !self.rest.get(1).is_some_and(u8::is_ascii_digit);
        if !is_tag || self.dialect.is_mysql() {
            self.rest = &self.rest[len + 1..];
            return Token::Value;
        }
        let (tag, body) = self.rest.split_at(len + 2);
        let end = memchr::memmem::find(body, tag);
        self.rest = end.map_or(&[], |end| &body[end + tag.len()..]);
        Token::Value
    }

    /// A word, unless it is the letter before a quoted text, or a value without quotes.
    fn word(&mut self) -> Token<'a> {
        if self.dialect == Dialect::Cql && self.take_bare_value() {
            return Token::Value;
        }
        let word = self.plain_word();
        let rest = self.rest;
        if rest.starts_with(b"&'") && word.eq_ignore_ascii_case(b"U") {
            self.rest = &rest[1..];
            self.quoted(b'\'', self.backslash());
            return Token::Value;
        }
        if rest.first() == Some(&b'\'') && word.len() == 1 {
            let backslash = if word.eq_ignore_ascii_case(b"E") {
                Backslash::Escapes
            } else {
                self.backslash()
            };
            self.quoted(b'\'', backslash);
            return Token::Value;
        }
        Token::Word(short(word))
    }

    fn plain_word(&mut self) -> &'a [u8] {
        let letters = self.rest.iter();
        let len = letters.take_while(|byte| is_word(**byte) || **byte == b'$');
        let (word, rest) = self.rest.split_at(len.count());
        self.rest = rest;
        word
    }

    /// Digits, letters of a base or an exponent, a point.
    fn number(&mut self) {
        let mut len = 0;
        while let Some(byte) = self.rest.get(len) {
            let is_sign = matches!(byte, b'+' | b'-')
                && matches!(self.rest[len.saturating_sub(1)], b'e' | b'E')
                && self.rest.get(len + 1).is_some_and(u8::is_ascii_digit);
            if !is_word(*byte) && *byte != b'.' && !is_sign {
                break;
            }
            len += 1;
        }
        self.rest = &self.rest[len..];
    }

    /// A UUID or a duration.
    fn take_bare_value(&mut self) -> bool {
        let len = uuid_len(self.rest).or_else(|| duration_len(self.rest));
        if let Some(len) = len {
            self.rest = &self.rest[len..];
        }
        len.is_some()
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blank();
        let first = *self.rest.first()?;
        self.started = self.text.len() - self.rest.len();
        let token = match first {
            b'"' | b'`' if self.quotes_name(first) => {
                Token::Quoted(short(self.quoted(first, Backslash::Plain)))
            }
            b'"' | b'\'' => {
                self.quoted(first, self.backslash());
                Token::Value
            }
            b'$' => self.dollar(),
            b'?' => {
                self.rest = &self.rest[1..];
                Token::Value
            }
            b'0'..=b'9' => {
                if self.dialect != Dialect::Cql || !self.take_bare_value() {
                    self.number();
                }
                Token::Value
            }
            b'.' if self.rest.get(1).is_some_and(u8::is_ascii_digit) => {
                self.number();
                Token::Value
            }
            byte if is_word(byte) => self.word(),
            mark => {
                self.rest = &self.rest[1..];
                Token::Mark(mark)
            }
        };
        Some(token)
    }
}

/// Returns the length of a comment in which others may stand.
fn nested_len(text: &[u8]) -> usize {
    let (mut at, mut depth) = (0_usize, 0_usize);
    while at < text.len() {
        if text[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
        } else {
            at += 1;
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// `f47ac10b-58cc-4372-a567-0e02b2c3d479`, or the beginning of one that was cut off.
fn uuid_len(text: &[u8]) -> Option<usize> {
    for at in 0..36 {
        let Some(byte) = text.get(at) else {
            return (at > 8).then_some(at);
        };
        let fits = match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        };
        if !fits {
            return None;
        }
    }
    Some(36)
}

/// `P1Y2M3DT4H5M6S`.
fn duration_len(text: &[u8]) -> Option<usize> {
    let (b'P' | b'p', rest) = text.split_first()? else {
        return None;
    };
    let letters = rest.iter().take_while(|byte| is_word(**byte));
    let (mut len, mut has_unit, mut after_digit) = (1, false, false);
    for byte in letters {
        match byte.to_ascii_uppercase() {
            b'0'..=b'9' => after_digit = true,
            b'Y' | b'M' | b'W' | b'D' | b'H' | b'S' if after_digit => {
                (has_unit, after_digit) = (true, false);
            }
            b'T' if !after_digit => {}
            _ => return None,
        }
        len += 1;
    }
    (has_unit && !after_digit).then_some(len)
}

fn short(word: &[u8]) -> &[u8] {
    &word[..word.len().min(WORD_BYTES_MAX)]
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
