//! A request body made of pieces that are already in memory: each goes to the socket as it is.
//!
//! Only pieces so small that a frame of their own costs more than copying them are joined.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};

/// Below this a copy is cheaper than a frame.
const SMALL_BYTES: usize = 4 << 10;
/// How large joined pieces grow: one HTTP/2 frame of the usual size.
const JOINED_BYTES_MAX: usize = 16 << 10;

/// A body whose length is known and whose pieces are shared, so it is cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunks {
    left: VecDeque<Bytes>,
    left_bytes: u64,
}

impl Chunks {
    /// Puts pieces side by side. Copies those below 4 KiB, once, together with their neighbours.
    pub(crate) fn new(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        let mut chunks = Self::default();
        let mut joined = BytesMut::new();
        for piece in pieces {
            chunks.left_bytes += piece.len() as u64;
            let is_small = piece.len() < SMALL_BYTES;
            if !joined.is_empty() && (!is_small || joined.len() + piece.len() > JOINED_BYTES_MAX) {
                chunks.left.push_back(joined.split().freeze());
            }
            if is_small {
                joined.extend_from_slice(&piece);
            } else {
                chunks.left.push_back(piece);
            }
        }
        if !joined.is_empty() {
            chunks.left.push_back(joined.freeze());
        }
        chunks
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let Some(next) = this.left.pop_front() else {
            return Poll::Ready(None);
        };
        this.left_bytes -= next.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(next))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left_bytes)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::body::Body;

    use super::{Chunks, JOINED_BYTES_MAX, SMALL_BYTES};

    fn lengths(pieces: &[usize]) -> Vec<usize> {
        let pieces = pieces.iter().map(|length| Bytes::from(vec![7; *length]));
        Chunks::new(pieces).left.iter().map(Bytes::len).collect()
    }

    #[test]
    fn large_pieces_are_not_copied() {
        let piece = Bytes::from(vec![7; SMALL_BYTES]);
        let chunks = Chunks::new([piece.clone(), piece.clone()]);
        assert!(chunks.left.iter().all(|it| it.as_ptr() == piece.as_ptr()));
        assert_eq!(chunks.size_hint().exact(), Some(2 * SMALL_BYTES as u64));
    }

    #[test]
    fn small_pieces_are_joined_in_order_and_within_a_bound() {
        assert_eq!(lengths(&[5, 10, 5_000, 1, 0, 2]), [15, 5_000, 3]);
        assert_eq!(lengths(&[0]), [0_usize; 0]);
        let many = lengths(&[1_000; 82]);
        assert!(many.iter().all(|length| *length <= JOINED_BYTES_MAX));
        assert_eq!((many.len(), many.iter().sum()), (6, 82_000));
    }
}
