//! One page: a title and tables, as HTML or as JSON. This module must not know what they say.

use std::fmt::Write;

use serde_json::{Map, Value};

/// A page.
#[derive(Clone, Debug)]
pub(super) struct Page {
    title: &'static str,
    tables: Vec<Table>,
}

/// A table with a name, named columns and rows of cells.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: &'static [&'static str],
    pub(super) rows: Vec<Vec<String>>,
}

/// The pages there are, linked from each.
const PAGES: [&str; 5] = ["servicez", "pipelinez", "extensionz", "featurez", "tracez"];

const STYLE: &str = "body{font:14px/1.5 sans-serif;margin:2em auto;max-width:70em;padding:0 1em}\
table{border-collapse:collapse;margin-bottom:2em}\
th,td{text-align:left;padding:.2em 1em .2em 0;border-bottom:1px solid #ccc;vertical-align:top}\
nav a{margin-right:1em}";

impl Page {
    pub(super) fn new(title: &'static str, tables: Vec<Table>) -> Self {
        Self { title, tables }
    }

    /// Writes it for a browser.
    pub(super) fn html(&self) -> String {
        let mut text = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0} - tapline</title>\n<style>{STYLE}</style></head>\n<body><nav>",
            self.title
        );
        for page in PAGES {
            // Writing to a string cannot fail, here and below.
            let _infallible = write!(text, "<a href=\"/debug/{page}\">{page}</a> ");
        }
        let _infallible = writeln!(text, "</nav>\n<h1>{}</h1>", self.title);
        for table in &self.tables {
            table.html_into(&mut text);
        }
        text.push_str("</body></html>\n");
        text
    }

    /// Writes it for a program: rows by table, cells by column.
    pub(super) fn json(&self) -> Value {
        let tables = self.tables.iter().map(|table| {
            let rows = table.rows.iter().map(|row| {
                let cells = table.columns.iter().zip(row);
                let cells = cells.map(|(column, cell)| {
                    let key = column.to_lowercase().replace(' ', "_");
                    (key, Value::from(cell.as_str()))
                });
                Value::Object(cells.collect())
            });
            (table.name.clone(), rows.collect::<Value>())
        });
        Value::Object(tables.collect::<Map<_, _>>())
    }
}

impl Table {
    fn html_into(&self, text: &mut String) {
        let _infallible = writeln!(
            text,
            "<h2 id=\"{0}\">{0}</h2>\n<table><tr>",
            escaped(&self.name)
        );
        for column in self.columns {
            let _infallible = write!(text, "<th>{column}</th>");
        }
        text.push_str("</tr>\n");
        for row in &self.rows {
            text.push_str("<tr>");
            for cell in row {
                let _infallible = write!(text, "<td>{}</td>", escaped(cell));
            }
            text.push_str("</tr>\n");
        }
        text.push_str("</table>\n");
    }
}

/// Writes text so that a browser takes it for text.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other if other.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
