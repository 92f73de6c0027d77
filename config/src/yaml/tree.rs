//! Puts the parser's events together: keys and values, anchors and aliases, merge keys.

use std::collections::HashMap;

use saphyr_parser::{Event, ScalarStyle, Span, Tag};

use super::{MAX_DEPTH, MAX_TREE_BYTES, NODE_BYTES, Origin, hint, scalar};
use crate::{Kind, Node, Place, Problem, Problems};

/// A tree in the making.
pub(super) struct Tree<'a> {
    origin: &'a Origin<'a>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    size_bytes: usize,
    root: Option<Node>,
}

/// A list or map whose end has not been seen.
struct Open {
    anchor: usize,
    place: Place,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map(OpenMap),
}

#[derive(Default)]
struct OpenMap {
    entries: Vec<(String, Node)>,
    /// Every key so far and where it was given.
    seen: HashMap<String, Place>,
    /// What `<<` brings in; keys of the map itself win, then the first that has a key.
    merged: Vec<Node>,
    /// The key whose value comes next.
    key: Option<Key>,
}

struct Key {
    text: String,
    place: Place,
    is_merge: bool,
    /// Whether the map has it already; then what follows it is not for the map.
    is_again: bool,
}

/// An error after which reading cannot go on.
type Step = Result<(), Problem>;

impl<'a> Tree<'a> {
    pub(super) fn new(origin: &'a Origin<'a>) -> Self {
        Self {
            origin,
            open: Vec::new(),
            anchors: HashMap::new(),
            size_bytes: 0,
            root: None,
        }
    }

    /// Returns the finished tree, if there was anything.
    pub(super) fn into_root(self) -> Option<Node> {
        self.root
    }

