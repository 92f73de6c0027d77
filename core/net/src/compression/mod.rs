//! Content encodings, both ways: compresses what is sent, and undoes what arrives, within a bound.

mod decode;

use std::{
    fmt,
    io::{self, Write},
};

use bytes::Bytes;
use flate2::write;

pub use self::decode::{DecompressError, Encodings, decompress};

/// A content encoding that we can produce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Bytes as they are.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 1950 under the name `zlib`.
    Zlib,
    /// RFC 1950 under its HTTP name.
    Deflate,
    /// RFC 8878.
    Zstd,
    /// Snappy in one block, as HTTP clients of the Collector send it. Decoding takes both forms.
    Snappy,
    /// Snappy in frames: `x-snappy-framed` in HTTP, and what gRPC means by `snappy`.
    SnappyFramed,
    /// LZ4 in frames.
    Lz4,
}

/// Why a compression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompressionError {
    /// Nobody has it.
    #[error(
        "unknown compression \"{0}\"; known are gzip, zstd, zlib, deflate, snappy, \
             x-snappy-framed, lz4 and none"
    )]
    Unknown(String),
    /// HTTP has it, gRPC has not.
    #[error("gRPC has no compression \"{0}\"; it has gzip, snappy, zstd and none")]
    NotInGrpc(Compression),
    /// The level is not one of this compression.
    #[error("compression \"{compression}\" has no level {level}")]
    Level {
        /// The compression.
        compression: Compression,
        /// The level asked for.
        level: i32,
    },
}

impl Compression {
    /// Parses the Collector's name of a compression; `""` and `none` are both none.
    pub fn from_name(name: &str) -> Result<Self, CompressionError> {
        Ok(match name {
            "" | "none" => Self::None,
            "gzip" => Self::Gzip,
            "zlib" => Self::Zlib,
            "deflate" => Self::Deflate,
            "zstd" => Self::Zstd,
            "snappy" => Self::Snappy,
            "x-snappy-framed" => Self::SnappyFramed,
            "lz4" => Self::Lz4,
            _ => return Err(CompressionError::Unknown(name.to_owned())),
        })
    }

    /// Returns the `Content-Encoding` to send, if any.
    pub fn content_encoding(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
            Self::Zlib => Some("zlib"),
            Self::Deflate => Some("deflate"),
            Self::Zstd => Some("zstd"),
            Self::Snappy => Some("snappy"),
            Self::SnappyFramed => Some("x-snappy-framed"),
            Self::Lz4 => Some("lz4"),
        }
    }

    /// Checks a level as the Collector does; 0 always means the library's default.
    pub fn check_level(self, level: i32) -> Result<(), CompressionError> {
        let legal = match self {
            Self::None | Self::Snappy | Self::SnappyFramed | Self::Lz4 => level == 0,
            Self::Gzip | Self::Zlib | Self::Deflate => (-2..=9).contains(&level),
            Self::Zstd => true,
        };
        if legal {
            Ok(())
        } else {
            Err(CompressionError::Level {
                compression: self,
                level,
            })
        }
    }

    /// Compresses the concatenation of `chunks`. Copies always, except one chunk uncompressed.
    pub fn compress(self, level: i32, chunks: &[Bytes]) -> io::Result<Bytes> {
        let size: usize = chunks.iter().map(Bytes::len).sum();
        let out = Vec::with_capacity(size / SHRINKING_EXPECTED);
        let packed = match self {
            Self::None => {
                if let [only] = chunks {
                    return Ok(only.clone());
                }
                chunks.concat()
            }
            Self::Gzip => {
                let mut encoder = write::GzEncoder::new(out, deflate_level(level));
                write_all(&mut encoder, chunks)?;
                encoder.finish()?
            }
            Self::Zlib | Self::Deflate => {
                let mut encoder = write::ZlibEncoder::new(out, deflate_level(level));
                write_all(&mut encoder, chunks)?;
                encoder.finish()?
            }
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(out, zstd_level(level))?;
                write_all(&mut encoder, chunks)?;
                encoder.finish()?
            }
            Self::Snappy => {
                let whole = chunks.concat();
                snap::raw::Encoder::new().compress_vec(&whole)?
            }
            Self::SnappyFramed => {
                let mut encoder = snap::write::FrameEncoder::new(out);
                write_all(&mut encoder, chunks)?;
                encoder
                    .into_inner()
                    .map_err(snap::write::IntoInnerError::into_error)?
            }
            Self::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(out);
                write_all(&mut encoder, chunks)?;
                encoder.finish()?
            }
        };
        Ok(packed.into())
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.content_encoding().unwrap_or("none"))
    }
}

