//! Clients and servers out of PyPI and npm: each set of packages in an environment of its own, made
//! once and kept in the target directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tapline_integration_tests::target_dir;

use crate::{harness::Missing, needs::python_path};

/// Packages of one registry, as its installer wants them named.
pub(crate) struct Packages {
    /// What the set is for; names its directory.
    pub(crate) name: &'static str,
    /// Names with versions.
    pub(crate) wanted: &'static [&'static str],
}

impl Packages {
    /// Returns a Python that has the packages.
    pub(crate) fn python(&self) -> Result<PathBuf, Missing> {
        let directory = self.directory("python");
        let python = directory.join("bin/python");
        self.once(&directory, || {
            let venv = ["-m", "venv", "--clear"];
            let made = Command::new(python_path())
                .args(venv)
                .arg(&directory)
                .output();
            ran(made, "python3 -m venv")?;
            let install = [
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ];
            let installed = Command::new(&python)
                .args(install)
                .args(self.wanted)
                .output();
            ran(installed, "pip install")
        })?;
        Ok(python)
    }

    /// Returns the directory whose `node_modules` has the packages. A program finds them if it lies
    /// there, or if `NODE_PATH` names that folder and it is not a module.
    pub(crate) fn node(&self) -> Result<PathBuf, Missing> {
        let directory = self.directory("node");
        self.once(&directory, || {
            let failed = |error: io::Error| format!("{}: {error}", directory.display());
            fs::create_dir_all(&directory).map_err(failed)?;
            fs::write(directory.join("package.json"), "{\"private\": true}").map_err(failed)?;
            let install = [
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--loglevel=error",
            ];
            let installed = Command::new("npm")
                .args(install)
                .args(self.wanted)
                .current_dir(&directory)
                .output();
            ran(installed, "npm install")
        })?;
        Ok(directory)
    }

    fn directory(&self, kind: &str) -> PathBuf {
        target_dir().join(format!("packages-{kind}-{}", self.name))
    }

    /// Installs unless the same set is there, complete.
    fn once(
        &self,
        directory: &Path,
        install: impl FnOnce() -> Result<(), String>,
    ) -> Result<(), Missing> {
        let note = directory.join("installed");
        let wanted = self.wanted.join("\n");
        if fs::read_to_string(&note).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        install().map_err(Missing::Program)?;
        fs::write(&note, wanted).map_err(|error| Missing::Program(error.to_string()))
    }
}

fn ran(output: io::Result<Output>, what: &str) -> Result<(), String> {
    let output = output.map_err(|error| format!("no {what}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{what} fails: {}",
        said.lines().last().unwrap_or("without a word")
    ))
}
