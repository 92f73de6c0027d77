//! The daemon as users run it: built for release.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// The package, and what its program is called.
pub(super) const PACKAGE: &str = "tapline";

/// Builds the daemon and returns its program.
pub(super) fn build(root: &Path) -> Result<PathBuf> {
    cargo(root, &["--package", PACKAGE])?;
    Ok(target(root).join("release").join(PACKAGE))
}

/// Runs `cargo build --release` with more arguments.
pub(super) fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--release"])
        .args(arguments)
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    ensure!(
        status.success(),
        "cargo build {} failed",
        arguments.join(" ")
    );
    Ok(())
}

/// Returns where cargo puts what it builds.
pub(super) fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}
