//! YAML text in, a located tree out.
//!
//! The dialect is that of go.yaml v3, which the Collector uses; `scalar` decides what plain text
//! means, `tree` puts values together. Hostile text is refused: by depth, and by the size of the
//! tree, so that aliases cannot multiply it. This module must not know what the keys mean.

mod hint;
pub(crate) mod scalar;
mod tree;

use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScanError, Span};

pub(crate) use self::tree::{depth, size_bytes};
use self::{
    hint::{Hint, hint},
    tree::Tree,
};
use crate::{Kind, Node, Place, Problem, Problems, Source};

/// How deep lists and maps may be nested.
pub(crate) const MAX_DEPTH: usize = 100;

/// How large a tree may be, where each node counts [`NODE_BYTES`] and its text.
const MAX_TREE_BYTES: usize = 32 << 20;

/// What a node counts, apart from its text.
const NODE_BYTES: usize = 128;

/// Where the text that is read came from.
pub(crate) enum Origin<'a> {
    /// It is (the end of) a source, starting on its first line after so many characters.
    Source(&'a Arc<Source>, usize),
    /// It is what `${…}` gave, standing at this place; values remember their text.
    Expansion(&'a Place),
    /// It is what `${…}` gave, but the text of a source, whose places are shown. What it holds is
    /// as if it were written in place.
    Fetched(&'a Arc<Source>),
}

/// Reads the first document of a source. An empty one is null.
///
/// Returns `None` after adding an error when the text cannot be read to its end.
pub(crate) fn read(source: &Arc<Source>, problems: &mut Problems) -> Option<Node> {
    read_from(source.text(), &Origin::Source(source, 0), problems)
}

/// Reads a document that starts on the first line of a source after `column` characters.
pub(crate) fn read_from(text: &str, origin: &Origin<'_>, problems: &mut Problems) -> Option<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut tree = Tree::new(origin);
    let mut parser = Parser::new_from_str(text);
    let mut documents = 0;
    while let Some(event) = parser.next_event() {
        let step = match event {
            Err(error) => Err(invalid(&error, origin)),
            Ok((Event::DocumentStart(_), span)) => {
                documents += 1;
                if documents > 1 {
                    let message = "everything from the second `---` on is ignored";
                    problems.push(Problem::warning(&origin.place(span, 3), message));
                    break;
                }
                Ok(())
            }
            Ok((event, span)) => tree.take(event, span, problems),
        };
        if let Err(problem) = step {
            problems.push(problem);
            return None;
        }
    }
    let nowhere = origin.place(Span::default(), 0);
    Some(
        tree.into_root()
            .unwrap_or_else(|| Node::new(Kind::Null, nowhere)),
    )
}

/// Explains why the text is not YAML.
fn invalid(error: &ScanError, origin: &Origin<'_>) -> Problem {
    let mut place = origin.place(Span::empty(*error.marker()), 1);
    let source = Arc::clone(place.source());
    let last = source.line_count();
    let is_past_the_end = place.line() == last && source.line(last) == Some("");
    if place.line() > last || (is_past_the_end && last > 1) {
        let number = if place.line() > last { last } else { last - 1 };
        let end = source.line(number).unwrap_or_default().chars().count();
        place = Place::new(&source, number, end + 1, 1);
    }
    let Hint { place, label } = hint(error.info(), place);
    let problem = Problem::error(&place, format!("invalid YAML: {}", error.info()));
    match label {
        Some(label) => problem.with_label(label),
        None => problem,
    }
}

// === impl Origin ===

impl Origin<'_> {
    /// Returns the place of a span; one that is empty or goes on in the next line is `width` wide.
    fn place(&self, span: Span, width: usize) -> Place {
        match self {
            Self::Expansion(place) => (*place).clone(),
            Self::Source(source, skipped) => within(source, *skipped, span, width),
            Self::Fetched(source) => within(source, 0, span, width),
        }
    }

    /// Returns whether values must remember the text they were read from.
    fn keeps_text(&self) -> bool {
        matches!(self, Self::Expansion(_))
    }
}

/// Returns the place of a span in a source whose first line was entered after some characters.
fn within(source: &Arc<Source>, skipped: usize, span: Span, width: usize) -> Place {
    let line = span.start.line().max(1);
    let skipped = if line == 1 { skipped } else { 0 };
    let fits = span.end.line() == span.start.line() && !span.is_empty();
    let width = if fits {
        span.end.col().saturating_sub(span.start.col())
    } else {
        width
    };
    Place::new(source, line, span.start.col() + 1 + skipped, width)
}

#[cfg(test)]
mod tests;
