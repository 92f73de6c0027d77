//! Undoes content encodings. What would exceed the limit is an error, never memory: sizes that
//! the sender claims are hints, believed as far as its bytes can make them true.

use std::{cell::RefCell, io::Read};

use bytes::Bytes;
use flate2::bufread;
use zstd::zstd_safe;

use super::Compression;

/// Deflate cannot shrink more than this; others can, and grow their buffer as they go.
const GROWTH_MAX: usize = 1032;

/// Windows that Zstandard decoders must support, and the largest that ours ever does.
const ZSTD_WINDOW_LOG: (u32, u32) = (23, 27);

/// How a stream of framed Snappy begins.
const SNAPPY_MAGIC: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// Why an encoding could not be undone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecompressError {
    /// It would be more than the limit.
    #[error("more than {0} bytes after decompression")]
    TooLarge(usize),
    /// It is not what it claims to be.
    #[error("{0}")]
    Damaged(String),
}

/// Encodings that are allowed, of those we can undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encodings(u16);

impl Encodings {
    /// Every encoding there is.
    pub const ALL: Self = Self(u16::MAX);

    /// Allows exactly these.
    pub fn of(allowed: impl IntoIterator<Item = Compression>) -> Self {
        let bits = allowed
            .into_iter()
            .fold(0, |bits, each| bits | 1 << each as u16);
        Self(bits)
    }

    /// Finds an encoding by the name in a header; an empty name is none. `None` if not allowed.
    pub fn find(self, name: &str) -> Option<Compression> {
        let found = by_name(name)?;
        (self.0 & 1 << found as u16 != 0).then_some(found)
    }
}

/// Undoes an encoding by its name in a header.
pub fn decompress(
    encoding: &str,
    body: &Bytes,
    limit_bytes: usize,
) -> Result<Bytes, DecompressError> {
    let found = by_name(encoding).ok_or_else(|| {
        DecompressError::Damaged(format!("unknown content encoding \"{encoding}\""))
    })?;
    found.decompress(body, limit_bytes)
}

fn by_name(encoding: &str) -> Option<Compression> {
    match encoding {
        "identity" => Some(Compression::None),
        "x-gzip" => Some(Compression::Gzip),
        // A word of our configuration, not of headers.
        "none" => None,
        name => Compression::from_name(name).ok(),
    }
}

impl Compression {
    /// Undoes this encoding. Copies nothing when there is none.
    pub fn decompress(self, body: &Bytes, limit_bytes: usize) -> Result<Bytes, DecompressError> {
        let plain = match self {
            Self::None if body.len() > limit_bytes => {
                return Err(DecompressError::TooLarge(limit_bytes));
            }
            Self::None => return Ok(body.clone()),
            Self::Gzip => {
                let hint = gzip_size(body);
                read_up_to(bufread::MultiGzDecoder::new(&**body), hint, limit_bytes)
            }
            Self::Zlib | Self::Deflate => {
                let hint = body.len().saturating_mul(4);
                read_up_to(bufread::ZlibDecoder::new(&**body), hint, limit_bytes)
            }
            Self::Zstd => unpack_zstd(body, limit_bytes),
            Self::Snappy | Self::SnappyFramed if body.starts_with(SNAPPY_MAGIC) => {
                let hint = body.len().saturating_mul(2);
                read_up_to(snap::read::FrameDecoder::new(&**body), hint, limit_bytes)
            }
            Self::Snappy => unpack_snappy_block(body, limit_bytes),
            Self::SnappyFramed => Err(damaged(&"no stream identifier")),
            Self::Lz4 => {
                let hint = body.len().saturating_mul(2);
                let reader = lz4_flex::frame::FrameDecoder::new(&**body);
                read_up_to(reader, hint, limit_bytes)
            }
        };
        plain.map(Bytes::from)
    }
}

/// The last member of a gzip stream ends with its size; there is seldom more than one.
fn gzip_size(body: &[u8]) -> usize {
    let claimed = body.last_chunk().copied().map_or(0, u32::from_le_bytes) as usize;
    claimed.min(body.len().saturating_mul(GROWTH_MAX))
}

