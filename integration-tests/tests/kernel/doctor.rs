//! `tapline doctor` on the machine that the other tests tap: it must not promise anything else.

use std::{env, fs};

use serde_json::Value;
use tapline_integration_tests::{Ended, Program, Scratch, tapline};
use tokio::process::Command;

use crate::{
    lifecycle::{NOBODY, make_public},
    needs,
};

pub(crate) async fn says_that_capture_works_where_it_does() {
    let mut command = Command::new(tapline());
    // What is asked for is what the other tests ask for.
    let capture = env::var("TAPLINE_TEST_CAPTURE").unwrap_or_else(|_| "auto".to_owned());
    command.args(["doctor", "--format", "json", "--capture", &capture]);
    let told = Program::run(command).await;
    assert_eq!(told.status.code(), Some(0), "{}", told.stdout);
    let told = json(&told);
    assert_eq!(told["works"], true);
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("Linux");
    assert_eq!(told["kernel"], release.trim());
    for name in ["capture", "programs", "privileges", "kernel types"] {
        assert_eq!(feature(&told, name)["on"], true, "{name}: {told:#}");
    }
    if needs::tls().is_ok() {
        assert_eq!(feature(&told, "TLS")["on"], true, "{told:#}");
    }
}

pub(crate) async fn says_what_root_would_add_to_somebody_without_rights() {
    let scratch = Scratch::new();
    let binary = scratch.path().join("tapline");
    // A user without rights may not see the target directory.
    fs::copy(tapline(), &binary).expect("the binary can be copied");
    make_public(scratch.path());
    let mut command = Command::new(binary);
    command.args(["doctor", "--format", "json"]);
    command.uid(NOBODY).gid(NOBODY).current_dir(scratch.path());
    let told = Program::run(command).await;
    assert_eq!(told.status.code(), Some(1), "{}", told.stdout);
    let told = json(&told);
    let capture = feature(&told, "capture");
    assert_eq!(capture["on"], false);
    let needs = capture["needs"].as_str().unwrap_or_default();
    assert!(needs.starts_with("root"), "{needs}");
}

fn json(told: &Ended) -> Value {
    serde_json::from_str(&told.stdout).expect("it is JSON")
}

fn feature<'t>(told: &'t Value, name: &str) -> &'t Value {
    let features = told["features"].as_array().expect("a list");
    let found = features.iter().find(|feature| feature["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {told:#}"))
}
