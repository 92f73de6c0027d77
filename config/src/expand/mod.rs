//! Replaces `${…}` in values by what it refers to.
//!
//! The rules are the Collector's: inner references first, an odd `$` before `${` escapes it, `$$`
//! becomes `$` at the very end, and a value that is nothing but one reference takes the type its
//! text has in YAML, remembering the text for settings that want one. Keys are not expanded. A
//! value that cannot be expanded is reported and left broken; the others go on.

mod dollar;
mod reference;

use std::sync::Arc;

use self::reference::{Found, Reference};
use crate::{
    Kind, Node, Place, Problem, Problems, Source, Via, paths,
    retrieve::Fetcher,
    secret::looks_secret,
    via::Step,
    yaml::{self, MAX_DEPTH, Origin},
};

/// How often one value may be expanded again.
const MAX_ROUNDS: usize = 1000;

/// How much text and how many nodes expansion may make in all.
const MAX_EXPANSION_BYTES: usize = 16 << 20;

/// Expands all values below a node.
pub(crate) fn expand(root: Node, fetcher: &mut Fetcher<'_>, problems: &mut Problems) -> Node {
    let mut expander = Expander {
        fetcher,
        problems,
        made_bytes: 0,
    };
    expander.node(
        root,
        Around {
            depth: 1,
            rounds: MAX_ROUNDS,
            is_secret: false,
            is_hidden: false,
            via: None,
        },
    )
}

struct Expander<'a, 'f> {
    fetcher: &'a mut Fetcher<'f>,
    problems: &'a mut Problems,
    made_bytes: usize,
}

/// What is left for a value and everything that comes out of it, and what is known about it.
#[derive(Clone, Copy)]
struct Around<'a> {
    depth: usize,
    rounds: usize,
    /// Whether a key above it looks secret.
    is_secret: bool,
    /// Whether it was not written but came out of something that is not to be shown.
    is_hidden: bool,
    /// How the text came here in which it stands.
    via: Option<&'a Arc<Via>>,
}

/// What a text turned out to mean.
struct Meaning {
    kind: Kind,
    /// When it came out of a reference and is not a text: the text behind it.
    original: Option<String>,
    steps: Vec<Step>,
    not_yaml: Option<String>,
}

// === impl Expander ===

impl Expander<'_, '_> {
    fn node(&mut self, node: Node, around: Around<'_>) -> Node {
        let via = node.via.clone().or_else(|| around.via.cloned());
        let Kind::String(text) = node.kind else {
            return Node {
                kind: self.below(node.kind, around),
                via,
                ..node
            };
        };
        if !around.is_hidden {
            self.warn_of_dollars(&text, &node.place, around.is_secret);
        }
        if !text.contains('$') {
            let kind = Kind::String(text);
            return Node { kind, via, ..node };
        }
        match self.text(text, &node.place, around) {
            Ok(meaning) => {
                let steps = meaning.steps;
                let through = (!steps.is_empty()).then(|| {
                    Arc::new(Via {
                        steps,
                        place: node.place.clone(),
                        outer: around.via.cloned(),
                        not_yaml: meaning.not_yaml,
                    })
                });
                Node {
                    kind: meaning.kind,
                    original: meaning.original,
                    via: through.or(via),
                    ..node
                }
            }
            Err(problem) => {
                self.problems.push(problem);
                Node {
                    kind: Kind::Null,
                    is_broken: true,
                    via,
                    ..node
                }
            }
        }
    }

    /// Expands what is inside of a list or map.
    fn below(&mut self, kind: Kind, around: Around<'_>) -> Kind {
        let inside = Around {
            depth: around.depth + 1,
            ..around
        };
        match kind {
            Kind::List(items) => {
                let items = items.into_iter().map(|item| self.node(item, inside));
                Kind::List(items.collect())
            }
            Kind::Map(entries) => {
                let entries = entries.into_iter().map(|(key, value)| {
                    let is_secret = inside.is_secret || looks_secret(&key);
                    let value = self.node(
                        value,
                        Around {
                            is_secret,
                            ..inside
                        },
                    );
                    (key, value)
                });
                Kind::Map(entries.collect())
            }
            kind => kind,
        }
    }

