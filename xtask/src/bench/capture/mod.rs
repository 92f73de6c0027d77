//! `bench capture`: the tap against a system call it has nothing to do with, a socket pair, nginx,
//! Redis and PostgreSQL; the memory of ten thousand connections; and the user half by itself.
//!
//! Each section measures one subject and can be asked for by its name. A server that is not
//! installed is named, and nothing is measured instead of something less.

mod calls;
mod connections;
mod found;
mod nginx;
mod pair;
mod postgres;
mod redis;
mod speed;
mod web;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::machine;
use super::scratch::Scratch;
use super::table::render;
use super::tap::{Governor, Tap};
use super::tools::{Tool, Tools};
use found::Found;

const LEGEND: &str = "\
medians; ratio: with over its neighbours without; unchanged: without over the one before it;
best: the best round with over the best round without; the governor is off but where a row says so";

/// One subject.
struct Section {
    name: &'static str,
    /// What is measured, and about how long it takes.
    about: &'static str,
    needs: &'static [Tool],
    /// Whether the daemon has to run for it.
    taps: bool,
    run: fn(&Bench) -> Result<Found>,
}

const SECTIONS: &[Section] = &[
    calls::SECTION,
    nginx::SECTION,
    redis::SECTION,
    postgres::SECTION,
    connections::SECTION,
    speed::REPLAY,
    speed::PARSING,
];

/// Everything that is needed to measure.
struct Bench {
    root: PathBuf,
    scratch: Scratch,
    tools: Tools,
    /// It tells everything.
    tap: Option<Tap>,
}

impl Bench {
    /// Returns the tap, which was built if a section needs it.
    fn tap(&self) -> &Tap {
        self.tap.as_ref().expect("built for sections that tap")
    }

    /// Returns the tap as users have it, who did not switch its governor off.
    fn governed(&self) -> Result<Tap> {
        Tap::build(&self.root, &self.scratch, Governor::Default)
    }
}

pub(super) fn run(root: &Path, names: &[String]) -> Result<()> {
    let sections = chosen(names)?;
    let needed: Vec<Tool> = sections.iter().flat_map(|it| it.needs).copied().collect();
    let taps = sections.iter().any(|section| section.taps);
    let tools = Tools::find(&needed, taps)?;
    let before = machine::describe();
    let scratch = Scratch::new()?;
    let tap = taps
        .then(|| Tap::build(root, &scratch, Governor::Off))
        .transpose()?;
    let bench = Bench {
        root: root.to_path_buf(),
        scratch,
        tools,
        tap,
    };
    let mut found = Found::default();
    for section in sections {
        eprintln!("bench: {}", section.about);
        found.add((section.run)(&bench)?);
    }

    println!("{before}");
    println!("load average at the end {}", machine::load_average());
    println!("{LEGEND}\n");
    println!("{}", render(&found.rows));
    for note in &found.notes {
        println!("{note}");
    }
    Ok(())
}

/// Returns the sections with these names, all if there are none.
fn chosen(names: &[String]) -> Result<Vec<&'static Section>> {
    let all: Vec<&str> = SECTIONS.iter().map(|section| section.name).collect();
    let unknown: Vec<&String> = names
        .iter()
        .filter(|name| !all.contains(&name.as_str()))
        .collect();
    ensure!(
        unknown.is_empty(),
        "no section is called {unknown:?}; there are {}",
        all.join(", ")
    );
    let is_chosen =
        |section: &&Section| names.is_empty() || names.iter().any(|n| n == section.name);
    Ok(SECTIONS.iter().filter(is_chosen).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_all_sections_unless_some_are_named() {
        let names = |words: &[&str]| -> Result<Vec<&str>> {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            Ok(chosen(&words)?.iter().map(|section| section.name).collect())
        };
        assert_eq!(names(&[]).expect("all").len(), SECTIONS.len());
        assert_eq!(
            names(&["redis", "calls"]).expect("both"),
            ["calls", "redis"]
        );
        let error = names(&["radish"]).expect_err("no such section");
        assert!(error.to_string().contains("radish"), "{error}");
    }
}
