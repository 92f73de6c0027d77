//! What an owner holds of its log: reads by itself, and asks the writer for the rest.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use async_trait::async_trait;
use bytes::Bytes;
use tapline_pipeline::{Counter, RecordLog, RecordNumber, Stored, WriteError};
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use super::{
    blocking,
    command::{Command, Terms},
    index::Index,
    writer::{Writer, lock},
};

/// How many commands may wait for the writer; who comes later waits before that.
const WAITING: usize = 64;

/// A log whose writer runs. Dropped, it is closed as soon as the writer has done its work.
pub(super) struct FileLog {
    path: PathBuf,
    index: Arc<Mutex<Index>>,
    commands: mpsc::Sender<Command>,
    damaged: Counter,
}

impl FileLog {
    /// Starts the writer on a thread of its own, which ends with the log.
    pub(super) fn start(path: PathBuf, writer: Writer, damaged: Counter) -> Result<Self, String> {
        let (commands, inbox) = mpsc::channel(WAITING);
        let index = writer.index();
        thread::Builder::new()
            .name("file_storage".to_owned())
            .spawn(move || writer.run(inbox))
            .map_err(|error| format!("cannot start the writer of {}: {error}", path.display()))?;
        Ok(Self {
            path,
            index,
            commands,
            damaged,
        })
    }

    /// Goes on with other settings.
    pub(super) async fn settle(&self, terms: Terms) -> Result<(), String> {
        self.ask(|to| Command::Settle(terms, to)).await?
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, String> {
        let (to, answer) = oneshot::channel();
        let sent = self.commands.send(command(to)).await;
        sent.map_err(|_| self.gone())?;
        answer.await.map_err(|_| self.gone())
    }

    fn gone(&self) -> String {
        format!("the writer of storage {} is gone", self.path.display())
    }

    /// Takes a damaged record out of the log, or its file would stay for ever.
    async fn give_up(&self, number: RecordNumber) -> Result<(), String> {
        self.damaged.add(1);
        warn!(path = %self.path.display(), number, "storage is damaged, a record is lost");
        self.remove(&[number]).await
    }
}

#[async_trait]
impl RecordLog for FileLog {
    async fn append(&self, head: Bytes, body: Vec<Bytes>) -> Result<RecordNumber, WriteError> {
        let appended = self.ask(|to| Command::Append(head, body, to)).await;
        appended.map_err(WriteError::Disk)?
    }

    /// Costs a copy of the body, and a thread of the pool that may wait for the disk.
    async fn read(&self, number: RecordNumber) -> Result<Option<Bytes>, String> {
        let (path, place) = {
            let index = lock(&self.index);
            let Some((path, place)) = index.find(number) else {
                return Ok(None);
            };
            (path.to_owned(), place)
        };
        let read = blocking(move || Ok((place.read(&path), path))).await?;
        match read {
            (Ok(Some(record)), _) => Ok(Some(record)),
            (Ok(None), _) => {
                self.give_up(number).await?;
                Ok(None)
            }
            (Err(error), path) if error.kind() == io::ErrorKind::NotFound => {
                if lock(&self.index).find(number).is_none() {
                    // Removed meanwhile, and its file with it.
                    return Ok(None);
                }
                warn!(path = %path.display(), "storage file is gone");
                self.give_up(number).await?;
                Ok(None)
            }
            (Err(error), path) => Err(format!("cannot read {}: {error}", path.display())),
        }
    }

    async fn remove(&self, numbers: &[RecordNumber]) -> Result<(), String> {
        let numbers = numbers.to_vec();
        self.ask(|to| Command::Remove(numbers, to)).await?
    }

    async fn list(&self) -> Result<Vec<Stored>, String> {
        Ok(lock(&self.index).list())
    }
}