    fn text(
        &mut self,
        mut text: String,
        place: &Place,
        mut around: Around<'_>,
    ) -> Result<Meaning, Problem> {
        let (mut steps, mut not_yaml) = (Vec::new(), None);
        let written = (!around.is_hidden).then(|| text.clone());
        while let Some(range) = reference::find(&text) {
            let reference = Reference {
                text: &text[range.clone()],
                place,
                written: written.as_deref(),
            };
            if around.rounds == 0 {
                return Err(reference.refused("too many recursive expansions"));
            }
            around.rounds -= 1;
            let found = reference.look_up(self.fetcher, self.problems)?;
            steps.push(found.step.clone());
            if range != (0..text.len()) {
                let copies = text.matches(reference.text).count();
                let bytes = copies.saturating_mul(found.text.len()) + text.len();
                self.spend(bytes, reference)?;
                text = text.replace(reference.text, &found.text);
                continue;
            }
            self.spend(found.text.len(), reference)?;
            match read_value(&found, place, around.is_secret, self.problems) {
                Ok(node) if !matches!(node.kind, Kind::String(_)) => {
                    self.spend(yaml::size_bytes(&node), reference)?;
                    if around.depth + yaml::depth(&node) > MAX_DEPTH {
                        return Err(reference.refused("it makes the configuration nest too deep"));
                    }
                    around.is_hidden |= found.is_hidden(around.is_secret);
                    return Ok(self.typed(node.kind, found.text, steps, place, around));
                }
                // What is a text, or not YAML, is taken verbatim, quotes and all.
                read => {
                    not_yaml = read.err().or(not_yaml);
                    text = found.text;
                }
            }
        }
        Ok(Meaning {
            kind: Kind::String(text.replace("$$", "$")),
            original: None,
            steps,
            not_yaml,
        })
    }

    /// Expands what a reference gave: the value, and beside it its text if that works out.
    fn typed(
        &mut self,
        kind: Kind,
        found: String,
        steps: Vec<Step>,
        place: &Place,
        around: Around<'_>,
    ) -> Meaning {
        let via = Arc::new(Via {
            steps: steps.clone(),
            place: place.clone(),
            outer: around.via.cloned(),
            not_yaml: None,
        });
        let inside = Around {
            via: Some(&via),
            ..around
        };
        let kind = self.below(kind, inside);
        // Whatever is wrong with the text is said about the value, or does not matter.
        let before = std::mem::take(self.problems);
        let original = match self.text(found, place, around) {
            Ok(Meaning {
                kind: Kind::String(text),
                ..
            }) => Some(text),
            _ => None,
        };
        *self.problems = before;
        Meaning {
            kind,
            original,
            steps,
            not_yaml: None,
        }
    }

    fn spend(&mut self, bytes: usize, reference: Reference<'_>) -> Result<(), Problem> {
        self.made_bytes = self.made_bytes.saturating_add(bytes);
        if self.made_bytes <= MAX_EXPANSION_BYTES {
            return Ok(());
        }
        Err(reference.refused("all values together become too large"))
    }
}

/// Reads what a reference gave as YAML; the error says why it is none.
///
/// A file's own places are shown, unless it stands for a secret.
fn read_value(
    found: &Found,
    place: &Place,
    is_secret: bool,
    said: &mut Problems,
) -> Result<Node, String> {
    let mut problems = Problems::new();
    let own: Option<&Arc<Source>> = found.source.as_ref().filter(|_| !is_secret);
    let origin = match own {
        Some(source) => Origin::Fetched(source),
        None => Origin::Expansion(place),
    };
    let node = yaml::read_from(&found.text, &origin, &mut problems);
    if let Some(node) = node.filter(|_| !problems.has_errors()) {
        return Ok(paths::split(node, said));
    }
    let first = problems.iter().find(|problem| problem.is_error());
    let Some(problem) = first else {
        return Err("it is not YAML".to_owned());
    };
    Err(match (&problem.place, own) {
        (Some(at), Some(_)) => format!("{at}: {}", problem.message),
        _ => problem.message.clone(),
    })
}

#[cfg(test)]
mod tests;
