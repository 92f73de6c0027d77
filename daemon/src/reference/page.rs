//! The reference as Markdown: a page for each component, one for `service`, and a list of them.

use std::fmt::Write;

use super::{Entry, entries, inlining_generator, row::rows};
use crate::{components::Settings, telemetry};

const NOTE: &str = "\
<!-- Written by the code: `TAPLINE_BLESS=1 cargo test -p tapline reference`. Do not edit. -->

";

const LEGEND: &str = "\
Keys are joined by `::`, as messages write them; `[]` stands for each item of a list.
Durations are written as Go does: `1h2m3.5s`, `200ms`.
A secret is never shown. Every value may be a reference such as `${env:NAME}`.

";

/// Returns the pages by their path below `docs/reference`.
pub(crate) fn pages() -> Vec<(String, String)> {
    let mut pages = vec![("README.md".to_owned(), index())];
    pages.push(("service.md".to_owned(), service()));
    let components = entries().into_iter();
    pages.extend(components.map(|entry| (path(&entry), component(&entry))));
    pages
}

fn path(entry: &Entry) -> String {
    format!("{}/{}.md", entry.section, entry.names[0])
}

fn index() -> String {
    let mut page = format!("{NOTE}# Reference\n\nEvery component of tapline and every setting.\n");
    page.push_str(
        "For an editor there is [tapline.schema.json](tapline.schema.json), \
         which `tapline schema` prints too.\n",
    );
    let mut section = "";
    for entry in entries() {
        if section != entry.section {
            section = entry.section;
            let _ = write!(page, "\n## {section}\n\n");
        }
        let _ = writeln!(
            page,
            "- [{}]({}): {}",
            entry.names[0],
            path(&entry),
            entry.about
        );
    }
    page.push_str(
        "\n## service\n\n- [service](service.md): pipelines, and tapline's own telemetry.\n",
    );
    page
}

fn component(entry: &Entry) -> String {
    let what = entry.section.trim_end_matches('s');
    let (name, older) = (entry.names[0], &entry.names[1..]);
    let mut page = format!("{NOTE}# `{name}` {what}\n\n{}\n", entry.about);
    if !older.is_empty() {
        let older: Vec<_> = older.iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(page, "Older name, which still works: {}.", older.join(", "));
    }
    page.push('\n');
    page.push_str(LEGEND);
    table(&(entry.settings)(&mut inlining_generator()), &mut page);
    page
}

fn service() -> String {
    let mut page = format!(
        "{NOTE}# `service`\n\n\
         | Key | Type | What it does |\n|---|---|---|\n\
         | `extensions` | list of component ids | The extensions that are started, in order. |\n\
         | `pipelines::<signal>[/name]` | block | A pipeline; the signal is `traces`, `metrics`, \
         `logs` or `profiles`. |\n\
         | `pipelines::…::receivers` | list of component ids | Where its data comes from. |\n\
         | `pipelines::…::processors` | list of component ids | What changes it, in order. |\n\
         | `pipelines::…::exporters` | list of component ids | Where it goes. |\n\
         | `telemetry` | block | What tapline tells of itself. |\n\
         | `telemetry::resource` | block | Who tapline says it is: a list of `attributes`, each \
         with `name` and `value`, or the older form, a map. |\n\n{LEGEND}"
    );
    for (key, settings) in telemetry::settings(&mut inlining_generator()) {
        let _ = write!(page, "## `telemetry::{key}`\n\n");
        table(&settings, &mut page);
        page.push('\n');
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

fn table(settings: &Settings, page: &mut String) {
    let rows = rows(settings.schema.as_value(), &settings.defaults);
    if rows.is_empty() {
        page.push_str("There is nothing to set.\n");
        return;
    }
    page.push_str("| Key | Type | Default | What it does |\n|---|---|---|---|\n");
    for row in rows {
        let (kind, about) = (cell(&row.kind), cell(&row.about));
        let default = cell(&row.default);
        let _ = writeln!(page, "| `{}` | {kind} | {default} | {about} |", row.path);
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
