//! What a writer is asked to do, and what it answers once that is on disk.

use std::sync::Arc;

use bytes::Bytes;
use tapline_pipeline::{RecordNumber, WriteError};
use tokio::sync::oneshot;

use super::usage::Usage;

/// Where the answer to an append goes.
type Appender = oneshot::Sender<Result<RecordNumber, WriteError>>;
/// Where the answer to anything else goes.
type Teller = oneshot::Sender<Result<(), String>>;

/// What a writer is asked to do.
pub(super) enum Command {
    /// Write a record of this head and body.
    Append(Bytes, Vec<Bytes>, Appender),
    /// Remove records.
    Remove(Vec<RecordNumber>, Teller),
    /// Go on with other settings.
    Settle(Terms, Teller),
}

/// What a log may be told to change while it is open.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// What an acknowledged record survives.
    pub(super) durability: Durability,
    /// The size at which a segment is finished.
    pub(super) segment_bytes: u64,
    /// Where its bytes count, and the limit.
    pub(super) usage: Arc<Usage>,
}

/// What an acknowledged record survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// The end of the process, whatever it is.
    Kill,
    /// The end of the machine's power.
    PowerCut,
}

/// What was done, kept until all that was done with it is on disk.
pub(super) enum Answer {
    /// A record was written, or not.
    Appended(Result<RecordNumber, WriteError>, Appender),
    /// Records were removed, or settings changed, or not.
    Done(Result<(), String>, Teller),
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
            (Self::Done(Ok(()), to), Some(error)) => to.send(Err(error.to_owned())).is_ok(),
            (Self::Appended(done, to), _) => to.send(done).is_ok(),
            (Self::Done(done, to), _) => to.send(done).is_ok(),
        };
    }
}