fn write_all(encoder: &mut impl Write, chunks: &[Bytes]) -> io::Result<()> {
    chunks.iter().try_for_each(|chunk| encoder.write_all(chunk))
}

/// How much smaller telemetry is expected to become. Whoever guesses too large a buffer wastes it
/// for a moment; growing one from nothing leaves a trail of all sizes.
const SHRINKING_EXPECTED: usize = 8;

/// The level of deflate when none is asked for; docs/decisions/008 has the measurement.
const DEFLATE_LEVEL_DEFAULT: u32 = 4;

/// Go's -2 means Huffman only, which flate2 lacks; the fastest level is the nearest thing.
fn deflate_level(level: i32) -> flate2::Compression {
    match level {
        1..=9 => flate2::Compression::new(level.unsigned_abs()),
        -2 => flate2::Compression::fast(),
        -1 => flate2::Compression::default(),
        _ => flate2::Compression::new(DEFLATE_LEVEL_DEFAULT),
    }
}

fn zstd_level(level: i32) -> i32 {
    let range = zstd::compression_level_range();
    level.clamp(*range.start(), *range.end())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Compression, DecompressError, decompress};

    const EVERY: [Compression; 8] = [
        Compression::None,
        Compression::Gzip,
        Compression::Zlib,
        Compression::Deflate,
        Compression::Zstd,
        Compression::Snappy,
        Compression::SnappyFramed,
        Compression::Lz4,
    ];

    #[test]
    fn what_is_compressed_can_be_decompressed() {
        let chunks = [Bytes::from_static(b"one "), Bytes::from(vec![b'x'; 10_000])];
        for compression in EVERY {
            for level in [0, 1, 9]
                .into_iter()
                .filter(|it| compression.check_level(*it).is_ok())
            {
                let packed = compression
                    .compress(level, &chunks)
                    .expect("memory takes writes");
                let encoding = compression.content_encoding().unwrap_or_default();
                let body = decompress(encoding, &packed, 10_004).expect("fits exactly");
                assert_eq!(body, chunks.concat(), "{compression} level {level}");
                let refused = decompress(encoding, &packed, 10_003);
                assert_eq!(
                    refused,
                    Err(DecompressError::TooLarge(10_003)),
                    "{compression}"
                );
            }
        }
    }

    #[test]
    fn truncated_and_random_bodies_are_errors_not_panics() {
        for compression in EVERY.into_iter().filter_map(Compression::content_encoding) {
            assert!(
                decompress(compression, &Bytes::from_static(b"\x00\xffhostile"), 100).is_err(),
                "{compression}"
            );
        }
        assert!(decompress("br", &Bytes::new(), 100).is_err());
    }

    #[test]
    fn names_are_the_collectors() {
        let cases = [
            ("none", "none"),
            ("", "none"),
            ("gzip", "gzip"),
            ("zstd", "zstd"),
            ("snappy", "snappy"),
            ("x-snappy-framed", "x-snappy-framed"),
            ("lz4", "lz4"),
        ];
        for (name, shown) in cases {
            assert_eq!(Compression::from_name(name).expect(name).to_string(), shown);
        }
        let unknown = Compression::from_name("gzpi").expect_err("is unknown");
        let message = unknown.to_string();
        assert!(message.starts_with("unknown compression \"gzpi\""));
        assert!(Compression::Gzip.check_level(10).is_err());
        assert!(Compression::None.check_level(1).is_err());
    }
}
