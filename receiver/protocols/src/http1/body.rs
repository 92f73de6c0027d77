//! Where a body ends: by length, by chunks, by the end of the connection, or by circumstance.
//!
//! A body counts its bytes, and keeps some only where somebody watches. Bytes that were not
//! captured are counted too, as long as it is certain that they belong to it. It knows nothing of
//! heads or pairing.

use crate::over_http;

/// The most hexadecimal digits of a chunk size that are believed.
const SIZE_DIGITS: u8 = 15;
/// The end of a chunked body without trailers, with the end of the chunk before it.
pub(super) const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// A body being read.
#[derive(Debug)]
pub(super) struct Body {
    shape: Shape,
    data: u64,
    /// Its bytes, if somebody wants to see them.
    pub(super) kept: Option<over_http::Body>,
}

#[derive(Debug)]
enum Shape {
    Length { left: u64 },
    Chunked(Step),
    UntilClose,
    Loose(Loose),
}

/// Where in the chunk framing the reader is.
#[derive(Debug, Clone, Copy)]
enum Step {
    Size {
        value: u64,
        digits: u8,
    },
    /// Behind the size: extensions, up to the end of the line.
    Extension {
        size: u64,
    },
    Data {
        left: u64,
    },
    /// The end of the line behind the data.
    DataEnd,
    Trailer {
        empty: bool,
    },
}

/// A body whose end cannot be computed any more.
#[derive(Debug, Default)]
struct Loose {
    chunked: bool,
    declared: Option<u64>,
    /// The last bytes seen without a hole, the newest lowest, and how many of them there are.
    window: u64,
    filled: usize,
}

/// What became of bytes that were not captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skip {
    /// They belong to the body, which goes on.
    Inside,
    /// They belong to the body and end it.
    Ended,
    /// The body ended somewhere among them.
    Beyond,
    /// It is unknown whether the body ended among them: it is loose now, or was.
    Unclear,
}

impl Body {
    pub(super) fn length(left: u64) -> Self {
        Self {
            shape: Shape::Length { left },
            data: 0,
            kept: None,
        }
    }

    pub(super) fn chunked() -> Self {
        Self {
            shape: Shape::Chunked(Step::Size {
                value: 0,
                digits: 0,
            }),
            data: 0,
            kept: None,
        }
    }

    pub(super) fn until_close() -> Self {
        Self {
            shape: Shape::UntilClose,
            data: 0,
            kept: None,
        }
    }

    /// Creates a body that lasts until another message starts; `declared` is its length if the head
    /// said it.
    pub(super) fn loose(chunked: bool, declared: Option<u64>) -> Self {
        let loose = Loose {
            chunked,
            declared,
            ..Loose::default()
        };
        Self {
            shape: Shape::Loose(loose),
            data: 0,
            kept: None,
        }
    }

    /// Returns whether only another message start tells the end.
    pub(super) fn is_loose(&self) -> bool {
        matches!(self.shape, Shape::Loose(_))
    }

    /// Returns whether the end of the connection is a proper end.
    pub(super) fn ends_with_connection(&self) -> bool {
        matches!(self.shape, Shape::Loose(_) | Shape::UntilClose)
    }

    /// Returns the body bytes so far, or the length that the head declared for a body that got
    /// lost.
    pub(super) fn bytes(&self) -> u64 {
        match &self.shape {
            Shape::Loose(Loose {
                declared: Some(declared),
                ..
            }) => *declared,
            _ => self.data,
        }
    }

    /// Takes from `input` what belongs to the body; returns whether the body is complete.
    pub(super) fn read(&mut self, input: &mut &[u8]) -> bool {
        match &mut self.shape {
            Shape::Chunked(_) => return self.read_chunks(input),
            Shape::Length { left } => {
                let before = *input;
                let taken = take(input, left);
                let ended = *left == 0;
                self.add(taken);
                self.keep(&before[..before.len() - input.len()]);
                return ended;
            }
            Shape::Loose(loose) => loose.note(input),
            Shape::UntilClose => {}
        }
        self.add(input.len() as u64);
        self.keep(input);
        *input = &[];
        false
    }

    fn keep(&mut self, bytes: &[u8]) {
        if let Some(kept) = &mut self.kept {
            kept.push(bytes);
        }
    }

    /// Counts bytes that only looked like the start of another message.
    pub(super) fn add(&mut self, bytes: u64) {
        self.data = self.data.saturating_add(bytes);
    }

    /// Shows bytes to a loose body without counting them.
    pub(super) fn note(&mut self, bytes: &[u8]) {
        if let Shape::Loose(loose) = &mut self.shape {
            loose.note(bytes);
        }
    }

    /// Accounts for bytes that were not captured, `None` if nobody knows how many.
    pub(super) fn skip(&mut self, bytes: Option<u64>) -> Skip {
        let known = bytes.unwrap_or(u64::MAX);
        let counted = bytes.unwrap_or(0);
        if let Some(kept) = &mut self.kept {
            kept.skip();
        }
        match &mut self.shape {
            Shape::UntilClose => {}
            Shape::Length { left } if bytes.is_none() => {
                let declared = self.data.saturating_add(*left);
                self.shape = Self::loose(false, Some(declared)).shape;
            }
            Shape::Length { left } if known > *left => {
                self.data = self.data.saturating_add(*left);
                return Skip::Beyond;
            }
            Shape::Length { left } => {
                self.data = self.data.saturating_add(known);
                *left -= known;
                return if *left == 0 {
                    Skip::Ended
                } else {
                    Skip::Inside
                };
            }
            Shape::Chunked(Step::Data { left }) if known <= *left => {
                *left -= known;
                if *left == 0 {
                    self.shape = Shape::Chunked(Step::DataEnd);
                }
            }
            Shape::Chunked(_) => self.loosen(),
            Shape::Loose(loose) => loose.filled = 0,
        }
        self.add(counted);
        if self.is_loose() {
            Skip::Unclear
        } else {
            Skip::Inside
        }
    }

