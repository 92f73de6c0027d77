//! Lines of RESP, whose beginning is all that is kept.
//!
//! Framing lines are short. A long one is an inline command or a simple string, of which nothing
//! but the first words is of interest.

/// How much of a line is kept: a framing line whole, or the names at the front of a command.
const KEPT_BYTES: usize = 48;

/// A line that is being read.
#[derive(Debug)]
pub(super) struct Line {
    kept: [u8; KEPT_BYTES],
    len: usize,
    /// Words so far, and whether the last one goes on.
    words: u32,
    in_word: bool,
}

impl Line {
    pub(super) const fn new() -> Self {
        Self {
            kept: [0; KEPT_BYTES],
            len: 0,
            words: 0,
            in_word: false,
        }
    }

    /// Takes bytes up to the end of the line; returns whether it was reached.
    pub(super) fn take(&mut self, rest: &mut &[u8]) -> bool {
        let end = memchr::memchr(b'\n', rest);
        let (part, after) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        *rest = after;
        let room = KEPT_BYTES - self.len.min(KEPT_BYTES);
        let kept = &part[..part.len().min(room)];
        let at = self.len.min(KEPT_BYTES);
        self.kept[at..at + kept.len()].copy_from_slice(kept);
        self.len = self.len.saturating_add(part.len());
        // Framing lines begin with a mark, and their words do not matter.
        if self.kept[0].is_ascii_alphabetic() {
            self.count_words(part);
        }
        end.is_some()
    }

    /// Returns the line without its end, as far as it was kept, or `None` if that is not all.
    pub(super) fn whole(&self) -> Option<&[u8]> {
        (self.len <= KEPT_BYTES).then(|| trimmed(&self.kept[..self.len]))
    }

    /// Returns the beginning of the line.
    pub(super) fn begin(&self) -> &[u8] {
        trimmed(&self.kept[..self.len.min(KEPT_BYTES)])
    }

    /// Returns how many words the line has, if it begins with a letter.
    pub(super) fn words(&self) -> u32 {
        self.words
    }

    /// Returns whether nothing of a line was read yet.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    fn count_words(&mut self, part: &[u8]) {
        for byte in part {
            let is_space = byte.is_ascii_whitespace();
            if !is_space && !self.in_word {
                self.words = self.words.saturating_add(1);
            }
            self.in_word = !is_space;
        }
    }
}

/// Reads the number behind the mark of a framing line.
pub(super) fn number(digits: &[u8]) -> Option<i64> {
    let (negative, digits) = match digits {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 12 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits
        .iter()
        .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    Some(if negative { -value } else { value })
}

fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_beginning_and_counts_words() {
        let text = format!("SET  key {}\r\nrest", "x".repeat(500));
        for size in 1..text.len() {
            let mut line = Line::new();
            let mut ended = false;
            for part in text.as_bytes().chunks(size) {
                let mut part = part;
                if !ended {
                    ended = line.take(&mut part);
                }
            }
            assert!(ended);
            assert_eq!(line.words(), 3, "cut at {size}");
            assert_eq!(line.whole(), None);
            assert!(line.begin().starts_with(b"SET  key xxx"));
        }
    }

    #[test]
    fn reads_numbers_and_nothing_else() {
        assert_eq!(number(b"12"), Some(12));
        assert_eq!(number(b"-1"), Some(-1));
        for text in ["", "-", "1x", "9999999999999", " 1", "?"] {
            assert_eq!(number(text.as_bytes()), None, "{text:?}");
        }
    }
}
