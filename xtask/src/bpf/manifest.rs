//! The manifest: which compiler and which files the committed objects come from, by SHA-256.
//!
//! The format is that of `sha256sum`, so `sha256sum -c ebpf/objects/MANIFEST` checks freshness
//! without clang and without us. Must not know how an object is built.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// Writes the manifest of `files`: the name to print, and where to read the bytes.
pub(super) fn write(compiler: &str, mut files: Vec<(String, PathBuf)>) -> Result<String> {
    files.sort();
    let mut text = format!("# Written by cargo xtask bpf, with clang {compiler}.\n");
    for (name, path) in files {
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        writeln!(text, "{}  {name}", digest(&bytes)).expect("a string takes everything");
    }
    Ok(text)
}

fn digest(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(hex, "{byte:02x}").expect("a string takes everything");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_like_sha256sum() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(b"abc"), known);
    }
}
