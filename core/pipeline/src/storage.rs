//! What a queue needs of a disk: an ordered log of records that survives the process.
//!
//! The `file_storage` extension implements it. This module must not know how.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

/// Gives every owner a log of its own.
#[async_trait]
pub trait Storage: Send + Sync {
    /// Opens the log of `owner`, such as `exporter_otlp_grpc_backup_traces`, creating it if it is
    /// not there. One log can be open once at a time. What is damaged is skipped and counted.
    async fn open(&self, owner: &str) -> Result<Arc<dyn RecordLog>, String>;
}

/// Where a record stands in its log. Later records have larger numbers.
pub type RecordNumber = u64;

/// Why a record was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The log may not become larger than its quota.
    #[error("disk quota of {0} bytes is used up")]
    Quota(u64),
    /// The disk did not take it.
    #[error("{0}")]
    Disk(String),
}

/// An ordered log of records.
#[async_trait]
pub trait RecordLog: Send + Sync {
    /// Writes a record behind all others. When it returns, the record survives `kill -9`, and with
    /// `fsync` a power cut. Calls made together may share one write to disk.
    async fn append(&self, record: Vec<Bytes>) -> Result<RecordNumber, WriteError>;

    /// Reads a record, `None` if it was removed or is damaged.
    async fn read(&self, number: RecordNumber) -> Result<Option<Bytes>, String>;

    /// Removes records. They may come back after a crash, but never after this has returned.
    async fn remove(&self, numbers: &[RecordNumber]) -> Result<(), String>;

    /// Lists the records there are, in order, with their sizes in bytes.
    async fn list(&self) -> Result<Vec<(RecordNumber, u64)>, String>;

    /// Writes what is not written yet and lets the log be opened by somebody else.
    async fn close(&self);
}
