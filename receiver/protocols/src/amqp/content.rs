//! A message on its way: a method announces it, a header describes it, bodies follow.

use super::frame::Cursor;
use crate::{
    messaging::{Request, name},
    propagation::Headers,
};

/// A message of which the end was not seen yet.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) request: Request,
    pub(super) what: What,
    /// Bytes that are still to come, once the header said how many there are.
    left: Option<u64>,
}

/// What announced it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Publish,
    /// Its number, and whether the consumer acknowledges nothing.
    Deliver {
        tag: u64,
        is_auto: bool,
    },
    Get {
        tag: u64,
    },
    /// It comes back.
    Return,
}

impl Content {
    pub(super) fn new(request: Request, what: What) -> Self {
        Self {
            request,
            what,
            left: None,
        }
    }

    /// Reads the header. Returns whether the message ends with it.
    pub(super) fn describe(&mut self, body: &[u8]) -> bool {
        let mut cursor = Cursor { rest: body };
        self.left = Some(0);
        if let Some(size) = head(&mut cursor) {
            self.left = Some(size);
            self.request.operation.body_bytes = Some(size);
            // What was cut of the properties is not known.
            let _cut = self.properties(&mut cursor);
        }
        self.left == Some(0)
    }

    /// Takes a body. Returns whether the message ends with it.
    pub(super) fn add(&mut self, len: u64) -> bool {
        let left = self.left.map(|left| left.saturating_sub(len));
        self.left = left;
        left == Some(0)
    }

    fn properties(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let flags = cursor.u16()?;
        let has = |bit: u8| flags >> bit & 1 == 1;
        for bit in [15, 14] {
            if has(bit) {
                cursor.short()?;
            }
        }
        if has(13) {
            let mut headers = Headers::default();
            for (key, value) in cursor.table()? {
                headers.take(key, value);
            }
            self.request.trace = headers.read();
        }
        for bit in [12, 11] {
            if has(bit) {
                cursor.u8()?;
            }
        }
        if has(10) {
            self.request.operation.conversation_id = name(cursor.short()?);
        }
        for bit in [9, 8] {
            if has(bit) {
                cursor.short()?;
            }
        }
        if has(7) {
            self.request.operation.message_id = name(cursor.short()?);
        }
        Some(())
    }
}

/// Reads class, weight and the size of the body.
fn head(cursor: &mut Cursor<'_>) -> Option<u64> {
    cursor.u32()?;
    cursor.u64()
}
