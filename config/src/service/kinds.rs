//! What is to be said about each component for its type, and for being used or not.
//!
//! Each gets the one answer that helps: a type nobody knows is not also called unused, and one that
//! tapline lacks stops nobody while nothing uses it. Which types there are is told by the caller.

use super::{KnownTypes, Layout, Section, Uses, suggest_one_of};
use crate::{ComponentId, Located, Problem, Problems};

/// What is known of a component type that is written in a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is here, under this very name.
    Here,
    /// It is here, and this is its name of today.
    Older(&'static str),
    /// It is here, and this is how it is written.
    Spelled(&'static str),
    /// The Collector has it and tapline has not; perhaps with what to use instead.
    Missing(Option<&'static str>),
    /// Not even the Collector has it any more; perhaps with what to use instead.
    Removed(Option<&'static str>),
    /// Nobody knows it; perhaps with the name that was meant.
    Unknown(Option<&'static str>),
}

/// Reports what is wrong with the types of components, and which nobody uses. Takes those out that
/// cannot run and need not.
pub(super) fn check(
    layout: &mut Layout,
    uses: &Uses,
    known: &KnownTypes<'_>,
    problems: &mut Problems,
) {
    let idle = "no pipeline uses it";
    let unstarted = "`service::extensions` does not list it";
    let mut check = |name, section: &mut Section, types, used: &Ids, why| {
        let of_type = Kinds {
            section: name,
            types,
            known,
            used,
            why,
        };
        section.retain(|(id, _)| of_type.may_stay(id, problems));
    };
    let joints: Ids = uses.sources.union(&uses.sinks).cloned().collect();
    check(
        "receivers",
        &mut layout.receivers,
        known.receivers,
        &uses.sources,
        idle,
    );
    check(
        "processors",
        &mut layout.processors,
        known.processors,
        &uses.processors,
        idle,
    );
    check(
        "exporters",
        &mut layout.exporters,
        known.exporters,
        &uses.sinks,
        idle,
    );
    check(
        "connectors",
        &mut layout.connectors,
        known.connectors,
        &joints,
        idle,
    );
    check(
        "extensions",
        &mut layout.extensions,
        known.extensions,
        &uses.extensions,
        unstarted,
    );
}

type Ids = std::collections::HashSet<ComponentId>;

/// One section, and what is known of it.
struct Kinds<'a> {
    section: &'static str,
    types: &'a [&'a str],
    known: &'a KnownTypes<'a>,
    used: &'a Ids,
    /// Why one that is not among `used` is idle.
    why: &'static str,
}

impl Kinds<'_> {
    /// Says what there is to say about one component; not whether it may run, but whether the rest
    /// of the configuration should go on as if it were there.
    fn may_stay(&self, id: &Located<ComponentId>, problems: &mut Problems) -> bool {
        let kind = id.value.kind.as_str();
        let what = self.section.trim_end_matches('s');
        let is_used = self.used.contains(&id.value);
        let standing = if self.types.contains(&kind) {
            Standing::Here
        } else {
            (self.known.judge)(self.section, kind)
        };
        let problem = match standing {
            Standing::Here => None,
            Standing::Older(name) => Some(Problem::warning(
                &id.place,
                format!("`{kind}` is the older name; use `{name}`"),
            )),
            Standing::Spelled(name) => Some(Problem::warning(
                &id.place,
                format!("`{kind}` is written `{name}`"),
            )),
            Standing::Missing(instead) => {
                let message = format!("{what} `{}` is not supported by tapline", id.value);
                return self.lacking(id, message, instead, problems);
            }
            Standing::Removed(instead) => {
                let message = format!("{what} `{}` was removed from the Collector", id.value);
                return self.lacking(id, message, instead, problems);
            }
            Standing::Unknown(nearest) => {
                let problem = Problem::error(&id.place, format!("unknown {what} type `{kind}`"));
                problems.push(match nearest {
                    Some(_) => problem.suggesting(nearest),
                    None => suggest_one_of(problem, kind, self.types),
                });
                return true;
            }
        };
        problems.extend(problem);
        if !is_used {
            let message = format!("{what} `{}` is configured, but {}", id.value, self.why);
            problems.push(Problem::warning(&id.place, message).about_absence());
        }
        true
    }

    /// Reports a component that cannot run: an error only where it would have to.
    fn lacking(
        &self,
        id: &Located<ComponentId>,
        message: String,
        instead: Option<&str>,
        problems: &mut Problems,
    ) -> bool {
        let is_used = self.used.contains(&id.value);
        let problem = if is_used {
            Problem::error(&id.place, message)
        } else {
            let message = format!("{message}; it is left out, because {}", self.why);
            Problem::warning(&id.place, message)
        };
        problems.push(match instead {
            Some(instead) => problem.with_label(instead),
            None => problem,
        });
        is_used
    }
}
