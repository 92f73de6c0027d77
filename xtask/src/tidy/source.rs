//! A source file, split into code, comments and literals, so that a rule about one of them is not
//! fooled by the others.
//!
//! A scanner and not a parser: it knows strings, characters, lifetimes and comments of Rust and C,
//! and no grammar. Knows no rule.

use std::path::Path;

/// The languages that rules exist for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    C,
}

impl Language {
    pub(super) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "rs" => Some(Self::Rust),
            "c" | "h" => Some(Self::C),
            _ => None,
        }
    }
}

/// One file and its two projections, each with the same lines and columns as the text.
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) language: Language,
    pub(super) text: &'a str,
    /// Comments are blank; every character of a literal is [`LITERAL`].
    pub(super) code: String,
    /// Everything but comments is blank.
    pub(super) comments: String,
}

/// Stands for a character inside a literal. Code has no other use for it.
pub(super) const LITERAL: char = '"';

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl<'a> Source<'a> {
    pub(super) fn new(name: &'a str, language: Language, text: &'a str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let mut code = String::with_capacity(text.len());
        let mut comments = String::with_capacity(text.len());
        let mut at = 0;
        while at < chars.len() {
            let (end, kind) = token(&chars, at, language);
            for &c in &chars[at..end] {
                let blank = if c == '\n' { '\n' } else { ' ' };
                let hidden = if c == '\n' { '\n' } else { LITERAL };
                let (in_code, in_comments) = match kind {
                    Kind::Code => (c, blank),
                    Kind::Comment => (blank, c),
                    Kind::Literal => (hidden, blank),
                };
                code.push(in_code);
                comments.push(in_comments);
            }
            at = end;
        }
        Self {
            name,
            language,
            text,
            code,
            comments,
        }
    }

    /// Yields every line of the code, counted from one.
    pub(super) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.lines())
    }

    /// Yields every line of the comments, counted from one.
    pub(super) fn comment_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.comments.lines())
    }
}

/// Yields the identifiers, keywords and numbers of a piece of code, each with its byte offset.
pub(super) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + code[rest..].find(is_word)?;
        let length = code[start..]
            .find(|c| !is_word(c))
            .unwrap_or(code.len() - start);
        rest = start + length;
        Some((start, &code[start..rest]))
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns where the token at `at` ends, always beyond `at`, and what it is.
fn token(text: &[char], at: usize, language: Language) -> (usize, Kind) {
    match (text[at], text.get(at + 1)) {
        ('/', Some('/')) => (find(text, at, '\n'), Kind::Comment),
        ('/', Some('*')) => (block_end(text, at, language), Kind::Comment),
        ('"', _) => (quoted_end(text, at), Kind::Literal),
        ('\'', next) => {
            let escaped = next == Some(&'\\');
            // A quote that closes nothing is a lifetime: `'a` and not `'a'`.
            let closed = text.get(at + 2) == Some(&'\'');
            if language == Language::C || escaped || closed {
                (quoted_end(text, at), Kind::Literal)
            } else {
                (at + 1, Kind::Code)
            }
        }
        (c, _) if is_word(c) => {
            let length = text[at..].iter().take_while(|c| is_word(**c)).count();
            let word_end = at + length;
            let raw = matches!(&text[at..word_end], ['r'] | ['b' | 'c', 'r']);
            match raw_end(text, word_end) {
                Some(end) if raw && language == Language::Rust => (end, Kind::Literal),
                _ => (word_end, Kind::Code),
            }
        }
        _ => (at + 1, Kind::Code),
    }
}

/// Returns the index of `wanted` at or after `at`, or the end.
fn find(text: &[char], at: usize, wanted: char) -> usize {
    text[at..]
        .iter()
        .position(|c| *c == wanted)
        .map_or(text.len(), |length| at + length)
}

/// Comments nest in Rust and do not in C.
fn block_end(text: &[char], start: usize, language: Language) -> usize {
    let mut depth = 1;
    let mut at = start + 2;
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            ('/', Some('*')) if language == Language::Rust => {
                depth += 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    text.len()
}

/// Ends a literal that the character at `start` opens and closes; a backslash hides the next.
fn quoted_end(text: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            c if c == text[start] => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Ends a raw string whose hashes start at `start`; none if no raw string follows.
fn raw_end(text: &[char], start: usize) -> Option<usize> {
    let hashes = text[start..].iter().take_while(|c| **c == '#').count();
    let mut at = start + hashes;
    if text.get(at) != Some(&'"') {
        return None;
    }
    loop {
        at = find(text, at + 1, '"');
        let closing = text.get(at + 1..at + 1 + hashes);
        match closing {
            Some(closing) if closing.iter().all(|c| *c == '#') => return Some(at + 1 + hashes),
            Some(_) => {}
            None => return Some(text.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows the code with `~` for every character of a literal.
    fn code(language: Language, text: &str) -> String {
        let source = Source::new("x", language, text);
        assert_eq!(
            source.code.chars().count(),
            text.chars().count(),
            "columns moved"
        );
        source.code.trim_end().replace(LITERAL, "~")
    }

    #[test]
    fn separates_rust_literals_and_comments_from_code() {
        for (text, expected) in [
            (r#"f("{", 1)"#, "f(~~~, 1)"),
            (r#"f("a\"{", b"\\")"#, "f(~~~~~~, b~~~~)"),
            (
                r"f('{', '\'', '\u{7b}', '\\')",
                "f(~~~, ~~~~, ~~~~~~~~, ~~~~)",
            ),
            ("fn f<'a, 'b>(x: &'a str) {}", "fn f<'a, 'b>(x: &'a str) {}"),
            (r##"r#"{"}"# x"##, "~~~~~~~~ x"),
            (r#"br"\" x"#, "~~~~~ x"),
            ("r#type {", "r#type {"),
            (r#"var"{" x"#, "var~~~ x"),
            ("a // {\nb", "a     \nb"),
            ("a /* { /* { */ { */ b", "a                   b"),
            ("\"a\nb\" c", "~~\n~~ c"),
        ] {
            assert_eq!(code(Language::Rust, text), expected, "{text}");
        }
    }

    #[test]
    fn separates_c_literals_and_comments_from_code() {
        assert_eq!(code(Language::C, "f('{', \"}\")"), "f(~~~, ~~~)");
        assert_eq!(code(Language::C, "a /* /* */ b"), "a          b");
    }

    #[test]
    fn survives_what_is_never_closed() {
        for text in ["\"a", "'\\", "/* a", "r#\"a\"", "r\"", "\"\\"] {
            code(Language::Rust, text);
            code(Language::C, text);
        }
    }

    #[test]
    fn keeps_comments_at_their_lines() {
        let source = Source::new("x", Language::Rust, "f(); // one\n\n/* two */");
        let comments: Vec<_> = source
            .comment_lines()
            .map(|(n, text)| (n, text.trim()))
            .collect();
        assert_eq!(comments, [(1, "// one"), (2, ""), (3, "/* two */")]);
    }

    #[test]
    fn words_are_whole() {
        let found: Vec<_> = words("unsafe_code(x1, fn)").collect();
        assert_eq!(found, [(0, "unsafe_code"), (12, "x1"), (16, "fn")]);
    }
}
