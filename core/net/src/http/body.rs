//! The body of a request: unread until somebody asks for it, and never larger than the limit.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout_at};

use crate::{
    compression::{Compression, DecompressError, Encodings},
    growth::Growth,
    server::SILENCE_TIME_MAX,
};

/// Bodies up to this size are copied: the buffer that connections read into may be larger by far.
const COPIED_BYTES_MAX: usize = 32 << 10;

/// How much of a body that is too large is read and thrown away, so that the sender, who is
/// still writing, gets to read the answer.
const DISCARDED_BYTES_MAX: usize = 64 << 20;

/// How long such a body is read.
const DISCARDING_TIME_MAX: Duration = Duration::from_secs(5);

/// Why there is no body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More bytes than the limit, on the wire or after decompression.
    #[error("request body is larger than {0} bytes")]
    TooLarge(usize),
    /// The encoding is unknown or not allowed.
    #[error("unsupported Content-Encoding: {0}")]
    Encoding(String),
    /// It is not what its encoding promises.
    #[error("request body is not valid {encoding}: {reason}")]
    Damaged {
        /// The encoding.
        encoding: Compression,
        /// What is wrong.
        reason: String,
    },
    /// The client went away, or sent something that is not HTTP.
    #[error("request body ended early: {0}")]
    Broken(String),
    /// It did not arrive in time.
    #[error("request body did not arrive within {0:?}")]
    TooSlow(Duration),
}

/// The unread body of a request.
#[derive(Debug)]
pub struct Body {
    pub(super) incoming: Incoming,
    pub(super) encoding: Option<String>,
    pub(super) allowed: Encodings,
    pub(super) bytes_max: usize,
    pub(super) time_max: Option<Duration>,
}

impl Body {
    /// Returns how many bytes will arrive, if the client said so.
    pub fn announced(&self) -> Option<usize> {
        let size = self.incoming.size_hint().exact()?;
        usize::try_from(size).ok()
    }

    /// Reads it whole and undoes its encoding.
    ///
    /// The caller has made room for [`UNASKED_BYTES`]. `grown` is asked when more has come, with
    /// all that room is needed for; the rest of what it refuses is read and thrown away.
    ///
    /// [`UNASKED_BYTES`]: crate::UNASKED_BYTES
    pub async fn read<E: From<BodyError>>(
        mut self,
        grown: &mut (dyn FnMut(usize) -> Result<(), E> + Send),
    ) -> Result<Bytes, E> {
        let encoding = self.encoding.take().unwrap_or_default();
        let Some(encoding) = self.allowed.find(&encoding) else {
            return Err(BodyError::Encoding(encoding).into());
        };
        let bytes_max = self.bytes_max;
        let wire = self.read_wire(grown).await?;
        if encoding == Compression::None {
            return Ok(wire);
        }
        let plain = encoding.decompress(&wire, bytes_max);
        let plain = plain.map_err(|error| match error {
            DecompressError::TooLarge(limit) => BodyError::TooLarge(limit),
            DecompressError::Damaged(reason) => BodyError::Damaged { encoding, reason },
        });
        Ok(plain?)
    }

    async fn read_wire<E: From<BodyError>>(
        mut self,
        grown: &mut (dyn FnMut(usize) -> Result<(), E> + Send),
    ) -> Result<Bytes, E> {
        let announced = self.announced();
        if announced.is_some_and(|size| size > self.bytes_max) {
            return Err(self.too_large().await.into());
        }
        let mut growth = Growth::new(announced);
        let deadline = self.time_max.map(|time_max| Instant::now() + time_max);
        let Some(first) = self.chunk(deadline).await? else {
            return Ok(Bytes::new());
        };
        // Whole already: nothing is copied, unless it would keep a much larger buffer alive.
        if announced == Some(first.len()) && first.len() > COPIED_BYTES_MAX {
            grown(first.len())?;
            return Ok(first);
        }
        let mut whole = BytesMut::with_capacity(announced.unwrap_or(first.len()));
        let mut next = Some(first);
        while let Some(chunk) = next {
            let bytes = whole.len() + chunk.len();
            if bytes > self.bytes_max {
                return Err(self.too_large().await.into());
            }
            if let Some(room) = growth.needed(bytes)
                && let Err(refused) = grown(room)
            {
                // Given back before the rest, which may take its time, is thrown away.
                drop((whole, chunk));
                self.throw_away().await;
                return Err(refused);
            }
            whole.extend_from_slice(&chunk);
            next = self.chunk(deadline).await?;
        }
        Ok(whole.freeze())
    }

    /// Waits for the next piece, `None` at the end.
    async fn chunk(&mut self, deadline: Option<Instant>) -> Result<Option<Bytes>, BodyError> {
        loop {
            let silent_at = Instant::now() + SILENCE_TIME_MAX;
            let (until, time_max) = match (deadline, self.time_max) {
                (Some(deadline), time_max) if deadline < silent_at => {
                    (deadline, time_max.unwrap_or(DISCARDING_TIME_MAX))
                }
                _ => (silent_at, SILENCE_TIME_MAX),
            };
            let frame = timeout_at(until, self.incoming.frame()).await;
            let frame = frame.map_err(|_elapsed| BodyError::TooSlow(time_max))?;
            let Some(frame) = frame else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| BodyError::Broken(error.to_string()))?;
            // Trailers say nothing that anybody here asks for.
            if let Ok(data) = frame.into_data()
                && data.has_remaining()
            {
                return Ok(Some(data));
            }
        }
    }

    async fn too_large(mut self) -> BodyError {
        let limit = self.bytes_max;
        self.throw_away().await;
        BodyError::TooLarge(limit)
    }

    /// Reads what is left and keeps nothing, up to a bound. A client that is still writing when it
    /// is refused gets to read why; otherwise it only sees its connection closed.
    pub async fn discard(mut self) {
        self.throw_away().await;
    }

    async fn throw_away(&mut self) {
        let deadline = Instant::now() + DISCARDING_TIME_MAX;
        let mut left = DISCARDED_BYTES_MAX;
        while let Ok(Some(chunk)) = self.chunk(Some(deadline)).await {
            let Some(rest) = left.checked_sub(chunk.len()) else {
                break;
            };
            left = rest;
        }
    }
}
