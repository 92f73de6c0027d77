//! One address of a server and, while it is in use, the HTTP/2 connection to it.

use std::{
    sync::{Arc, Mutex as StdMutex},
    time::Duration,
};

use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{sync::Mutex, task::JoinSet, time::Instant};

use super::client::Keepalive;
use crate::{
    chunks::Chunks,
    dial::{DialError, Dialer, Place, Security},
};

/// How long an address that could not be reached is asked last.
const TROUBLE_TIME: Duration = Duration::from_secs(5);
/// How many connections may still be ending while a new one is made.
const ENDING_MAX: usize = 8;
/// How many bytes of a request may wait in a stream. They are shared, not copied.
const SEND_BUFFER_BYTES: usize = 4 << 20;

/// What every connection of a client has in common.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) dialer: Dialer,
    pub(super) security: Security,
    pub(super) keepalive: Option<Keepalive>,
}

/// An address with at most one connection that takes calls.
#[derive(Debug)]
pub(super) struct Subchannel {
    place: Place,
    shape: Arc<Shape>,
    link: Mutex<Link>,
    /// Until when others are preferred; set before dialling, cleared once connected.
    trouble_until: StdMutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Link {
    sender: Option<SendRequest<Chunks>>,
    /// Drives connections; dropping it closes them.
    tasks: JoinSet<()>,
}

impl Subchannel {
    pub(super) fn new(place: Place, shape: Arc<Shape>) -> Self {
        Self {
            place,
            shape,
            link: Mutex::default(),
            trouble_until: StdMutex::default(),
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Returns whether the last attempt to connect failed a short while ago, or hangs.
    pub(super) fn is_in_trouble(&self) -> bool {
        let until = *self.trouble_until.lock().expect("no holder panics");
        until.is_some_and(|until| until > Instant::now())
    }

    /// Returns the connection, making one if there is none. Callers that come meanwhile share it.
    pub(super) async fn connection(&self) -> Result<SendRequest<Chunks>, DialError> {
        let mut link = self.link.lock().await;
        if let Some(sender) = link.sender.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(sender.clone());
        }
        link.sender = None;
        self.note(Some(Instant::now() + TROUBLE_TIME));
        let Shape {
            dialer, security, ..
        } = &*self.shape;
        let socket = dialer.dial(&self.place, *security).await?;
        let (sender, connection) = self
            .builder()
            .handshake(TokioIo::new(socket))
            .await
            .map_err(|error| DialError::new(format!("cannot speak to {}: {error}", self.place)))?;
        while link.tasks.try_join_next().is_some() {}
        if link.tasks.len() >= ENDING_MAX {
            link.tasks.abort_all();
        }
        link.tasks.spawn(async move {
            // Whoever has a call on this connection is told; nobody else has lost anything.
            let _ended = connection.await;
        });
        link.sender = Some(sender.clone());
        self.note(None);
        Ok(sender)
    }

    fn note(&self, trouble_until: Option<Instant>) {
        *self.trouble_until.lock().expect("no holder panics") = trouble_until;
    }

    fn builder(&self) -> http2::Builder<TokioExecutor> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_send_buf_size(SEND_BUFFER_BYTES);
        if let Some(keepalive) = self.shape.keepalive {
            builder
                .keep_alive_interval(keepalive.after)
                .keep_alive_timeout(keepalive.time_max)
                .keep_alive_while_idle(keepalive.while_idle);
        }
        builder
    }
}
