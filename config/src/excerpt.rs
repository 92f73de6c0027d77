//! Draws the line a problem is in, with a mark below it, as compilers do.
//!
//! Source text is hostile: it may be long, hold control characters, or hold secrets.

use crate::{
    Place,
    secret::{REDACTED, mask_credentials, secret_from},
};

/// How many columns of a line are shown; a longer one is cut around the mark.
const MAX_COLUMNS: usize = 160;

/// How many columns are kept before the mark in a line that is cut.
const COLUMNS_BEFORE: usize = 40;

/// The longest line that is shown. A longer one was not written by hand, and would have to be
/// searched for secrets from its start, for every problem in it.
const MAX_LINE_BYTES: usize = 16 << 10;

/// A line and the stretch of it that is marked, in characters counted from 0.
struct Marked {
    line: Vec<char>,
    start: usize,
    width: usize,
}

/// Draws the place, its line and the mark with its label, without a final line break.
pub(crate) fn draw(place: &Place, label: Option<&str>) -> String {
    let number = place.line().to_string();
    let gutter = " ".repeat(number.len() + 1);
    if place
        .source()
        .line(place.line())
        .is_some_and(|line| line.len() > MAX_LINE_BYTES)
    {
        let label = label.map_or_else(String::new, |label| format!("\n{gutter} = {label}"));
        return format!("{gutter}--> {place}{label}");
    }
    let marked = marked_line(place);
    let line: String = marked.line.iter().collect();
    let line = line.trim_end();
    let space = " ".repeat(marked.start);
    let mark = "^".repeat(marked.width.max(1));
    let label = label.map_or_else(String::new, |label| format!(" {label}"));
    let shown = if line.is_empty() {
        String::new()
    } else {
        format!(" {line}")
    };
    format!("{gutter}--> {place}\n{gutter} |\n {number} |{shown}\n{gutter} | {space}{mark}{label}")
}

fn marked_line(place: &Place) -> Marked {
    let source = place.source();
    let written = source.line(place.line()).unwrap_or_default();
    let secret = secret_from(source, place.line());
    let mut marked = Marked {
        line: written
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect(),
        start: place.column().saturating_sub(1),
        width: place.width(),
    };
    mask_credentials(&mut marked.line);
    if let Some(offset) = secret {
        marked.hide(written[..offset].chars().count());
    }
    marked.clamp();
    marked.cut();
    marked
}

// === impl Marked ===

impl Marked {
    /// Replaces everything from `from` on, and moves the mark onto the replacement if it was there.
    fn hide(&mut self, from: usize) {
        let hidden = &self.line[from.min(self.line.len())..];
        if hidden.iter().all(|c| c.is_whitespace()) {
            return;
        }
        let gap = hidden.iter().take_while(|c| c.is_whitespace()).count();
        self.line.truncate(from + gap);
        if self.start >= from + gap {
            (self.start, self.width) = (from + gap, REDACTED.len());
        }
        self.line.extend(REDACTED.chars());
    }

    fn clamp(&mut self) {
        self.start = self.start.min(self.line.len());
        self.width = self.width.min(self.line.len() - self.start);
    }

    fn cut(&mut self) {
        if self.line.len() <= MAX_COLUMNS {
            return;
        }
        let from = self.start.saturating_sub(COLUMNS_BEFORE);
        let to = self.line.len().min(from + MAX_COLUMNS);
        let cut_after = to < self.line.len();
        self.line = self.line[from..to].to_vec();
        self.start -= from;
        self.width = self.width.min(self.line.len() - self.start);
        if from > 0 {
            self.line[0] = '…';
        }
        if cut_after && let Some(last) = self.line.last_mut() {
            *last = '…';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::draw;
    use crate::{Place, Source};

    fn drawn(text: &str, line: usize, column: usize, width: usize) -> String {
        draw(
            &Place::new(&Source::new("a.yaml", text, 0), line, column, width),
            Some("here"),
        )
    }

    #[test]
    fn marks_what_is_meant() {
        assert_eq!(
            drawn("a:\n  b: 1", 2, 3, 1),
            "  --> a.yaml:2:3\n   |\n 2 |   b: 1\n   |   ^ here"
        );
    }

    #[test]
    fn cuts_a_long_line_around_the_mark() {
        let text = format!("{}X{}", "a".repeat(300), "b".repeat(300));
        let drawn = drawn(&text, 1, 301, 1);
        let expected = format!(" 1 | …{}X{}…", "a".repeat(39), "b".repeat(118));
        assert_eq!(drawn.lines().nth(2), Some(expected.as_str()));
        assert_eq!(
            drawn.lines().nth(3).and_then(|line| line.find('^')),
            Some(5 + 40)
        );
    }

    #[test]
    fn hides_secrets_and_control_characters() {
        let text = "password: hunter2\x1b[2J\nother: \x1b[2J";
        assert_eq!(
            drawn(text, 1, 11, 7).lines().nth(2),
            Some(" 1 | password: [REDACTED]")
        );
        assert_eq!(
            drawn(text, 1, 11, 7).lines().nth(3),
            Some("   |           ^^^^^^^^^^ here")
        );
        assert_eq!(
            drawn(text, 2, 1, 5).lines().nth(2),
            Some(" 2 | other:  [2J")
        );
    }

    #[test]
    fn does_not_show_a_line_that_nobody_wrote() {
        let text = format!("a: [{}b]", "x, ".repeat(10_000));
        assert_eq!(
            drawn(&text, 1, 30_005, 1),
            "  --> a.yaml:1:30005\n   = here"
        );
    }

    #[test]
    fn hides_credentials_in_urls() {
        let text = "a: [http://u:p@h/x@y, https://h:1/u@z, '${https://me@h/a?b=c}']";
        let expected = " 1 | a: [http://***@h/x@y, https://h:1/u@z, '${https://**@h/a?b=c}']";
        assert_eq!(drawn(text, 1, 1, 1).lines().nth(2), Some(expected));
    }

    #[test]
    fn survives_places_outside_the_text() {
        assert!(drawn("", 7, 9, 3).ends_with("  --> a.yaml:7:9\n   |\n 7 |\n   | ^ here"));
    }
}
