//! Replaces `${env:NAME}` in values by what the environment snapshot says.
//!
//! The rules are the Collector's: inner references first, an odd `$` before `${` escapes it, `$$`
//! becomes `$` at the very end, and a value that is nothing but one reference takes the type its
//! text has in YAML, remembering the text for settings that want one. Keys are not expanded.
//! Other schemes are known but not supported yet.

use std::ops::Range;

use crate::{
    Environment, Kind, Node, Place, Problem, Problems,
    yaml::{self, MAX_DEPTH, Origin},
};

/// How often one value may be expanded again.
const MAX_ROUNDS: usize = 1000;

/// How much text and how many nodes expansion may make in all.
const MAX_EXPANSION_BYTES: usize = 16 << 20;

/// The schemes that the Collector has and we do not, yet.
const LATER_SCHEMES: &[&str] = &["file", "yaml", "http", "https"];

/// Expands all values below a node.
pub(crate) fn expand(root: Node, environment: &Environment, problems: &mut Problems) -> Node {
    let mut expander = Expander {
        environment,
        problems,
        made_bytes: 0,
    };
    expander.node(
        root,
        Bounds {
            depth: 1,
            rounds: MAX_ROUNDS,
        },
    )
}

struct Expander<'a> {
    environment: &'a Environment,
    problems: &'a mut Problems,
    made_bytes: usize,
}

/// What is left for a value and everything that comes out of it.
#[derive(Clone, Copy)]
struct Bounds {
    depth: usize,
    rounds: usize,
}

/// A value and, when it came out of a reference and is not a text, the text behind it.
type Meaning = (Kind, Option<String>);

// === impl Expander ===

impl Expander<'_> {
    fn node(&mut self, node: Node, bounds: Bounds) -> Node {
        let Node {
            kind,
            place,
            key,
            original,
        } = node;
        let (kind, original) = match kind {
            Kind::String(text) => self.text(text, &place, bounds).unwrap_or_else(|problem| {
                self.problems.push(problem);
                (Kind::Null, None)
            }),
            kind => (self.below(kind, bounds), original),
        };
        Node {
            kind,
            place,
            key,
            original,
        }
    }

    /// Expands what is inside of a list or map.
    fn below(&mut self, kind: Kind, bounds: Bounds) -> Kind {
        let inside = Bounds {
            depth: bounds.depth + 1,
            ..bounds
        };
        match kind {
            Kind::List(items) => Kind::List(
                items
                    .into_iter()
                    .map(|item| self.node(item, inside))
                    .collect(),
            ),
            Kind::Map(entries) => Kind::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, self.node(value, inside)))
                    .collect(),
            ),
            kind => kind,
        }
    }

    fn text(
        &mut self,
        mut text: String,
        place: &Place,
        mut bounds: Bounds,
    ) -> Result<Meaning, Problem> {
        while let Some(range) = find_reference(&text) {
            let reference = Reference {
                text: &text[range.clone()],
                place,
            };
            if bounds.rounds == 0 {
                return Err(reference.refused("too many recursive expansions"));
            }
            bounds.rounds -= 1;
            let found = self.look_up(reference)?;
            if range != (0..text.len()) {
                let copies = text.matches(reference.text).count();
                self.spend(copies.saturating_mul(found.len()) + text.len(), reference)?;
                text = text.replace(reference.text, &found);
                continue;
            }
            self.spend(found.len(), reference)?;
            match read_value(&found, place) {
                Some(node) if !matches!(node.kind, Kind::String(_)) => {
                    self.spend(yaml::size_bytes(&node), reference)?;
                    if bounds.depth + yaml::depth(&node) > MAX_DEPTH {
                        return Err(reference.refused("it makes the configuration nest too deep"));
                    }
                    return Ok(self.typed(node.kind, found, place, bounds));
                }
                // What is a text, or not YAML, is taken verbatim, quotes and all.
                _ => text = found,
            }
        }
        Ok((Kind::String(text.replace("$$", "$")), None))
    }

    /// Expands what a reference gave: the value, and beside it its text if that works out.
    fn typed(&mut self, kind: Kind, found: String, place: &Place, bounds: Bounds) -> Meaning {
        let kind = self.below(kind, bounds);
        let original = match self.text(found, place, bounds) {
            Ok((Kind::String(text), _)) => Some(text),
            _ => None,
        };
        (kind, original)
    }

    /// Returns the text that a reference such as `${env:NAME:-default}` stands for.
    fn look_up(&mut self, reference: Reference<'_>) -> Result<String, Problem> {
        let inner = &reference.text[2..reference.text.len() - 1];
        let (scheme, opaque) = inner.split_once(':').unwrap_or(("env", inner));
        if opaque.contains('$') || scheme.contains('$') {
            return Err(reference.refused("it holds a `$`"));
        }
        if LATER_SCHEMES.contains(&scheme) {
            return Err(reference.refused("its scheme is not supported yet"));
        }
        if scheme != "env" {
            let problem = reference.refused("its scheme is not known");
            let hint = format!("did you mean `${{env:{inner}}}`?");
            return Err(
                if is_name(scheme) && opaque.starts_with('-') && reference.is_written() {
                    problem.with_label(hint)
                } else {
                    problem
                },
            );
        }
        let (name, default) = match opaque.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (opaque, None),
        };
        if !is_name(name) {
            return Err(reference.refused("a variable's name is made of letters, digits and `_`"));
        }
        if let Some(value) = self.environment.get(name).or(default) {
            return Ok(value.to_owned());
        }
        let message = format!("environment variable `{name}` is not set");
        self.problems
            .push(Problem::warning(&reference.narrowed(), message).with_label("taken as empty"));
        Ok(String::new())
    }

    fn spend(&mut self, bytes: usize, reference: Reference<'_>) -> Result<(), Problem> {
        self.made_bytes = self.made_bytes.saturating_add(bytes);
        if self.made_bytes <= MAX_EXPANSION_BYTES {
            return Ok(());
        }
        Err(reference.refused("all values together become too large"))
    }
}

