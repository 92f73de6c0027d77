//! The words of an SQL text, as PostgreSQL cuts them; the values between them are passed over.

/// The longest word that is read as one.
const WORD_BYTES_MAX: usize = 63;

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword or a name.
    Word(&'a [u8]),
    /// A name in double quotes, without them.
    Quoted(&'a [u8]),
    /// Punctuation.
    Mark(u8),
    /// A literal or a parameter.
    Value,
}

/// Cuts a text.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    /// Returns the next name, if a dot is before it.
    pub(super) fn qualified(&mut self) -> Option<&'a [u8]> {
        let mut ahead = self.clone();
        if ahead.next() != Some(Token::Mark(b'.')) {
            return None;
        }
        let (Token::Word(part) | Token::Quoted(part)) = ahead.next()? else {
            return None;
        };
        if part.is_empty() {
            return None;
        }
        *self = ahead;
        Some(part)
    }

    /// Returns whether a parenthesis follows at once.
    pub(super) fn is_call(&self) -> bool {
        self.rest.first() == Some(&b'(')
    }

    fn skip_blank(&mut self) {
        loop {
            let blank = self
                .rest
                .iter()
                .take_while(|byte| byte.is_ascii_whitespace());
            self.rest = &self.rest[blank.count()..];
            if self.rest.starts_with(b"--") {
                let end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
                self.rest = &self.rest[end..];
            } else if self.rest.starts_with(b"/*") {
                self.skip_comment();
            } else {
                return;
            }
        }
    }

    /// Comments are nested.
    fn skip_comment(&mut self) {
        let mut depth = 0_usize;
        while !self.rest.is_empty() {
            let step = if self.rest.starts_with(b"/*") {
                depth += 1;
                2
            } else if self.rest.starts_with(b"*/") {
                depth -= 1;
                2
            } else {
                1
            };
            self.rest = &self.rest[step..];
            if depth == 0 {
                return;
            }
        }
    }

    /// Takes what stands between quotes; a doubled quote is a quote. What has no end goes to the
    /// end of the text.
    fn quoted(&mut self, quote: u8, escapes: bool) -> &'a [u8] {
        let text = &self.rest[1..];
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            match byte {
                b'\\' if escapes => at += 1,
                byte if *byte == quote && text.get(at + 1) == Some(&quote) => at += 1,
                byte if *byte == quote => {
                    self.rest = &text[at + 1..];
                    return &text[..at];
                }
                _ => {}
            }
            at += 1;
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
        if !is_tag {
            self.rest = &self.rest[len + 1..];
            return Token::Value;
        }
        let (tag, body) = self.rest.split_at(len + 2);
        let end = memchr::memmem::find(body, tag);
        self.rest = end.map_or(&[], |end| &body[end + tag.len()..]);
        Token::Value
    }

    /// A word, unless it is the letter before a quoted text.
    fn word(&mut self) -> Token<'a> {
        let len = self
            .rest
            .iter()
            .take_while(|byte| is_word(**byte) || **byte == b'$');
        let (word, rest) = self.rest.split_at(len.count());
        self.rest = rest;
        if rest.starts_with(b"&'") && word.eq_ignore_ascii_case(b"U") {
            self.rest = &rest[1..];
            self.quoted(b'\'', false);
            return Token::Value;
        }
        if rest.first() == Some(&b'\'') && word.len() == 1 {
            self.quoted(b'\'', word.eq_ignore_ascii_case(b"E"));
            return Token::Value;
        }
        Token::Word(&word[..word.len().min(WORD_BYTES_MAX)])
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blank();
        let first = *self.rest.first()?;
        let token = match first {
            b'\'' => {
                self.quoted(b'\'', false);
                Token::Value
            }
            b'"' => {
                let name = self.quoted(b'"', false);
                Token::Quoted(&name[..name.len().min(WORD_BYTES_MAX)])
            }
            b'$' => self.dollar(),
            b'0'..=b'9' => {
                let digits = self.rest.iter();
                let len = digits
                    .take_while(|byte| is_word(**byte) || **byte == b'.')
                    .count();
                self.rest = &self.rest[len..];
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

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
