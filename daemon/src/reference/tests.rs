//! The reference in `docs/` is what the code says; and the schema accepts what the code accepts.
//!
//! To write it anew, run with `TAPLINE_BLESS=1` and read the difference.

use std::{fs, path::Path};

use super::{pages, schema};

fn expected() -> Vec<(String, String)> {
    let mut files = pages();
    let schema = serde_json::to_string_pretty(&schema()).expect("plain data");
    files.push(("tapline.schema.json".to_owned(), schema + "\n"));
    files
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference")
}

fn files_below(folder: &Path, found: &mut Vec<String>, prefix: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            files_below(&entry.path(), found, &format!("{name}/"));
        } else {
            found.push(name);
        }
    }
}

#[test]
fn is_what_the_code_says() {
    let (folder, expected) = (folder(), expected());
    if std::env::var_os("TAPLINE_BLESS").is_some() {
        let _absent = fs::remove_dir_all(&folder);
        for (name, text) in &expected {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("below the folder")).expect("writable");
            fs::write(path, text).expect("writable");
        }
    }
    let mut there = Vec::new();
    files_below(&folder, &mut there, "");
    there.sort();
    let mut names: Vec<_> = expected.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    assert_eq!(there, names, "write it anew with TAPLINE_BLESS=1");
    for (name, text) in &expected {
        let written = fs::read_to_string(folder.join(name)).expect("readable");
        assert!(
            written == *text,
            "{name} is stale: write it anew with TAPLINE_BLESS=1"
        );
    }
}

#[test]
fn every_setting_is_explained() {
    for (name, text) in pages() {
        let empty = text.lines().find(|line| line.ends_with("|  |"));
        assert_eq!(empty, None, "in {name}");
    }
}
