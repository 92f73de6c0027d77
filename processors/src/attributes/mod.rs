//! `attributes`: edits the attributes of spans, log records and data points by a list of actions,
//! of those that `include` matches and `exclude` does not.

mod matching;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Invalid, Validate};
use tapline_pdata::rewrite::{Keep, LogEdit, PointEdit, Reach, SpanEdit, Surroundings, Transform};

pub use matching::{LibraryMatch, MatchConfig, PairMatch, RegexpConfig, SeverityMatch};

use self::matching::{Matcher, Subject};
use crate::actions::{self, Action, Actions};

/// What the user wrote.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is done to the attributes, in order.
    pub actions: Vec<Action>,
    /// Which records are edited; all, if nothing is said.
    pub include: Option<MatchConfig>,
    /// Which of these are not.
    pub exclude: Option<MatchConfig>,
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = actions::validate(&self.actions, "actions");
        for (key, matching) in [("include", &self.include), ("exclude", &self.exclude)] {
            let broken = matching.iter().flat_map(MatchConfig::validate);
            invalid.extend(broken.map(|one| one.under(key)));
        }
        invalid
    }
}

/// Builds the transform.
pub fn build(config: &Config) -> Result<Arc<dyn Transform>, String> {
    if let Some(broken) = config.validate().first() {
        return Err(format!("{} {}", broken.path, broken.message));
    }
    let matcher = |matching: &Option<MatchConfig>| matching.as_ref().map(Matcher::new).transpose();
    Ok(Arc::new(AttributesTransform {
        actions: Actions::new(&config.actions)?,
        include: matcher(&config.include)?,
        exclude: matcher(&config.exclude)?,
    }))
}

struct AttributesTransform {
    actions: Actions,
    include: Option<Matcher>,
    exclude: Option<Matcher>,
}

impl AttributesTransform {
    /// Asks for the record only if it matters, because viewing it can mean copying it.
    fn chooses<'s>(&self, cx: &Surroundings<'_>, subject: impl FnOnce() -> Subject<'s>) -> bool {
        if self.include.is_none() && self.exclude.is_none() {
            return true;
        }
        let subject = subject();
        let matches = |matcher: &Matcher| matcher.matches(cx, subject);
        self.include.as_ref().is_none_or(matches) && !self.exclude.as_ref().is_some_and(matches)
    }
}

impl Transform for AttributesTransform {
    fn reach(&self) -> Reach {
        Reach::Point
    }

    fn span(&self, cx: &Surroundings<'_>, span: &mut SpanEdit<'_>) -> Keep {
        if self.chooses(cx, || Subject::Span(span.view())) {
            self.actions.apply(&mut span.attributes(), cx.origin);
        }
        Keep::Yes
    }

    fn log(&self, cx: &Surroundings<'_>, log: &mut LogEdit<'_>) -> Keep {
        if self.chooses(cx, || Subject::Log(log.view())) {
            self.actions.apply(&mut log.attributes(), cx.origin);
        }
        Keep::Yes
    }

    fn point(&self, cx: &Surroundings<'_>, point: &mut PointEdit<'_>) -> Keep {
        if self.chooses(cx, || Subject::Point(point.view())) {
            self.actions.apply(&mut point.attributes(), cx.origin);
        }
        Keep::Yes
    }
}
