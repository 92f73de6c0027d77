//! Where something was written: a source, a line, a column.
//!
//! A place owns a reference to its source text, so that a problem can be shown long after loading.
//! This module must not know YAML nor what the text means.

use std::{cmp::Ordering, collections::HashMap, fmt, sync::Arc};

/// After how many characters of a long line its byte offset is remembered: in a file of one line,
/// every place would count from the start otherwise.
const CHARS_PER_MARK: usize = 256;

/// A text that configuration was read from.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    /// Where each line starts; many places ask for their line.
    starts: Vec<usize>,
    /// Of long lines, by their number: the byte offset in the line of every so many characters.
    marks: HashMap<usize, Vec<usize>>,
    /// Position among the inputs: later ones win, and problems are listed in this order.
    order: usize,
}

impl Source {
    /// Wraps a text under the name that problems show; `order` is its position among the inputs.
    pub fn new(name: impl Into<String>, text: impl Into<String>, order: usize) -> Arc<Self> {
        let text = text.into();
        let bytes = text.as_bytes();
        // YAML also ends a line at a carriage return that stands alone.
        let ends_line = |at: &usize| match bytes[*at] {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let ends = (0..bytes.len()).filter(ends_line).map(|at| at + 1);
        let starts = std::iter::once(0).chain(ends).collect();
        let mut source = Self {
            name: name.into(),
            text,
            starts,
            marks: HashMap::new(),
            order,
        };
        source.marks = source.long_lines();
        Arc::new(source)
    }

    fn long_lines(&self) -> HashMap<usize, Vec<usize>> {
        let numbered =
            (1..=self.line_count()).filter_map(|number| Some((number, self.line(number)?)));
        let long = numbered.filter(|(_, line)| line.len() > 4 * CHARS_PER_MARK);
        let marked = long.map(|(number, line)| {
            let marks = line.char_indices().step_by(CHARS_PER_MARK);
            (number, marks.map(|(offset, _)| offset).collect())
        });
        marked.collect()
    }

    /// Returns the byte offset of a character in a line, or the end of the line.
    fn offset(&self, number: usize, line: &str, chars: usize) -> usize {
        let mark = match self.marks.get(&number) {
            Some(marks) => marks.get(chars / CHARS_PER_MARK).copied(),
            None => Some(0),
        };
        let Some(mark) = mark else { return line.len() };
        let left = match mark {
            0 => chars,
            _ => chars % CHARS_PER_MARK,
        };
        let found = line[mark..].char_indices().nth(left);
        found.map_or(line.len(), |(offset, _)| mark + offset)
    }

    /// Returns the name that problems show, usually a path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns how many lines there are; an empty text has one.
    pub fn line_count(&self) -> usize {
        self.starts.len()
    }

    /// Returns one line without its line break; lines count from 1.
    pub fn line(&self, number: usize) -> Option<&str> {
        let start = *self.starts.get(number.checked_sub(1)?)?;
        let end = self.starts.get(number).copied().unwrap_or(self.text.len());
        Some(self.text[start..end].trim_end_matches(['\n', '\r']))
    }
}

/// A stretch of one line in a source.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    source: Arc<Source>,
    line: usize,
    column: usize,
    width: usize,
}

impl Place {
    /// Makes a place; line and column count from 1, column and width in characters.
    pub fn new(source: &Arc<Source>, line: usize, column: usize, width: usize) -> Self {
        Self {
            source: Arc::clone(source),
            line,
            column,
            width,
        }
    }

    /// Returns the text this place is in.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Returns the line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the column in characters, counted from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// Returns how many characters are meant; 0 for something that was left empty.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the text at this place, if it is there.
    pub fn written(&self) -> Option<String> {
        let line = self.source.line(self.line)?;
        let before = self.column.saturating_sub(1);
        let offset = |chars| self.source.offset(self.line, line, chars);
        Some(line[offset(before)..offset(before + self.width)].to_owned())
    }

    /// Returns the place of `needle` inside this one, or this one when it is not there verbatim.
    #[must_use]
    pub fn narrowed_to(&self, needle: &str) -> Self {
        let written = self.written().unwrap_or_default();
        let Some(at) = written.find(needle) else {
            return self.clone();
        };
        let before = written[..at].chars().count();
        Self {
            column: self.column + before,
            width: needle.chars().count(),
            ..self.clone()
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.line, self.column)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |place: &Self| (place.source.order, place.line, place.column, place.width);
        key(self)
            .cmp(&key(other))
            .then_with(|| self.source.name.cmp(&other.source.name))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub place: Place,
}

#[cfg(test)]
mod tests {
    use super::{Place, Source};

    #[test]
    fn what_is_written_is_found_in_long_lines_too() {
        for length in [10, 1500, 5000] {
            let line: String = (0..length)
                .map(|at| if at % 7 == 0 { 'é' } else { 'x' })
                .collect();
            let source = Source::new("a.yaml", format!("{line}\n{line}"), 0);
            for (column, width) in [
                (1, 3),
                (255, 4),
                (256, 2),
                (257, 300),
                (length, 5),
                (9999, 1),
            ] {
                let expected: String = line.chars().skip(column - 1).take(width).collect();
                let written = Place::new(&source, 2, column, width).written();
                assert_eq!(written, Some(expected), "{length} {column} {width}");
            }
        }
    }
}
