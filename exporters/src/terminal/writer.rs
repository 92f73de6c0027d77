//! A thread that writes, so that a terminal that was stopped (Ctrl-S, a pager) holds up nobody but
//! those who wait for it, and they can stop waiting.

use std::{
    io::{self, Write},
    sync::Mutex,
    thread,
};

use tokio::sync::{mpsc, oneshot};

/// Texts that may wait; more wait outside.
const WAITING_MAX: usize = 16;

struct Job {
    text: String,
    written: oneshot::Sender<io::Result<()>>,
}

/// Writes texts in the order they came.
pub(super) struct Writer {
    /// What the thread will own, until it is started with the first text: building an exporter
    /// starts nothing.
    out: Mutex<Option<Box<dyn Write + Send>>>,
    jobs: mpsc::Sender<Job>,
    received: Mutex<Option<mpsc::Receiver<Job>>>,
}

impl Writer {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        let (jobs, received) = mpsc::channel(WAITING_MAX);
        Self {
            out: Mutex::new(Some(out)),
            jobs,
            received: Mutex::new(Some(received)),
        }
    }

    /// Writes a text, and waits until it is written. Who stops waiting does not stop the text.
    pub(super) async fn write(&self, text: String) -> io::Result<()> {
        self.start()?;
        let gone = || io::Error::other("the writing thread is gone");
        let (written, answer) = oneshot::channel();
        let sent = self.jobs.send(Job { text, written }).await;
        sent.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    fn start(&self) -> io::Result<()> {
        let taken = |slot: &Mutex<Option<_>>| slot.lock().expect("never held long").take();
        let Some(mut out) = taken(&self.out) else {
            return Ok(());
        };
        let received = self.received.lock().expect("never held long").take();
        let mut received = received.expect("taken together with the output");
        let work = move || {
            while let Some(Job { text, written }) = received.blocking_recv() {
                let done = out.write_all(text.as_bytes()).and_then(|()| out.flush());
                // Nobody waits for the answer any more.
                let _ = written.send(done);
            }
        };
        thread::Builder::new()
            .name("tapline-screen".to_owned())
            .spawn(work)
            .map(drop)
    }
}
