//! The settings of `file_storage`: the Collector's keys, and a quota.

use std::path::PathBuf;

use serde::Deserialize;
use tapline_config::{Duration, Invalid, Validate};

/// What `file_storage` can be told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the logs are, each in a directory of its own.
    pub(crate) directory: PathBuf,
    /// Whether the directory is made when it is not there.
    pub(crate) create_directory: bool,
    /// The mode of directories that are made, in octal.
    pub(crate) directory_permissions: String,
    /// How long to wait for a log that another process has open.
    pub(crate) timeout: Duration,
    /// Whether writes survive a power cut, too, and not only `kill -9`.
    pub(crate) fsync: bool,
    /// Whether a log that cannot be opened is put aside, as `*.backup`, for a new one.
    pub(crate) recreate: bool,
    /// How many MiB all logs of this extension take up together; zero means no limit. Ours.
    pub(crate) max_size_mib: u64,
    /// Accepted without effect: a segment is deleted once all its records are.
    pub(crate) compaction: CompactionConfig,
}

/// The Collector's compaction, which segments do not need.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CompactionConfig {
    on_start: bool,
    on_rebound: bool,
    directory: PathBuf,
    max_transaction_size: u64,
    rebound_needed_threshold_mib: u64,
    rebound_trigger_threshold_mib: u64,
    check_interval: Duration,
    cleanup_on_start: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            directory: "/var/lib/otelcol/file_storage".into(),
            create_directory: true,
            directory_permissions: "0750".to_owned(),
            timeout: Duration::from_millis(1000),
            fsync: false,
            recreate: false,
            max_size_mib: 0,
            compaction: CompactionConfig::default(),
        }
    }
}

impl Default for CompactionConfig {
    fn default() -> Self {
        Self {
            on_start: false,
            on_rebound: false,
            directory: PathBuf::new(),
            max_transaction_size: 65_536,
            rebound_needed_threshold_mib: 100,
            rebound_trigger_threshold_mib: 10,
            check_interval: Duration::from_millis(5000),
            cleanup_on_start: false,
        }
    }
}

impl Config {
    /// Returns the mode of directories, if it is one.
    pub(super) fn mode(&self) -> Option<u32> {
        let mode = u32::from_str_radix(&self.directory_permissions, 8).ok()?;
        (mode <= 0o777).then_some(mode)
    }
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if self.directory.as_os_str().is_empty() {
            invalid.push(Invalid::at("directory", "must not be empty"));
        }
        if self.mode().is_none() {
            let message = "must be an octal mode such as \"0750\"";
            invalid.push(Invalid::at("directory_permissions", message));
        }
        invalid
    }
}
