//! What the guest runs: the test program and the daemon, built here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt::Write as _, fs};

use anyhow::{Context as _, Result, ensure};

/// Without KVM everything takes this many times as long, at least.
const PATIENCE: u32 = 16;

/// Which kinds of capture the tests ask for, one after another, with spaces between.
const CAPTURE: &str = "TAPLINE_TEST_CAPTURE";
/// What a kernel is tapped with by itself, and what is the same on all of them.
const CAPTURES: &str = "auto syscall";

/// Built programs.
pub(super) struct Subject {
    tests: PathBuf,
    daemon: PathBuf,
    directory: PathBuf,
}

/// Builds the kernel tests and the daemon.
pub(super) fn build(root: &Path) -> Result<Subject> {
    let package = "tapline-integration-tests";
    Ok(Subject {
        tests: executable(
            root,
            "kernel",
            &["test", "--no-run", "-p", package, "--test", "kernel"],
        )?,
        daemon: executable(root, "tapline", &["build", "-p", "tapline"])?,
        directory: root.join("integration-tests"),
    })
}

impl Subject {
    /// Copies the programs, so that what is built meanwhile does not change what the guest runs.
    pub(super) fn copied(&self, directory: &Path) -> Result<Self> {
        let copy = |program: &Path, name: &str| -> Result<PathBuf> {
            let place = directory.join(name);
            fs::copy(program, &place)
                .with_context(|| format!("cannot write {}", place.display()))?;
            Ok(place)
        };
        Ok(Self {
            tests: copy(&self.tests, "kernel")?,
            daemon: copy(&self.daemon, "tapline")?,
            directory: self.directory.clone(),
        })
    }

    /// Writes the script that the guest runs: what the doctor says, and the tests with every kind
    /// of capture.
    pub(super) fn command(&self, tests: &[String]) -> String {
        let path = env::var("PATH").unwrap_or_default();
        let mut script = format!(
            "export PATH='{path}' HOME='{}'\n\
             export TAPLINE_TEST_BINARY='{}' TAPLINE_TEST_PATIENCE={PATIENCE}\n\
             export TAPLINE_REQUIRE_BPF=1\n\
             cd '{}'\n\
             \"$TAPLINE_TEST_BINARY\" doctor\n\
             status=0\n\
             for capture in {}; do\n\
             echo \"@@capture $capture\"\n\
             {CAPTURE}=$capture '{}'",
            env::var("HOME").unwrap_or_else(|_| "/root".to_owned()),
            self.daemon.display(),
            self.directory.display(),
            env::var(CAPTURE).unwrap_or_else(|_| CAPTURES.to_owned()),
            self.tests.display(),
        );
        for test in tests {
            write!(script, " '{test}'").expect("a string takes everything");
        }
        script.push_str(" || status=1\ndone\nexit $status\n");
        script
    }
}

/// Builds, and returns the path of the target of that name.
fn executable(root: &Path, target: &str, arguments: &[&str]) -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .args(["--quiet", "--message-format=json-render-diagnostics"])
        .current_dir(root)
        .output()
        .context("cannot run cargo")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{target} does not build:\n{complaint}"
    );
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut found = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == target)
            .then(|| message["executable"].as_str().map(PathBuf::from))
            .flatten()
    });
    found
        .next_back()
        .with_context(|| format!("cargo names no executable {target}"))
}
