//! The house rules hold: imports, sizes, opening comments. Fails with what `cargo xtask tidy` says.

use std::process::Command;

#[test]
fn house_is_tidy() {
    // Cargo's own variables stay: xtask reads the workspace through cargo.
    let ran = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "-p", "xtask", "--", "tidy"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo can be started");
    let (said, errors) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert!(ran.status.success(), "\n{said}{errors}");
}
