//! One file of the corpus: where it is, and how it is run.
//!
//! `name.args` beside it holds one argument a line (`--set a.b=c`, `--config other.yaml`), and
//! variables as `NAME=VALUE`. Names of files are relative to the corpus, so that what is said is
//! the same on every machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tapline_integration_tests::tapline;

/// The folders of the corpus.
pub(crate) const KINDS: [&str; 3] = ["good", "partial", "broken"];

/// A file of the corpus.
pub(crate) struct Case {
    /// Its path as tapline is told it: `good/agent.yaml`.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it says, with marks and all.
    pub(crate) text: String,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Case {
    pub(crate) fn read(kind: &str, path: &Path) -> Self {
        let file = path.file_name().expect("a file has a name");
        let beside = fs::read_to_string(path.with_extension("args")).unwrap_or_default();
        let lines = || beside.lines().filter(|line| !line.is_empty());
        let is_option = |line: &&str| line.starts_with("--");
        let variables = lines().filter(|line| !is_option(line)).map(|line| {
            let (name, value) = line.split_once('=').expect("NAME=VALUE");
            (name.to_owned(), value.to_owned())
        });
        Self {
            name: format!("{kind}/{}", file.to_string_lossy()),
            path: path.to_owned(),
            text: fs::read_to_string(path).expect("readable"),
            arguments: lines().filter(is_option).flat_map(arguments).collect(),
            variables: variables.collect(),
        }
    }

    /// Runs a command of tapline on it, with an environment that is its own.
    pub(crate) fn run(&self, command: &str) -> Output {
        Command::new(tapline())
            .args([command, "--config", &self.name])
            .args(&self.arguments)
            .current_dir(corpus())
            .env_clear()
            .envs(self.variables.iter().cloned())
            .output()
            .expect("tapline can be started")
    }

    pub(crate) fn kind(&self) -> &str {
        self.name.split('/').next().expect("a path has a beginning")
    }

    /// Returns its name without folder and ending.
    pub(crate) fn stem(&self) -> String {
        super::stem(&self.path)
    }
}

/// Where the corpus is.
pub(crate) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/corpus")
}

/// Lists a folder, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the corpus is there");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    paths.sort();
    paths
}

/// Splits a line into an option and its value: `--set a=b` is two arguments, `--set=a=b` is one.
fn arguments(line: &str) -> Vec<String> {
    match line.split_once(' ') {
        Some((option, value)) if !option.contains('=') => vec![option.into(), value.into()],
        _ => vec![line.into()],
    }
}
