//! Settings of `file_storage`: the Collector's keys, and a quota.

use std::{fs, io::ErrorKind};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Duration, Invalid, Validate};

use super::directory::{Creation, OnFailure};

/// What the user wrote. The keys under `compaction` are read and checked, and have no effect:
/// files of which nothing is left are deleted as soon as that is so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the logs are. tapline does not read the Collector's files.
    pub(super) directory: String,
    /// Whether the directory is created if it is not there.
    pub(super) create_directory: bool,
    /// The permissions it is created with, octal.
    pub(super) directory_permissions: String,
    /// How long to wait for a log that somebody else has open. Unlike the Collector's, 0 does not
    /// wait at all.
    pub(super) timeout: Duration,
    /// Whether what is acknowledged survives a power cut, and not only the end of the process.
    pub(super) fsync: bool,
    /// Whether a log that cannot be opened is renamed to `*.backup` and another one begun. Damaged
    /// records are skipped either way.
    pub(super) recreate: bool,
    /// Accepted.
    pub(super) compaction: Compaction,
    /// How much disk all logs of this extension may occupy together; 0 is no limit. Ours.
    pub(super) max_size_mib: u64,
}

/// How the Collector makes its files smaller. Accepted; there is nothing to compact here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Compaction {
    /// Accepted and without effect.
    on_start: bool,
    /// Accepted and without effect.
    on_rebound: bool,
    /// Accepted and without effect.
    directory: String,
    /// Accepted and without effect.
    max_transaction_size: u64,
    /// Accepted and without effect.
    rebound_needed_threshold_mib: u64,
    /// Accepted and without effect.
    rebound_trigger_threshold_mib: u64,
    /// Accepted and without effect.
    check_interval: Duration,
    /// Accepted and without effect.
    cleanup_on_start: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            directory: "/var/lib/otelcol/file_storage".to_owned(),
            create_directory: true,
            directory_permissions: "0750".to_owned(),
            timeout: Duration::from_secs(1),
            fsync: false,
            recreate: false,
            compaction: Compaction::default(),
            max_size_mib: 0,
        }
    }
}

impl Default for Compaction {
    fn default() -> Self {
        Self {
            on_start: false,
            on_rebound: false,
            directory: String::new(),
            max_transaction_size: 65_536,
            rebound_needed_threshold_mib: 100,
            rebound_trigger_threshold_mib: 10,
            check_interval: Duration::from_secs(5),
            cleanup_on_start: false,
        }
    }
}

impl Config {
    /// Returns the quota in bytes; 0 is none.
    pub(super) fn quota_bytes(&self) -> u64 {
        self.max_size_mib.saturating_mul(1 << 20)
    }

    /// Returns what to do if the directory is not there.
    pub(super) fn creation(&self) -> Result<Creation, String> {
        if !self.create_directory {
            return Ok(Creation::Never);
        }
        let written = &self.directory_permissions;
        let mode = u32::from_str_radix(written, 8).ok();
        // Without the owner's own bits nobody could write there.
        let mode = mode.filter(|mode| *mode <= 0o777 && mode & 0o700 == 0o700);
        mode.map(Creation::WithMode)
            .ok_or_else(|| format!("must be octal and from 0700 to 0777, not {written:?}"))
    }

    /// Says why the directory cannot be used, as far as that can be seen without creating anything
    /// and without the rights of whoever will.
    fn obstacle(&self) -> Option<&'static str> {
        match fs::metadata(&self.directory) {
            Ok(found) => (!found.is_dir()).then_some("is not a directory"),
            Err(error) if error.kind() == ErrorKind::NotFound => (!self.create_directory)
                .then_some("does not exist: create it, or set `create_directory: true`"),
            Err(error) => (error.kind() == ErrorKind::NotADirectory).then_some("is below a file"),
        }
    }

    /// Returns what to do if a log cannot be opened.
    pub(super) fn on_failure(&self) -> OnFailure {
        if self.recreate {
            OnFailure::Recreate
        } else {
            OnFailure::Refuse
        }
    }
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if self.directory.is_empty() {
            invalid.push(Invalid::at("directory", "must not be empty"));
        } else if let Some(message) = self.obstacle() {
            invalid.push(Invalid::at("directory", message));
        }
        if let Err(message) = self.creation() {
            invalid.push(Invalid::at("directory_permissions", message));
        }
        let compaction = &self.compaction;
        if compaction.on_rebound && compaction.check_interval.is_zero() {
            let message = "must be positive when `on_rebound` is set";
            invalid.push(Invalid::at("compaction::check_interval", message));
        }
        invalid
    }
}