fn unpack_zstd(body: &[u8], limit_bytes: usize) -> Result<Vec<u8>, DecompressError> {
    thread_local! {
        // Makes no work of its own between bodies, but 160 kB of memory would, each time.
        static CONTEXT: RefCell<Option<zstd::bulk::Decompressor<'static>>> =
            const { RefCell::new(None) };
    }
    let claimed = zstd_safe::get_frame_content_size(body).ok().flatten();
    let claimed = claimed.and_then(|size| usize::try_from(size).ok());
    let believable = body.len().saturating_mul(GROWTH_MAX).min(limit_bytes);
    if let Some(size) = claimed
        && size <= believable
    {
        let whole = CONTEXT.with_borrow_mut(|context| {
            if context.is_none() {
                *context = Some(zstd::bulk::Decompressor::new()?);
            }
            let context = context.as_mut().expect("was just made");
            context.decompress(body, size)
        });
        // More than one frame, or damage: the stream reader knows which.
        if let Ok(whole) = whole {
            return Ok(whole);
        }
    }
    let mut reader = zstd::Decoder::with_buffer(body).map_err(|error| damaged(&error))?;
    let window_log = usize::BITS - limit_bytes.leading_zeros();
    let window_log = window_log.clamp(ZSTD_WINDOW_LOG.0, ZSTD_WINDOW_LOG.1);
    reader
        .window_log_max(window_log)
        .map_err(|error| damaged(&error))?;
    let hint = claimed.unwrap_or(body.len().saturating_mul(4));
    read_up_to(reader, hint.min(believable), limit_bytes)
}

fn unpack_snappy_block(body: &[u8], limit_bytes: usize) -> Result<Vec<u8>, DecompressError> {
    /// A copy of up to 64 bytes takes 3, so a block cannot grow more than this.
    const BLOCK_GROWTH_MAX: usize = 22;
    let size = snap::raw::decompress_len(body).map_err(|error| damaged(&error))?;
    if size > limit_bytes {
        return Err(DecompressError::TooLarge(limit_bytes));
    }
    if size > body.len().saturating_mul(BLOCK_GROWTH_MAX) {
        return Err(damaged(&"claims a size that it cannot have"));
    }
    let unpacked = snap::raw::Decoder::new().decompress_vec(body);
    unpacked.map_err(|error| damaged(&error))
}

fn read_up_to(
    mut reader: impl Read,
    hint: usize,
    limit_bytes: usize,
) -> Result<Vec<u8>, DecompressError> {
    // One more than the limit tells "exactly" from "too much".
    let one_too_many = limit_bytes.saturating_add(1);
    let mut plain = Vec::with_capacity(hint.min(one_too_many));
    reader
        .by_ref()
        .take(one_too_many as u64)
        .read_to_end(&mut plain)
        .map_err(|error| damaged(&error))?;
    if plain.len() > limit_bytes {
        return Err(DecompressError::TooLarge(limit_bytes));
    }
    Ok(plain)
}

fn damaged(reason: &impl ToString) -> DecompressError {
    DecompressError::Damaged(reason.to_string())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Compression, DecompressError, Encodings};

    #[test]
    fn claims_of_size_are_not_believed() {
        // A gzip trailer, a Zstandard header and a Snappy header that all claim a gigabyte.
        let gzip = [
            b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x03\0\0\0\0\0".as_slice(),
            &[0, 0, 0, 0x40],
        ];
        let zstd = b"\x28\xb5\x2f\xfd\xa0\0\0\0\x40\x01\0\0";
        let snappy = b"\x80\x80\x80\x80\x04\0a";
        let cases = [
            (Compression::Gzip, gzip.concat()),
            (Compression::Zstd, zstd.to_vec()),
            (Compression::Snappy, snappy.to_vec()),
        ];
        for (compression, body) in cases {
            let limit = 2 << 30;
            let refused = compression.decompress(&Bytes::from(body), limit);
            assert!(
                matches!(refused, Err(DecompressError::Damaged(_))),
                "{compression}: {refused:?}"
            );
        }
    }

    #[test]
    fn snappy_is_taken_in_both_forms() {
        let plain = [Bytes::from_static(b"both forms, both forms")];
        for form in [Compression::Snappy, Compression::SnappyFramed] {
            let packed = form.compress(0, &plain).expect("memory takes writes");
            let unpacked = Compression::Snappy.decompress(&packed, 100);
            assert_eq!(unpacked.as_ref(), Ok(&plain[0]), "{form}");
        }
    }

    #[test]
    fn several_zstandard_frames_are_one_body() {
        let one = |text| {
            let text = [Bytes::from_static(text)];
            Compression::Zstd
                .compress(0, &text)
                .expect("memory takes writes")
        };
        let whole = Bytes::from([one(b"first "), one(b"second")].concat());
        let unpacked = Compression::Zstd.decompress(&whole, 100);
        assert_eq!(unpacked, Ok(Bytes::from_static(b"first second")));
    }

    #[test]
    fn only_what_is_allowed_is_found() {
        let allowed = Encodings::of([Compression::None, Compression::Gzip]);
        assert_eq!(allowed.find(""), Some(Compression::None));
        assert_eq!(allowed.find("x-gzip"), Some(Compression::Gzip));
        assert_eq!(allowed.find("zstd"), None);
        assert_eq!(Encodings::ALL.find("lz4"), Some(Compression::Lz4));
        assert_eq!(Encodings::ALL.find("br"), None);
    }
}
