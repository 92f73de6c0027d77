//! What may be written in a configuration, told by the code itself: a JSON Schema for editors, and
//! one page for each component.
//!
//! Both come from the component table and from the comments of the settings. Nothing here knows a
//! single setting.

mod page;
mod row;
mod schema;

use schemars::{SchemaGenerator, generate::SchemaSettings};

use crate::components::{CONNECTORS, EXPORTERS, EXTENSIONS, PROCESSORS, RECEIVERS, Settings};

use self::page::pages;
pub(crate) use self::row::solid;
pub(crate) use self::schema::schema;

/// One component as the reference tells of it.
struct Entry {
    /// Its section of the configuration, such as `receivers`.
    section: &'static str,
    /// Canonical name, then older ones.
    names: &'static [&'static str],
    about: &'static str,
    settings: fn(&mut SchemaGenerator) -> Settings,
}

/// Lists every component, in the order of the data's way.
fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    macro_rules! take {
        ($section:literal, $table:expr) => {
            entries.extend($table.iter().map(|row| Entry {
                section: $section,
                names: row.names,
                about: row.about,
                settings: row.settings,
            }));
        };
    }
    take!("receivers", RECEIVERS);
    take!("processors", PROCESSORS);
    take!("connectors", CONNECTORS);
    take!("exporters", EXPORTERS);
    take!("extensions", EXTENSIONS);
    entries
}

/// Returns the pages about a name: a component's, with or without its section, or `service`.
pub(crate) fn about(name: &str) -> Vec<String> {
    let is_meant = |path: &str| {
        let path = path.strip_suffix(".md").unwrap_or(path);
        path == name || path.rsplit('/').next() == Some(name)
    };
    let pages = pages().into_iter();
    pages
        .filter(|(path, _)| is_meant(path))
        .map(|(_, page)| page)
        .collect()
}

/// Draft 07 is what editors understand.
fn generator() -> SchemaGenerator {
    SchemaSettings::draft07().into_generator()
}

/// Pages say everything about a component in one place.
pub(crate) fn inlining_generator() -> SchemaGenerator {
    SchemaSettings::draft07()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
}

#[cfg(test)]
mod tests;
