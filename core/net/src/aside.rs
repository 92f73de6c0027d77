//! Compresses beside the runtime: what takes milliseconds must not hold up other tasks.

use std::io;

use bytes::Bytes;

use crate::compression::Compression;

/// What takes longer than a hand-over to another thread: about a millisecond of gzip.
const ASIDE_BYTES_MIN: usize = 256 << 10;

impl Compression {
    /// Compresses like [`compress`](Self::compress), on a thread that may block if it is much.
    pub async fn compress_aside(self, level: i32, chunks: Vec<Bytes>) -> io::Result<Bytes> {
        let size: usize = chunks.iter().map(Bytes::len).sum();
        if self == Self::None || size < ASIDE_BYTES_MIN {
            return self.compress(level, &chunks);
        }
        let work = tokio::task::spawn_blocking(move || self.compress(level, &chunks));
        work.await.map_err(io::Error::other)?
    }
}
