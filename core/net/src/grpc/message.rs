//! The one message of a unary request: its size is known before it is read.

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;
use tonic::Code;

use super::refused::Refused;
use crate::{
    compression::{Compression, DecompressError},
    growth::Growth,
    server::SILENCE_TIME_MAX,
};

/// A flag and a length before each message.
pub(super) const PREFIX_BYTES: usize = 5;

/// What a message that came in one piece may waste of the buffer it came in: below this size it is
/// copied, because the buffer may be several times as large.
const COPIED_BYTES_MAX: usize = 4096;

/// What clients may compress with.
pub(super) const ACCEPTED: &str = "identity,gzip,snappy,zstd,deflate";

/// A message that is not read yet.
#[derive(Debug)]
pub struct Message {
    body: Incoming,
    /// What arrived and was not used yet.
    chunk: Bytes,
    encoding: Option<String>,
    bytes_max: usize,
    prefix: Option<Prefix>,
}

#[derive(Clone, Copy, Debug)]
struct Prefix {
    is_compressed: bool,
    length: usize,
}

impl Message {
    pub(super) fn new(body: Incoming, headers: &HeaderMap, bytes_max: usize) -> Self {
        let encoding = headers.get("grpc-encoding");
        Self {
            body,
            chunk: Bytes::new(),
            encoding: encoding.map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned()),
            bytes_max,
            prefix: None,
        }
    }

    /// Waits until the size of the message on the wire is known, and returns it. What is larger
    /// than the limit is refused here, before it is read.
    pub async fn announced(&mut self) -> Result<usize, Refused> {
        if let Some(prefix) = self.prefix {
            return Ok(prefix.length);
        }
        while self.chunk.len() < PREFIX_BYTES {
            let Some(more) = self.next_chunk().await? else {
                return Err(internal("the request has no message"));
            };
            self.chunk = if self.chunk.is_empty() {
                more
            } else {
                [&self.chunk[..], &more].concat().into()
            };
        }
        let is_compressed = match self.chunk.get_u8() {
            0 => false,
            1 => true,
            flag => return Err(internal(format!("unknown message flag {flag}"))),
        };
        let length = self.chunk.get_u32() as usize;
        if length > self.bytes_max {
            return Err(self.too_large(&length.to_string()));
        }
        self.prefix = Some(Prefix {
            is_compressed,
            length,
        });
        Ok(length)
    }

    /// Returns how many bytes have arrived and wait to be read; some may be beyond the message.
    pub fn arrived(&self) -> usize {
        self.chunk.len()
    }

    /// Reads it and undoes its compression. Copies it once, or not at all if it came in one piece.
    ///
    /// The caller has made room for what has arrived, and for [`UNASKED_BYTES`] in any case.
    /// `grown` is asked when more of it has come, with all that room is needed for; what it refuses
    /// is not read.
    ///
    /// [`UNASKED_BYTES`]: crate::UNASKED_BYTES
    pub async fn read(
        mut self,
        grown: &mut (dyn FnMut(usize) -> Result<(), Refused> + Send),
    ) -> Result<Bytes, Refused> {
        self.announced().await?;
        let prefix = self.prefix.expect("is announced");
        let compression = self.compression(prefix)?;
        let wire = self.whole(prefix.length, grown).await?;
        if compression == Compression::None {
            return Ok(wire);
        }
        let plain = compression.decompress(&wire, self.bytes_max);
        plain.map_err(|error| match error {
            DecompressError::TooLarge(limit) => self.too_large(&format!("more than {limit}")),
            DecompressError::Damaged(reason) => {
                internal(format!("message is not valid {compression}: {reason}"))
            }
        })
    }

    fn compression(&self, prefix: Prefix) -> Result<Compression, Refused> {
        let name = self.encoding.as_deref().unwrap_or("identity");
        if !prefix.is_compressed {
            return Ok(Compression::None);
        }
        let found = compression_named(name).ok_or_else(|| {
            let message = format!("unknown grpc-encoding \"{name}\"; known are {ACCEPTED}");
            Refused::new(Code::Unimplemented, message)
        })?;
        if found == Compression::None {
            return Err(internal(
                "a message is compressed, and no grpc-encoding says how",
            ));
        }
        Ok(found)
    }

    async fn whole(
        &mut self,
        length: usize,
        grown: &mut (dyn FnMut(usize) -> Result<(), Refused> + Send),
    ) -> Result<Bytes, Refused> {
        let mut first = std::mem::take(&mut self.chunk);
        let whole = if first.len() >= length {
            let whole = first.split_to(length);
            self.chunk = first;
            if whole.len() > COPIED_BYTES_MAX {
                whole
            } else {
                Bytes::copy_from_slice(&whole)
            }
        } else {
            self.gather(first, length, grown).await?
        };
        // A call is unary, so this is the end. Waiting for it spares the client a reset.
        if !self.chunk.is_empty() || self.next_chunk().await?.is_some() {
            return Err(internal("more than one message in a unary call"));
        }
        Ok(whole)
    }

    /// Puts the pieces of a message side by side. The buffer for them is made when there is a
    /// second one: who only announces a message gets none.
    async fn gather(
        &mut self,
        first: Bytes,
        length: usize,
        grown: &mut (dyn FnMut(usize) -> Result<(), Refused> + Send),
    ) -> Result<Bytes, Refused> {
        let mut growth = Growth::new(Some(length));
        let mut whole = BytesMut::new();
        let mut first = Some(first);
        let mut bytes = 0;
        while bytes < length {
            let Some(mut chunk) = self.next_chunk().await? else {
                return Err(internal("the message ended early"));
            };
            if let Some(first) = first.take() {
                whole.reserve(length);
                whole.extend_from_slice(&first);
            }
            let missing = chunk.len().min(length - whole.len());
            whole.extend_from_slice(&chunk.split_to(missing));
            self.chunk = chunk;
            bytes = whole.len();
            if let Some(room) = growth.needed(bytes) {
                grown(room)?;
            }
        }
        Ok(whole.freeze())
    }

    /// Waits for bytes, `None` at the end.
    async fn next_chunk(&mut self) -> Result<Option<Bytes>, Refused> {
        while !self.body.is_end_stream() {
            // Sets a timer only where there is something to wait for.
            let frame = timeout(SILENCE_TIME_MAX, self.body.frame()).await;
            let frame = frame.map_err(|_elapsed| {
                let message = format!("nothing of the message came for {SILENCE_TIME_MAX:?}");
                Refused::new(Code::DeadlineExceeded, message)
            })?;
            let Some(frame) = frame else {
                break;
            };
            let frame = frame.map_err(|error| Refused::new(Code::Cancelled, error.to_string()))?;
            if let Ok(data) = frame.into_data()
                && !data.is_empty()
            {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    fn too_large(&self, size: &str) -> Refused {
        let limit = self.bytes_max;
        let message = format!("message of {size} bytes is larger than the limit of {limit} bytes");
        Refused::new(Code::ResourceExhausted, message)
    }
}

/// Finds a compression by its name in gRPC; `snappy` is taken in blocks as well as in frames.
pub(super) fn compression_named(name: &str) -> Option<Compression> {
    match name {
        "identity" => Some(Compression::None),
        "gzip" => Some(Compression::Gzip),
        "snappy" => Some(Compression::Snappy),
        "zstd" => Some(Compression::Zstd),
        "deflate" => Some(Compression::Deflate),
        _ => None,
    }
}

fn internal(message: impl Into<String>) -> Refused {
    Refused::new(Code::Internal, message)
}
