//! What a writer is asked to do, and what it answers once that is on disk.

use bytes::Bytes;
use tapline_pipeline::{RecordNumber, WriteError};
use tokio::sync::oneshot;

/// Where the answer to an append goes.
type Appender = oneshot::Sender<Result<RecordNumber, WriteError>>;
/// Where the answer to a removal goes.
type Remover = oneshot::Sender<Result<(), String>>;

/// What a writer is asked to do.
pub(super) enum Command {
    /// Write a record of this head and body.
    Append(Bytes, Vec<Bytes>, Appender),
    /// Remove records.
    Remove(Vec<RecordNumber>, Remover),
}

/// What was done, kept until all that was done with it is on disk.
pub(super) enum Answer {
    /// A record was written, or not.
    Appended(Result<RecordNumber, WriteError>, Appender),
    /// Records were removed, or not.
    Removed(Result<(), String>, Remover),
}

impl Answer {
    /// Returns the number of the record that was written, if one was.
    pub(super) fn number(&self) -> Option<RecordNumber> {
        match self {
            Self::Appended(Ok(number), _) => Some(*number),
            _ => None,
        }
    }

    /// Answers, with what failed for the whole group if something did. Who no longer waits for it
    /// has what it asked for all the same.
    pub(super) fn give(self, failed: Option<&str>) {
        let _ = match (self, failed) {
            (Self::Appended(Ok(_), to), Some(error)) => {
                to.send(Err(WriteError::Disk(error.to_owned()))).is_ok()
            }
            (Self::Removed(Ok(()), to), Some(error)) => to.send(Err(error.to_owned())).is_ok(),
            (Self::Appended(done, to), _) => to.send(done).is_ok(),
            (Self::Removed(done, to), _) => to.send(done).is_ok(),
        };
    }
}
