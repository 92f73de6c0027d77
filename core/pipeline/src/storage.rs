//! What a queue needs of a disk: an ordered log of records that survives the process.
//!
//! The `file_storage` extension implements it. This module must not know how.

use std::{any::Any, fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;

/// Gives every owner a log of its own.
#[async_trait]
pub trait Storage: fmt::Debug + Send + Sync {
    /// Says where the logs are. Of two storages with one location, the second keeps what the first
    /// has: a queue need not move when its configuration is read again.
    fn location(&self) -> String;

    /// Opens the log of `owner`, such as `exporter_otlp_grpc_backup_traces`, creating it if it is
    /// not there. One log can be open once at a time; it closes when the last handle is dropped.
    /// What is damaged is skipped and reported.
    async fn open(&self, owner: &str) -> Result<Arc<dyn RecordLog>, String>;

    /// Applies its settings to a log that a storage with the same location has opened and that
    /// goes on: there is nothing to apply unless there is something to set.
    async fn adopt(&self, _log: &(dyn RecordLog + 'static)) -> Result<(), String> {
        Ok(())
    }
}

/// Where a record stands in its log. Later records have larger numbers.
pub type RecordNumber = u64;

/// A record without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where it stands.
    pub number: RecordNumber,
    /// What its writer wants to know without reading the body.
    pub head: Bytes,
    /// How long the body is.
    pub body_bytes: u64,
}

/// Why a record was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The logs may not become larger than their quota.
    #[error("disk quota of {0} bytes is used up")]
    Quota(u64),
    /// The disk did not take it.
    #[error("{0}")]
    Disk(String),
}

/// An ordered log of records. Its storage knows what it is when it sees it again.
#[async_trait]
pub trait RecordLog: Any + Send + Sync {
    /// Writes a record behind all others. When it returns, the record survives `kill -9`, and with
    /// `fsync` a power cut. Calls made together may share one write to disk.
    async fn append(&self, head: Bytes, body: Vec<Bytes>) -> Result<RecordNumber, WriteError>;

    /// Reads the body of a record, `None` if it was removed or is damaged.
    async fn read(&self, number: RecordNumber) -> Result<Option<Bytes>, String>;

    /// Removes records. When it returns, they do not come back.
    async fn remove(&self, numbers: &[RecordNumber]) -> Result<(), String>;

    /// Lists the records there are, in order.
    async fn list(&self) -> Result<Vec<Stored>, String>;
}
