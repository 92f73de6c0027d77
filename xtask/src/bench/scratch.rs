//! A directory of our own that goes away with us.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

use anyhow::{Context as _, Result};

pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Result<Self> {
        let path = env::temp_dir().join(format!("tapline-bench-{}", process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file and returns where it is.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A leftover in the temporary directory is not worth failing a measurement for.
        let _ = fs::remove_dir_all(&self.0);
    }
}
