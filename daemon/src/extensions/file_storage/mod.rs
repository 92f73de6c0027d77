//! `file_storage`: keeps the queues of exporters on disk, so that they survive the process.
//!
//! Every owner has a log of its own: a directory of segment files in which records stand one
//! behind the other, each with a checksum. What is acknowledged has been given to the kernel, so
//! `kill -9` loses nothing; with `fsync` it is on the disk. A damaged file costs the damaged
//! records and no others. Why this is not an embedded store: `docs/decisions/009-disk-queue.md`.
//!
//! Bounds: a log keeps about 150 bytes of memory and the head of every record, and one open file;
//! with `max_size_mib` all logs of one extension share that much disk. When `fsync` or the quota is
//! changed, logs that are open go on with it. It must not know what a record means, nor who reads
//! it.

mod command;
mod config;
mod directory;
mod frame;
mod index;
mod log;
mod names;
mod recovery;
#[cfg(test)]
mod tests;
mod usage;
mod writer;

use std::{any::Any, fmt, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use tapline_pipeline::{Extension, Meters, RecordLog, Services, StartError, Stop, Storage, Work};

pub(crate) use self::config::Config;
use self::{
    command::{Durability, Terms},
    directory::{Place, sanitized},
    log::FileLog,
    usage::{Usage, segment_bytes},
    writer::Writer,
};

/// Builds the extension. It touches the disk when it is started, or when a log is opened.
pub(crate) fn build(config: &Config, meters: &Meters) -> Result<Arc<dyn Extension>, String> {
    Ok(Arc::new(FileStorage(Arc::new(Store::new(config, meters)?))))
}

/// The extension: a store that can be started.
struct FileStorage(Arc<Store>);

#[async_trait]
impl Extension for FileStorage {
    fn offers(&self) -> Services {
        let storage: Arc<dyn Storage> = Arc::<Store>::clone(&self.0);
        Services {
            storage: Some(storage),
            ..Services::default()
        }
    }

    /// Makes the directory, so that a wrong one is an error of the extension, not of an exporter.
    async fn start(self: Arc<Self>, _: Stop) -> Result<Option<Work>, StartError> {
        let place = self.0.place.clone();
        blocking(move || place.prepare())
            .await
            .map_err(StartError)?;
        Ok(None)
    }
}

/// Opens logs in one directory.
struct Store {
    place: Place,
    config: Config,
    usage: Arc<Usage>,
    meters: Meters,
}

impl Store {
    fn new(config: &Config, meters: &Meters) -> Result<Self, String> {
        let place = Place {
            directory: PathBuf::from(&config.directory),
            creation: config.creation()?,
        };
        Ok(Self {
            place,
            usage: Arc::new(Usage::new(config.quota_bytes())),
            config: config.clone(),
            meters: meters.clone(),
        })
    }

    /// Returns what an open log can be told to change.
    fn terms(&self) -> Terms {
        let durability = if self.config.fsync {
            Durability::PowerCut
        } else {
            Durability::Kill
        };
        Terms {
            durability,
            segment_bytes: segment_bytes(self.config.quota_bytes()),
            usage: Arc::clone(&self.usage),
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.place.directory).finish()
    }
}

#[async_trait]
impl Storage for Store {
    fn location(&self) -> String {
        // However it is spelt: a slash at the end makes no other directory.
        let spelt: PathBuf = self.place.directory.components().collect();
        spelt.display().to_string()
    }

    async fn open(&self, owner: &str) -> Result<Arc<dyn RecordLog>, String> {
        let name = sanitized(owner)?;
        let place = self.place.clone();
        blocking(move || place.prepare()).await?;
        let lock = self.place.lock(&name, self.config.timeout.get()).await?;

        let place = self.place.clone();
        let on_failure = self.config.on_failure();
        let (path, index) = blocking(move || recovery::open(&place, &name, on_failure)).await?;

        let counted = usage::Counted::new(&self.usage, &self.meters, owner);
        counted.damaged.add(index.damaged);
        let damaged = counted.damaged.clone();
        let writer = Writer::new(path.clone(), index, counted, &self.terms(), lock);
        Ok(Arc::new(FileLog::start(path, writer, damaged)?))
    }

    /// The rest of the settings is about opening, and counts when a log is opened again.
    async fn adopt(&self, log: &(dyn RecordLog + 'static)) -> Result<(), String> {
        let log: &dyn Any = log;
        match log.downcast_ref::<FileLog>() {
            Some(log) => log.settle(self.terms()).await,
            None => Err("the open log is no file".to_owned()),
        }
    }
}

/// Runs what waits for a disk where it may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(format!("file storage: {error}")))
}