/// Returns where the first reference stands whose inside holds no other, unless it is escaped.
fn find_reference(text: &str) -> Option<Range<usize>> {
    let mut start = 0;
    while let Some(close) = text[start..].find('}').map(|at| start + at) {
        if let Some(open) = text[start..close].rfind("${").map(|at| start + at) {
            let before = &text[start..open];
            let dollars = before.len() - before.trim_end_matches('$').len();
            if dollars.is_multiple_of(2) {
                return Some(open..close + 1);
            }
        }
        start = close + 1;
    }
    None
}

/// Reads what a reference gave as YAML, if it is.
fn read_value(text: &str, place: &Place) -> Option<Node> {
    let mut problems = Problems::new();
    let node = yaml::read_from(text, &Origin::Expansion(place), &mut problems);
    node.filter(|_| !problems.has_errors())
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A reference about which something may have to be said.
#[derive(Clone, Copy)]
struct Reference<'a> {
    text: &'a str,
    /// Where the whole value stands.
    place: &'a Place,
}

// === impl Reference ===

impl Reference<'_> {
    /// Returns the place of the reference itself, if it stands in the value as written.
    fn narrowed(self) -> Place {
        self.place.narrowed_to(self.text)
    }

    /// Returns whether it stands in the file. What a variable holds may be a secret.
    fn is_written(self) -> bool {
        self.place
            .written()
            .is_some_and(|written| written.contains(self.text))
    }

    fn refused(self, reason: &str) -> Problem {
        let named = if self.is_written() {
            format!("`{}`", self.text)
        } else {
            "a reference in the value of a variable".to_owned()
        };
        Problem::error(&self.narrowed(), format!("cannot expand {named}: {reason}"))
    }
}

#[cfg(test)]
mod tests;
