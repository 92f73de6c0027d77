//! Node and its like: the package that a script belongs to.

use std::io::Read;

use super::{
    Program,
    command::{Found, folder_of},
};

/// Folders looked at, from the script's upwards.
const FOLDERS_MAX: usize = 8;
/// Most of a manifest that is read.
const MANIFEST_MAX: u64 = 256 * 1024;

/// Names the package of a script by its `package.json`.
pub(super) fn name(program: &Program<'_>, found: &Found<'_>) -> Option<String> {
    let folder = folder_of(program, found.program)?;
    // Tools of dependencies (`node_modules/.bin/next start`) serve the project around them.
    let project = folder.split("/node_modules/").next().unwrap_or(&folder);
    let mut parts = normal(project);
    for _ in 0..FOLDERS_MAX {
        let path = format!("/{}/package.json", parts.join("/"));
        if let Some(name) = package(program, &path) {
            return Some(name);
        }
        parts.pop()?;
    }
    None
}

fn package(program: &Program<'_>, path: &str) -> Option<String> {
    let mut manifest = Vec::new();
    let file = program.files.open(path)?;
    file.take(MANIFEST_MAX).read_to_end(&mut manifest).ok()?;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).ok()?;
    super::accepted(manifest.get("name")?.as_str()?)
}

/// The parts of a path without `.` and `..`.
fn normal(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts
}
