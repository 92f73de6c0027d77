//! When whoever keeps the books is asked for room, while a body is being read.
//!
//! A client may announce any size; only what arrives is memory. So a reader makes room for
//! [`UNASKED_BYTES`] and is asked again when more than that has come, each time for a quarter more:
//! a few dozen questions for the largest body, none for a small one.

/// How much of a body is read before its reader is asked for more room.
pub const UNASKED_BYTES: usize = 16 << 10;

/// What was asked for so far.
#[derive(Debug)]
pub(crate) struct Growth {
    asked: usize,
    /// What the client announced, if it did: more is never needed.
    most: usize,
}

impl Growth {
    pub(crate) fn new(announced: Option<usize>) -> Self {
        Self {
            asked: UNASKED_BYTES,
            most: announced.unwrap_or(usize::MAX),
        }
    }

    /// Returns for how much room to ask now that so many bytes are here, if it is not enough yet.
    pub(crate) fn needed(&mut self, bytes: usize) -> Option<usize> {
        if bytes <= self.asked {
            return None;
        }
        self.asked = (bytes + bytes / 4).min(self.most).max(bytes);
        Some(self.asked)
    }
}

#[cfg(test)]
mod tests {
    use super::{Growth, UNASKED_BYTES};

    #[test]
    fn asks_seldom_and_for_little_more_than_has_come() {
        const MOST: usize = 20 << 20;
        let mut growth = Growth::new(Some(MOST));
        assert_eq!(growth.needed(UNASKED_BYTES), None);
        let (mut room, mut questions) = (UNASKED_BYTES, 0);
        for bytes in (UNASKED_BYTES..=MOST).step_by(1000) {
            if let Some(asked) = growth.needed(bytes) {
                (room, questions) = (asked, questions + 1);
            }
            assert!(bytes <= room && room <= bytes + bytes / 4 && room <= MOST);
        }
        assert!(questions < 50, "{questions}");
        assert_eq!(Growth::new(None).needed(100_000), Some(125_000));
    }
}