    /// Takes the parser's next event.
    pub(super) fn take(&mut self, event: Event<'_>, span: Span, problems: &mut Problems) -> Step {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, (style, tag.as_deref()), anchor, span, problems)
            }
            Event::Alias(anchor) => self.alias(anchor, span, problems),
            Event::SequenceStart(anchor, _) => self.start(anchor, span, Inside::List(Vec::new())),
            Event::MappingStart(anchor, _) => {
                self.start(anchor, span, Inside::Map(OpenMap::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(problems),
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        (style, tag): (ScalarStyle, Option<&Tag>),
        anchor: usize,
        span: Span,
        problems: &mut Problems,
    ) -> Step {
        let place = self.origin.place(trimmed(span, text, style), 1);
        self.grow(NODE_BYTES + text.len(), &place)?;
        let kind = scalar::resolve(text, style, tag).unwrap_or_else(|message| {
            problems.push(Problem::error(&place, message));
            Kind::Null
        });
        let remembers = self.origin.keeps_text() && style == ScalarStyle::Plain;
        let original = (remembers && !matches!(kind, Kind::String(_))).then(|| text.to_string());
        let node = Node {
            original,
            ..Node::new(kind, place)
        };
        if let Some(Open {
            inside: Inside::Map(map),
            ..
        }) = self.open.last_mut()
            && map.key.is_none()
        {
            let is_merge = text == "<<" && style == ScalarStyle::Plain && tag.is_none();
            map.give_key(text.to_string(), node.place.clone(), is_merge, problems);
            return self.remember(anchor, &node);
        }
        self.remember(anchor, &node)?;
        self.put(node, problems);
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span, problems: &mut Problems) -> Step {
        let place = self.origin.place(span, 1);
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(Problem::error(
                &place,
                "this alias stands inside of what it names",
            ));
        };
        if depth(node) + self.open.len() > MAX_DEPTH {
            return Err(too_deep(&place));
        }
        self.grow(size_bytes(node), &place)?;
        let node = self.anchors[&anchor].clone();
        if let Some(Open {
            inside: Inside::Map(map),
            ..
        }) = self.open.last_mut()
            && map.key.is_none()
        {
            let Kind::String(text) = node.kind else {
                return Err(hint::bad_key(&place));
            };
            map.give_key(text, place, false, problems);
            return Ok(());
        }
        self.put(node, problems);
        Ok(())
    }

    fn start(&mut self, anchor: usize, span: Span, inside: Inside) -> Step {
        let place = self.origin.place(Span::empty(span.start), 1);
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(&place));
        }
        if let Some(Open {
            inside: Inside::Map(map),
            ..
        }) = self.open.last()
            && map.key.is_none()
        {
            return Err(hint::bad_key(&place));
        }
        self.grow(NODE_BYTES, &place)?;
        self.open.push(Open {
            anchor,
            place,
            inside,
        });
        Ok(())
    }

    fn end(&mut self, problems: &mut Problems) -> Step {
        let Some(Open {
            anchor,
            place,
            inside,
        }) = self.open.pop()
        else {
            return Ok(());
        };
        let kind = match inside {
            Inside::List(items) => Kind::List(items),
            Inside::Map(map) => {
                let merged = map.merged.iter().map(size_bytes).sum();
                self.grow(merged, &place)?;
                Kind::Map(map.finish())
            }
        };
        let node = Node::new(kind, place);
        self.remember(anchor, &node)?;
        self.put(node, problems);
        Ok(())
    }

    /// Keeps a copy of an anchored value for its aliases.
    fn remember(&mut self, anchor: usize, node: &Node) -> Step {
        if anchor > 0 {
            self.grow(size_bytes(node), &node.place)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn put(&mut self, node: Node, problems: &mut Problems) {
        match self.open.last_mut().map(|open| &mut open.inside) {
            None => self.root = Some(node),
            Some(Inside::List(items)) => items.push(Node { key: None, ..node }),
            Some(Inside::Map(map)) => map.give_value(node, problems),
        }
    }

    fn grow(&mut self, bytes: usize, place: &Place) -> Step {
        self.size_bytes = self.size_bytes.saturating_add(bytes);
        if self.size_bytes <= MAX_TREE_BYTES {
            return Ok(());
        }
        let message = "the configuration is too large once aliases are replaced";
        Err(Problem::error(place, message))
    }
}

// === impl OpenMap ===

impl OpenMap {
    fn give_key(&mut self, text: String, place: Place, is_merge: bool, problems: &mut Problems) {
        let first = self.seen.get(&text);
        let is_again = first.is_some();
        if let Some(first) = first {
            let label = format!("first given on line {}", first.line());
            let message = format!("duplicate key `{text}`");
            problems.push(Problem::error(&place, message).with_label(label));
        } else {
            self.seen.insert(text.clone(), place.clone());
        }
        self.key = Some(Key {
            text,
            place,
            is_merge,
            is_again,
        });
    }

    fn give_value(&mut self, node: Node, problems: &mut Problems) {
        let key = self.key.take().expect("a value follows its key");
        if key.is_again {
            return;
        }
        if !key.is_merge {
            self.entries.push((
                key.text,
                Node {
                    key: Some(key.place),
                    ..node
                },
            ));
            return;
        }
        let maps = if let Kind::List(items) = node.kind {
            items
        } else {
            vec![node]
        };
        for map in maps {
            if matches!(map.kind, Kind::Map(_)) {
                self.merged.push(map);
            } else {
                problems.push(Problem::error(
                    &map.place,
                    "`<<` takes a map or a list of maps",
                ));
            }
        }
    }

    /// Adds what `<<` brought in.
    fn finish(mut self) -> Vec<(String, Node)> {
        for node in self.merged {
            let Kind::Map(entries) = node.kind else {
                continue;
            };
            for (key, value) in entries {
                if !self.seen.contains_key(&key) {
                    self.seen.insert(key.clone(), value.heading().clone());
                    self.entries.push((key, value));
                }
            }
        }
        self.entries
    }
}

/// Returns how large a value is, everything below it included.
pub(crate) fn size_bytes(node: &Node) -> usize {
    let text = if let Kind::String(text) = &node.kind {
        text.len()
    } else {
        0
    };
    let keys = node
        .entries()
        .iter()
        .map(|(key, _)| key.len())
        .sum::<usize>();
    NODE_BYTES + text + keys + below(node).map(size_bytes).sum::<usize>()
}

/// Returns how many levels a value has; 1 for a scalar.
pub(crate) fn depth(node: &Node) -> usize {
    1 + below(node).map(depth).max().unwrap_or(0)
}

fn below(node: &Node) -> impl Iterator<Item = &Node> {
    node.items()
        .iter()
        .chain(node.entries().iter().map(|(_, value)| value))
}

fn too_deep(place: &Place) -> Problem {
    Problem::error(place, format!("nested more than {MAX_DEPTH} levels deep"))
}

/// Cuts the span of a plain scalar to its text: the parser's may reach over trailing space.
fn trimmed(span: Span, text: &str, style: ScalarStyle) -> Span {
    let width = text.chars().count();
    if style != ScalarStyle::Plain || span.len() <= width {
        return span;
    }
    let (start, line) = (span.start, span.start.line());
    let end = saphyr_parser::Marker::new(start.index() + width, line, start.col() + width);
    Span::new(start, end)
}
