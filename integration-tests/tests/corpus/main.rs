//! Files as people write them, run through `tapline validate`: good ones, ones that need what only
//! the Collector has, and broken ones.
//!
//! Two judges. Marks in the files themselves say what a person would want to be told (see
//! `marks`), and no error may be without one; the `.txt` beside a file holds all that is said, word
//! for word. To write the `.txt` files anew, run with `TAPLINE_BLESS=1` and read the difference.

mod case;
mod marks;
mod said;

use std::{collections::BTreeSet, env, fs, path::Path, sync::OnceLock, thread};

use case::{Case, corpus};
use said::Said;

/// How many validations run at once: each is short and mostly starting a process.
const AT_ONCE: usize = 8;
/// Every secret in the corpus contains this.
const SECRET: &str = "hunter2";

/// A file of the corpus, and what was said about it.
struct Told {
    case: Case,
    said: Said,
}

#[test]
fn good_files_are_accepted() {
    for told in all("good") {
        assert_eq!(told.said.exit, 0, "{}\n{}", told.case.name, told.said.text);
    }
    nothing_is_missing_or_too_much("good");
}

#[test]
fn what_only_the_collector_has_is_named_at_its_line() {
    for told in all("partial") {
        let is_told_unknown = told.said.text.contains("unknown");
        assert!(!is_told_unknown, "{}\n{}", told.case.name, told.said.text);
    }
    nothing_is_missing_or_too_much("partial");
}

#[test]
fn every_mistake_is_told_and_nothing_else() {
    for told in all("broken") {
        assert_eq!(told.said.exit, 1, "{}\n{}", told.case.name, told.said.text);
    }
    nothing_is_missing_or_too_much("broken");
}

#[test]
fn what_is_said_stands_beside_the_file() {
    let mut wrong = Vec::new();
    for told in everything() {
        let said = told.said.snapshot();
        let beside = told.case.path.with_extension("txt");
        if env::var_os("TAPLINE_BLESS").is_some() {
            fs::write(&beside, &said).expect("writable");
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if said != expected {
            let name = &told.case.name;
            wrong.push(format!("{name}\n--- expected\n{expected}--- said\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn no_secret_is_shown() {
    for told in everything() {
        let text = &told.said.text;
        assert!(!text.contains(SECRET), "{}\n{text}", told.case.name);
    }
}

#[test]
fn good_files_are_printed_without_their_secrets() {
    let printed = in_parallel(cases("good"), |case| {
        let printed = case.run("print-config");
        (case, printed)
    });
    for (case, printed) in printed {
        let (stdout, stderr) = (
            said::text_of(&printed.stdout),
            said::text_of(&printed.stderr),
        );
        assert!(printed.status.success(), "{}\n{stderr}", case.name);
        assert!(stdout.contains("pipelines:"), "{}\n{stdout}", case.name);
        assert!(!stdout.contains(SECRET), "{}\n{stdout}", case.name);
    }
}

#[test]
fn corpus_is_as_large_as_promised() {
    let (good, partial) = (cases("good").len(), cases("partial").len());
    assert!(good >= 35 && good + partial >= 60, "{good} and {partial}");
    assert!(cases("broken").len() >= 40);
}

#[test]
fn nothing_in_the_corpus_is_left_over() {
    for kind in case::KINDS {
        let stems: BTreeSet<_> = cases(kind).iter().map(Case::stem).collect();
        for path in case::files(&corpus().join(kind)) {
            let is_known = path.is_dir() || stems.contains(&stem(&path));
            assert!(is_known, "{} belongs to no file", path.display());
        }
    }
}

/// Holds what was said against the marks of each file of a kind.
fn nothing_is_missing_or_too_much(kind: &str) {
    let mut wrong = Vec::new();
    for told in all(kind) {
        let faults = marks::compare(&told.case, &told.said);
        if !faults.is_empty() {
            wrong.push(format!("{}:\n{}", told.case.name, faults.join("\n")));
        }
    }
    let count = wrong.len();
    assert!(wrong.is_empty(), "{count} files\n{}", wrong.join("\n\n"));
}

/// Validates the whole corpus, once for all tests.
fn everything() -> &'static [Told] {
    static EVERYTHING: OnceLock<Vec<Told>> = OnceLock::new();
    EVERYTHING.get_or_init(|| {
        let cases = case::KINDS.into_iter().flat_map(cases).collect();
        in_parallel(cases, |case| {
            let said = Said::read(&case.run("validate"));
            Told { case, said }
        })
    })
}

fn all(kind: &str) -> impl Iterator<Item = &'static Told> {
    let is_of_kind = move |told: &&Told| told.case.kind() == kind;
    everything().iter().filter(is_of_kind)
}

fn cases(kind: &str) -> Vec<Case> {
    let paths = case::files(&corpus().join(kind));
    let is_yaml = |path: &&std::path::PathBuf| path.extension().is_some_and(|it| it == "yaml");
    paths
        .iter()
        .filter(is_yaml)
        .map(|path| Case::read(kind, path))
        .collect()
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().expect("a file has a name");
    stem.to_string_lossy().into_owned()
}

/// Does the same with each, several at a time; the order stays.
fn in_parallel<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let mut lots: Vec<Vec<T>> = (0..AT_ONCE).map(|_| Vec::new()).collect();
    let size = items.len().div_ceil(AT_ONCE).max(1);
    for (number, item) in items.into_iter().enumerate() {
        lots[number / size].push(item);
    }
    thread::scope(|scope| {
        let work = &work;
        let start = |lot: Vec<T>| scope.spawn(move || lot.into_iter().map(work).collect());
        let running: Vec<_> = lots.into_iter().map(start).collect();
        let done = running
            .into_iter()
            .map(|each| each.join().expect("nothing in it panics"));
        done.collect::<Vec<Vec<R>>>()
            .into_iter()
            .flatten()
            .collect()
    })
}
