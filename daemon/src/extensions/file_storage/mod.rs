//! `file_storage`: keeps the queues of exporters on disk, in a directory.
//!
//! Each owner has a log of segments in a directory of its own, locked against other processes. What
//! the Collector's file_storage wrote is not read. Damage costs the damaged records, never more.

mod config;
mod log;
mod segment;
#[cfg(test)]
mod tests;

use std::{
    fmt::Write,
    fs::{DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use async_trait::async_trait;
use tapline_pipeline::{Extension, RecordLog, Services, StartError, Stop, Storage, Work};
use tokio::{task::spawn_blocking, time::Instant};

pub(crate) use self::config::Config;
use self::log::{Quota, SegmentLog};

/// How often a lock that another process has is asked for.
const LOCK_EVERY: Duration = Duration::from_millis(20);

/// Builds the extension. Logs are opened by those who own them.
pub(crate) fn build(config: &Config) -> Result<Arc<dyn Extension>, String> {
    let mode = config.mode();
    let mode = mode.ok_or("directory_permissions must be an octal mode")?;
    let limit = match config.max_size_mib {
        0 => u64::MAX,
        mib => mib.saturating_mul(1 << 20),
    };
    let used = AtomicU64::new(0);
    let quota = Arc::new(Quota { limit, used });
    let config = config.clone();
    Ok(Arc::new(FileStorage(Arc::new(Directory {
        config,
        mode,
        quota,
    }))))
}

struct FileStorage(Arc<Directory>);

#[derive(Debug)]
struct Directory {
    config: Config,
    mode: u32,
    quota: Arc<Quota>,
}

#[async_trait]
impl Extension for FileStorage {
    fn offers(&self) -> Services {
        Services {
            storage: Some(Arc::<Directory>::clone(&self.0)),
            ..Services::default()
        }
    }

    async fn start(self: Arc<Self>, _stop: Stop) -> Result<Option<Work>, StartError> {
        let directory = &self.0.config.directory;
        if self.0.config.create_directory {
            self.0.make(directory).map_err(StartError)?;
        }
        if !directory.is_dir() {
            let cause = format!("directory {} does not exist", directory.display());
            return Err(StartError(cause));
        }
        Ok(None)
    }
}

#[async_trait]
impl Storage for Directory {
    fn location(&self) -> String {
        self.config.directory.display().to_string()
    }

    async fn open(&self, owner: &str) -> Result<Arc<dyn RecordLog>, String> {
        let dir = self.config.directory.join(file_name(owner));
        match self.try_open(&dir).await {
            Ok(log) => Ok(log),
            Err(Failed::Locked) => Err(format!("{} is in use", dir.display())),
            Err(Failed::Disk(error)) if self.config.recreate && dir.is_dir() => {
                tracing::warn!(%error, directory = %dir.display(), "queue is put aside");
                let aside = dir.with_extension("backup");
                std::fs::rename(&dir, &aside)
                    .map_err(|error| format!("cannot put {} aside: {error}", dir.display()))?;
                let opened = self.try_open(&dir).await;
                opened.map_err(|_| format!("cannot open {}", dir.display()))
            }
            Err(Failed::Disk(error)) => Err(format!("cannot open {}: {error}", dir.display())),
        }
    }
}

enum Failed {
    Locked,
    Disk(String),
}

impl Directory {
    async fn try_open(&self, dir: &Path) -> Result<Arc<dyn RecordLog>, Failed> {
        self.make(dir).map_err(Failed::Disk)?;
        let lock = self.lock(dir.join("lock")).await?;
        let (dir, fsync, quota) = (dir.to_owned(), self.config.fsync, Arc::clone(&self.quota));
        let opened = spawn_blocking(move || SegmentLog::open(&dir, lock, fsync, &quota)).await;
        let opened = opened.map_err(|error| Failed::Disk(error.to_string()))?;
        let log = opened.map_err(|error| Failed::Disk(error.to_string()))?;
        Ok(Arc::new(log))
    }

    async fn lock(&self, path: PathBuf) -> Result<File, Failed> {
        let disk = |error: io::Error| Failed::Disk(error.to_string());
        let lock = File::create(path).map_err(disk)?;
        let until = Instant::now() + self.config.timeout.get();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::Error(error)) => return Err(disk(error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                    return Err(Failed::Locked);
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_EVERY).await,
            }
        }
    }

    fn make(&self, dir: &Path) -> Result<(), String> {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(self.mode)
            .create(dir);
        made.map_err(|error| format!("cannot create {}: {error}", dir.display()))
    }
}

/// Makes a name that is safe everywhere; what is not comes as `~` and its code point.
fn file_name(owner: &str) -> String {
    let mut name = String::with_capacity(owner.len());
    for letter in owner.chars() {
        if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_') {
            name.push(letter);
        } else {
            write!(name, "~{:04X}", u32::from(letter)).expect("a string takes everything");
        }
    }
    name
}
