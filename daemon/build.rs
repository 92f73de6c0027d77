//! Asks the linker to write the program's relocations in their compact form.
//!
//! Half a megabyte of them was read, and so resident, in every process that did nothing yet. The
//! dynamic linker of glibc understands the compact form since 2.36; where the C library is older,
//! or where one builds for another machine, everything stays as it was. With `TAPLINE_OLD_GLIBC`
//! set, too: for a binary that is to start where the C library is older than here.

use std::{env, process::Command};

/// The first glibc that reads compact relocations.
const GLIBC_MIN: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=TAPLINE_OLD_GLIBC");
    let variable = |name| env::var(name).unwrap_or_default();
    let is_gnu_linux = variable("CARGO_CFG_TARGET_OS") == "linux"
        && variable("CARGO_CFG_TARGET_ENV") == "gnu"
        && variable("TARGET") == variable("HOST")
        && env::var_os("TAPLINE_OLD_GLIBC").is_none();
    if is_gnu_linux && glibc().is_some_and(|version| version >= GLIBC_MIN) {
        // A linker that does not know it says so and goes on.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Returns the version of the C library of this machine, if it is glibc and says so.
fn glibc() -> Option<(u32, u32)> {
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let told = String::from_utf8(told.ok()?.stdout).ok()?;
    let (major, minor) = told.trim().strip_prefix("glibc ")?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
