//! Builds the binary under test, once per test program, in the profile the tests were built in.
//!
//! Cargo offers a binary's path only to tests of its own package, and those would be inside the
//! daemon. So cargo is asked again; when nothing has changed that takes a moment.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// What cargo sets for the test program; inside the second cargo it would look like a change.
const SET_BY_CARGO: [&str; 5] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_BIN_",
    "CARGO_CRATE_",
    "CARGO_PRIMARY_",
];

/// Names a binary that was built already, where there is no cargo: in the guest of `xtask vm`.
const BINARY: &str = "TAPLINE_TEST_BINARY";

/// Returns the path of `tapline`, built from the sources as they are.
pub fn tapline() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| env::var_os(BINARY).map_or_else(build, PathBuf::from))
}

/// Returns the target directory that the tests were built into.
pub fn target_dir() -> PathBuf {
    place().0
}

/// Returns the target directory and the profile, read from where this program lies:
/// `TARGET/PROFILE/deps/kernel-0123`.
fn place() -> (PathBuf, String) {
    let program = env::current_exe().expect("a running program has a path");
    let profile = program
        .ancestors()
        .nth(2)
        .expect("cargo puts tests into PROFILE/deps");
    let name = profile
        .file_name()
        .expect("a profile has a name")
        .to_string_lossy();
    // The directory of the profile `dev` is the one exception from the rule.
    let name = if name == "debug" {
        "dev".to_owned()
    } else {
        name.into_owned()
    };
    (
        profile
            .parent()
            .expect("a profile lies in a target directory")
            .to_owned(),
        name,
    )
}

fn build() -> PathBuf {
    let (target, profile) = place();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "build",
            "--quiet",
            "-p",
            "tapline",
            "--message-format=json-render-diagnostics",
        ])
        .args(["--profile", &profile])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if SET_BY_CARGO.iter().any(|prefix| text.starts_with(prefix)) {
            cargo.env_remove(&name);
        }
    }
    let built = cargo.output().expect("cargo can be started");
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "tapline cannot be built:\n{errors}");
    let messages = String::from_utf8_lossy(&built.stdout);
    let path = messages
        .lines()
        .find_map(executable)
        .expect("cargo names what it built");
    PathBuf::from(path)
}

/// Returns the executable of a message about the artifact `tapline`.
fn executable(message: &str) -> Option<String> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let is_ours =
        message["reason"] == "compiler-artifact" && message["target"]["name"] == "tapline";
    is_ours
        .then(|| message["executable"].as_str().map(str::to_owned))
        .flatten()
}