    /// Returns whether the bytes up to the end of a socket call end a chunked body that got lost.
    pub(super) fn ends_here(&self) -> bool {
        matches!(&self.shape, Shape::Loose(loose) if loose.chunked && loose.is_last_chunk())
    }

    /// Returns whether the head declared a length that fits into so many bytes.
    pub(super) fn declares_within(&self, bytes: u64) -> bool {
        let Shape::Loose(loose) = &self.shape else {
            return false;
        };
        loose.declared.is_some_and(|declared| declared <= bytes)
    }

    /// Gives up following the chunks.
    fn loosen(&mut self) {
        self.shape = Shape::Loose(Loose {
            chunked: true,
            ..Loose::default()
        });
    }

    fn read_chunks(&mut self, input: &mut &[u8]) -> bool {
        while !input.is_empty() {
            let Shape::Chunked(step) = &mut self.shape else {
                return self.read(input);
            };
            match step {
                Step::Data { left } => {
                    let before = *input;
                    self.data = self.data.saturating_add(take(input, left));
                    if *left == 0 {
                        *step = Step::DataEnd;
                    }
                    self.keep(&before[..before.len() - input.len()]);
                }
                Step::Extension { size } => {
                    let size = *size;
                    if skip_line(input) {
                        *step = Step::after_size(size);
                    }
                }
                Step::Trailer { empty } => {
                    if read_trailer(input, empty) {
                        return true;
                    }
                }
                Step::Size { .. } | Step::DataEnd => match step.follow(input[0]) {
                    Some(next) => {
                        *step = next;
                        *input = &input[1..];
                    }
                    None => self.loosen(),
                },
            }
        }
        false
    }
}

impl Step {
    /// Returns the step behind one byte of framing, or nothing if it is not framing.
    fn follow(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::DataEnd, b'\r') => Some(Self::DataEnd),
            (Self::DataEnd, b'\n') => Some(Self::Size {
                value: 0,
                digits: 0,
            }),
            (Self::Size { value, digits }, _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                // Leading zeros are free.
                let digits = digits + u8::from(value > 0 || digit > 0 || digits == 0);
                let value = value << 4 | digit;
                (digits <= SIZE_DIGITS).then_some(Self::Size { value, digits })
            }
            (Self::Size { value, digits: 1.. }, b'\n') => Some(Self::after_size(value)),
            (Self::Size { value, digits: 1.. }, b'\r' | b';' | b' ' | b'\t') => {
                Some(Self::Extension { size: value })
            }
            _ => None,
        }
    }

    fn after_size(size: u64) -> Self {
        match size {
            0 => Self::Trailer { empty: true },
            left => Self::Data { left },
        }
    }
}

impl Loose {
    fn note(&mut self, bytes: &[u8]) {
        for byte in &bytes[bytes.len().saturating_sub(8)..] {
            self.window = self.window << 8 | u64::from(*byte);
        }
        self.filled = (self.filled + bytes.len().min(8)).min(8);
    }

    /// Returns whether the last chunk was just seen, or as much of it as there is since the last
    /// hole.
    fn is_last_chunk(&self) -> bool {
        let window = self.window.to_be_bytes();
        let seen = &window[8 - self.filled..];
        seen.ends_with(LAST_CHUNK) || seen == &LAST_CHUNK[2..]
    }
}

/// Takes up to `left` bytes from `input` and returns how many.
fn take(input: &mut &[u8], left: &mut u64) -> u64 {
    let taken = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *input = &input[taken..];
    *left -= taken as u64;
    taken as u64
}

/// Drops `input` up to the end of the line; returns whether that was found.
fn skip_line(input: &mut &[u8]) -> bool {
    let end = memchr::memchr(b'\n', input);
    *input = end.map_or(&[], |end| &input[end + 1..]);
    end.is_some()
}

/// Reads trailers up to the empty line behind them; returns whether it was found.
fn read_trailer(input: &mut &[u8], empty: &mut bool) -> bool {
    match input.first() {
        Some(b'\n') if *empty => {
            *input = &input[1..];
            return true;
        }
        Some(b'\r') if *empty => *input = &input[1..],
        _ => *empty = skip_line(input),
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(pieces: &[&str]) -> bool {
        let mut body = Body::loose(true, None);
        for piece in pieces {
            match *piece {
                "hole" => assert_eq!(body.skip(Some(9)), Skip::Unclear),
                text => assert!(!body.read(&mut text.as_bytes())),
            }
        }
        body.ends_here()
    }

    #[test]
    fn believes_a_last_chunk_only_when_it_was_seen_whole() {
        assert!(lost(&["data\r\n0\r\n\r\n"]));
        assert!(lost(&["data\r", "\n0\r\n", "\r\n"]));
        assert!(lost(&["data", "hole", "0\r\n\r\n"]));
        assert!(!lost(&["data\r\n0", "hole", "\r\n\r\n"]));
        assert!(!lost(&["data0\r\n\r\n"]));
        assert!(!lost(&["data\r\n0\r\n\r\n."]));
    }

    #[test]
    fn gives_chunks_up_when_their_size_is_absurd() {
        let mut body = Body::chunked();
        assert!(!body.read(&mut "000000000000000000001\r\nx\r\n".as_bytes()));
        assert_eq!((body.bytes(), body.is_loose()), (1, false));
        assert!(!body.read(&mut "1000000000000000\r\n".as_bytes()));
        assert!(body.is_loose());
    }
}
