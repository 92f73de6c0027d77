//! Who may import whom. The table below is the law; `docs/architecture.md` explains it.
//!
//! Reads the plain output of `cargo metadata`, so the law covers what cargo sees and not what a
//! manifest seems to say. Knows nothing about source files.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::{Problem, relative};

/// A crate, the crates it may import, and those that only its tests may import besides.
struct Room {
    name: &'static str,
    imports: &'static [&'static str],
    tests: &'static [&'static str],
}

/// Short names: without the prefix `tapline-`, and `daemon` for the binary.
const HOUSE: &[Room] = &[
    // Pure ideas.
    Room {
        name: "pdata",
        imports: &[],
        tests: TESTKIT,
    },
    Room {
        name: "protocols",
        imports: &[],
        tests: TESTKIT,
    },
    Room {
        name: "config",
        imports: &[],
        tests: TESTKIT,
    },
    Room {
        name: "ottl",
        imports: &["pdata"],
        tests: TESTKIT,
    },
    Room {
        name: "analysis",
        imports: &["pdata"],
        tests: TESTKIT,
    },
    // The kernel.
    Room {
        name: "ebpf",
        imports: &[],
        tests: TESTKIT,
    },
    // The machinery.
    Room {
        name: "pipeline",
        imports: &["pdata", "config"],
        tests: TESTKIT,
    },
    Room {
        name: "net",
        imports: &["config"],
        tests: TESTKIT,
    },
    // The components.
    Room {
        name: "receiver",
        imports: &["pipeline", "pdata", "config", "net", "ebpf", "protocols"],
        tests: TESTKIT,
    },
    Room {
        name: "processors",
        imports: &["pipeline", "pdata", "config", "ottl", "analysis"],
        tests: TESTKIT,
    },
    Room {
        name: "exporters",
        imports: &["pipeline", "pdata", "config", "net"],
        tests: TESTKIT,
    },
    // The process.
    Room {
        name: "daemon",
        imports: &[
            "pdata",
            "protocols",
            "config",
            "ottl",
            "analysis",
            "ebpf",
            "pipeline",
            "net",
            "receiver",
            "processors",
            "exporters",
        ],
        tests: TESTKIT,
    },
    // Beside the house.
    Room {
        name: "testkit",
        imports: &["pipeline", "pdata", "net"],
        tests: &[],
    },
    Room {
        name: "program-rustls",
        imports: &[],
        tests: &[],
    },
    Room {
        name: "integration-tests",
        imports: &[],
        tests: &["testkit", "pdata"],
    },
    Room {
        name: "xtask",
        imports: &[],
        tests: &[],
    },
];

const TESTKIT: &[&str] = &["testkit"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// None, `dev` or `build`.
    kind: Option<String>,
    /// Present on what lies in this repository.
    path: Option<String>,
}

/// Checks every crate of the workspace at `root`.
pub(super) fn check(root: &Path) -> Result<Vec<Problem>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo metadata: {complaint}");
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("cannot read cargo metadata")?;
    let mut problems = Vec::new();
    for package in &metadata.packages {
        let path = Path::new(&package.manifest_path);
        let manifest = fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", package.manifest_path))?;
        problems.extend(check_package(package, &relative(root, path)?, &manifest));
    }
    Ok(problems)
}

/// Checks one crate; its manifest serves to find the line only.
fn check_package(package: &Package, file: &str, manifest: &str) -> Vec<Problem> {
    let from = short(&package.name);
    let Some(room) = HOUSE.iter().find(|room| room.name == from) else {
        let text = format!("{from} is not in the table of rooms, xtask/src/tidy/edges.rs");
        return vec![Problem::new(file, 1, text)];
    };
    let mut problems = Vec::new();
    for dependency in package
        .dependencies
        .iter()
        .filter(|dependency| dependency.path.is_some())
    {
        let to = short(&dependency.name);
        let in_tests = dependency.kind.as_deref() == Some("dev");
        if room.imports.contains(&to) || (in_tests && room.tests.contains(&to)) {
            continue;
        }
        let whose = if in_tests { "the tests of " } else { "" };
        let line = line_of(manifest, dependency);
        problems.push(Problem::new(
            file,
            line,
            format!("{whose}{from} may not import {to}"),
        ));
    }
    problems
}

fn short(package: &str) -> &str {
    if package == "tapline" {
        "daemon"
    } else {
        package.trim_start_matches("tapline-")
    }
}

/// Finds the dependency below the heading of its kind; the first line if it hides too well.
fn line_of(manifest: &str, dependency: &Dependency) -> usize {
    let kind = dependency
        .kind
        .as_ref()
        .map_or(String::new(), |kind| format!("{kind}-"));
    let heading = format!("{kind}dependencies]");
    let mut inside = false;
    for (number, line) in (1..).zip(manifest.lines()) {
        if let Some(table) = line.trim().strip_prefix('[') {
            // `[dev-dependencies]` also ends in `dependencies]`.
            inside = table.rsplit('.').next() == Some(heading.as_str());
        } else if inside && line.trim_start().starts_with(&dependency.name) {
            return number;
        }
    }
    1
}

#[cfg(test)]
mod tests;
