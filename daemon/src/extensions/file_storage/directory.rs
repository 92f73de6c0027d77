//! Names and places on disk: one directory per owner, a lock beside it, segments inside.
//!
//! ```text
//! directory/exporter_otlp_grpc_backup_traces/00000000000000000001-9f2c5e0a71d3b846.log
//! directory/exporter_otlp_grpc_backup_traces~lock
//! ```

use std::{
    fmt::{self, Write},
    fs::{self, DirBuilder, File, TryLockError},
    hash::{BuildHasher, Hasher, RandomState},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use tapline_pipeline::RecordNumber;
use tokio::time::{Instant, sleep};

/// How long to wait before a lock is tried again.
const LOCK_INTERVAL: Duration = Duration::from_millis(10);
/// How many logs of one owner may have been set aside.
const MAX_BACKUPS: usize = 100;
/// Who may read what is in a file: telemetry may be secret.
const FILE_MODE: u32 = 0o600;

/// Where the logs of an extension are.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The directory as configured.
    pub(super) directory: PathBuf,
    /// What to do if it is not there.
    pub(super) creation: Creation,
}

/// What to do if the directory is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Creation {
    /// Refuse to start.
    Never,
    /// Create it and those above it with these permissions.
    WithMode(u32),
}

/// What to do if a log cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnFailure {
    /// Say so.
    Refuse,
    /// Set it aside and begin another.
    Recreate,
}

impl Place {
    /// Makes sure that the directory is there.
    pub(super) fn prepare(&self) -> Result<(), String> {
        let path = self.directory.display();
        match fs::metadata(&self.directory) {
            Ok(found) if found.is_dir() => return Ok(()),
            Ok(_) => return Err(format!("storage directory {path} is not a directory")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("cannot use storage directory {path}: {error}")),
        }
        let Creation::WithMode(mode) = self.creation else {
            let hint = "create it, or set create_directory: true";
            return Err(format!("storage directory {path} does not exist: {hint}"));
        };
        let made = DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(&self.directory);
        made.map_err(|error| format!("cannot create storage directory {path}: {error}"))
    }

    /// Takes the lock of an owner, which ends with the returned file, or with the process.
    pub(super) async fn lock(&self, name: &str, patience: Duration) -> Result<File, String> {
        let path = self.directory.join(format!("{name}~lock"));
        let shown = path.display();
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(FILE_MODE)
            .open(&path)
            .map_err(|error| format!("cannot open storage lock {shown}: {error}"))?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(format!("storage is in use: {shown} is locked"));
                }
                Err(TryLockError::Error(error)) => {
                    return Err(format!("cannot lock storage {shown}: {error}"));
                }
            }
            sleep(LOCK_INTERVAL).await;
        }
    }

    /// Makes sure that the directory of an owner is there.
    pub(super) fn owner(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.directory.join(name);
        let shown = path.display();
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => return Ok(path),
            Ok(_) => {
                let hint = "tapline does not read the Collector's queue files: \
                            move it away, or set recreate: true";
                return Err(format!(
                    "storage {shown} is a file, not a directory: {hint}"
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("cannot open storage {shown}: {error}")),
        }
        let mode = match self.creation {
            Creation::Never => 0o700,
            Creation::WithMode(mode) => mode,
        };
        let made = DirBuilder::new().mode(mode).create(&path);
        made.map_err(|error| format!("cannot create storage {shown}: {error}"))?;
        Ok(path)
    }

    /// Renames the log of an owner to `*.backup`, or to `*.backup.2` if there is one.
    pub(super) fn set_aside(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.directory.join(name);
        let mut names = (1..=MAX_BACKUPS).map(|number| match number {
            1 => self.directory.join(format!("{name}.backup")),
            _ => self.directory.join(format!("{name}.backup.{number}")),
        });
        let free = names.find(|name| fs::symlink_metadata(name).is_err());
        let shown = path.display();
        let backup = free.ok_or_else(|| format!("storage {shown} has too many backups"))?;
        match fs::rename(&path, &backup) {
            Ok(()) => Ok(backup),
            Err(error) => Err(format!("cannot set storage {shown} aside: {error}")),
        }
    }
}

/// Writes an owner's name so that it is a file name: what is not safe becomes `~` and its number.
pub(super) fn sanitized(owner: &str) -> Result<String, String> {
    if owner.is_empty() {
        return Err("a storage owner needs a name".to_owned());
    }
    let mut name = String::with_capacity(owner.len());
    let is_dots = owner.bytes().all(|byte| byte == b'.');
    for letter in owner.chars() {
        let is_safe = letter.is_ascii_alphanumeric() || "-_".contains(letter);
        if is_safe || (letter == '.' && !is_dots) {
            name.push(letter);
        } else {
            write!(name, "~{:04X}", u32::from(letter)).expect("a string takes everything");
        }
    }
    Ok(name)
}

/// The name of a segment: its first record, and the salt of its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    /// The number of its first record.
    pub(super) first: RecordNumber,
    /// What the headers' checksums begin with.
    pub(super) salt: u64,
}

impl SegmentName {
    /// Names a segment that begins with this record. The salt is not to be guessed.
    pub(super) fn new(first: RecordNumber) -> Self {
        let salt = RandomState::new().build_hasher().finish();
        Self { first, salt }
    }

    /// Reads a file name; `None` if it is not that of a segment.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (first, salt) = name.strip_suffix(".log")?.split_once('-')?;
        let parsed = Self {
            first: first.parse().ok()?,
            salt: u64::from_str_radix(salt, 16).ok()?,
        };
        (parsed.to_string() == name).then_some(parsed)
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}-{:016x}.log", self.first, self.salt)
    }
}

/// Creates a segment file.
pub(super) fn create_segment(path: &Path) -> io::Result<File> {
    File::options()
        .create_new(true)
        .write(true)
        .mode(FILE_MODE)
        .open(path)
}
