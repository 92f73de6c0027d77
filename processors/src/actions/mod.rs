//! The list of actions on attributes that `attributes` and `resource` share, as the user writes it.
//!
//! [`Action`] is the setting; [`Actions`] is a checked list of them, ready to be applied. Nothing
//! here knows whose attributes are edited.

mod apply;
mod literal;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::Invalid;

pub use apply::Actions;
pub use literal::Literal;

/// One action on the attribute of one key, or on those whose keys match a pattern.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Action {
    /// The attribute.
    pub key: String,
    /// One of `insert`, `update`, `upsert`, `delete`, `hash`, `extract`, `convert`.
    pub action: String,
    /// The value to set.
    pub value: Option<Literal>,
    /// Sets the value of this attribute.
    pub from_attribute: String,
    /// Sets `metadata.<header>`, `auth.<attribute>` or `client.address` of the sender.
    pub from_context: String,
    /// What is set when the source of the value is missing.
    pub default_value: Option<Literal>,
    /// Of keys for `delete` and `hash`; of the value, with named groups, for `extract`.
    pub pattern: String,
    /// What `convert` makes of the value: `int`, `double` or `string`.
    pub converted_type: String,
}

/// What each action is called.
const KINDS: &str = "insert, update, upsert, delete, hash, extract, convert";

impl Action {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        let mut broken = |key: &str, rule: String| invalid.push(Invalid::at(key, rule));
        let by_pattern = matches!(self.action.as_str(), "delete" | "hash");
        if self.key.is_empty() && (!by_pattern || self.pattern.is_empty()) {
            broken("key", "is required".to_owned());
        }
        let sources = usize::from(self.value.is_some())
            + usize::from(!self.from_attribute.is_empty())
            + usize::from(!self.from_context.is_empty());
        match self.action.as_str() {
            "insert" | "update" | "upsert" if sources != 1 => {
                let rule = "needs exactly one of `value`, `from_attribute`, `from_context`";
                broken("action", rule.to_owned());
            }
            "delete" | "hash" | "extract" | "convert" if sources != 0 => {
                let rule = format!("`{}` takes no value", self.action);
                broken("action", rule);
            }
            "extract" => match named_groups(&self.pattern) {
                Ok(()) => {}
                Err(rule) => broken("pattern", rule),
            },
            "convert" if !matches!(&*self.converted_type, "int" | "double" | "string") => {
                broken("converted_type", "must be int, double or string".to_owned());
            }
            "insert" | "update" | "upsert" | "delete" | "hash" | "convert" => {}
            "" => broken("action", "is required".to_owned()),
            other => broken("action", format!("`{other}` is none of {KINDS}")),
        }
        if let Err(error) = regex::Regex::new(&self.pattern) {
            broken(
                "pattern",
                format!("is no regular expression: {}", last_line(&error)),
            );
        }
        let context = self.from_context.as_str();
        let known = ["metadata.", "auth."]
            .iter()
            .any(|prefix| context.starts_with(prefix));
        if !context.is_empty() && !known && context != "client.address" {
            let rule = "must be `metadata.<header>`, `auth.<attribute>` or `client.address`";
            broken("from_context", rule.to_owned());
        }
        invalid
    }
}

/// Returns what an error of the regex crate says after its drawing of the pattern.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().last().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

/// Says what is wrong with a pattern that extracts.
fn named_groups(pattern: &str) -> Result<(), String> {
    // That it does not compile is said elsewhere.
    let Ok(regex) = regex::Regex::new(pattern) else {
        return Ok(());
    };
    let mut groups = regex.capture_names().skip(1).peekable();
    if groups.peek().is_none() {
        return Err("needs a named group".to_owned());
    }
    if groups.any(|name| name.is_none()) {
        return Err("must name each of its groups".to_owned());
    }
    Ok(())
}

/// Returns every broken rule of a list of actions that stands under `key`.
pub fn validate(actions: &[Action], key: &str) -> Vec<Invalid> {
    if actions.is_empty() {
        return vec![Invalid::at(key, "needs at least one action")];
    }
    let numbered = actions.iter().enumerate();
    let of_one = |(at, action): (usize, &Action)| {
        let invalid = action.validate().into_iter();
        invalid.map(move |one| one.under(&at.to_string()).under(key))
    };
    numbered.flat_map(of_one).collect()
}
