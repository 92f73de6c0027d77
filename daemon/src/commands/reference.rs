//! `tapline schema` and `tapline reference`: what may be written.

use anyhow::{Result, ensure};

use super::say;
use crate::reference;

pub(crate) const EXAMPLE: &str = "\
Example:
  tapline reference receivers/otlp";

/// Prints a JSON Schema.
pub(super) fn schema() -> Result<()> {
    let text = serde_json::to_string_pretty(&reference::schema())?;
    say(&(text + "\n"))
}

/// Prints the pages about a name, or the list of all.
pub(super) fn reference(name: Option<&str>) -> Result<()> {
    let pages = reference::about(name.unwrap_or("README"));
    ensure!(
        !pages.is_empty(),
        "there is no component `{}`; `tapline reference` lists them",
        name.unwrap_or_default()
    );
    say(&(pages.join("\n") + "\n"))
}
