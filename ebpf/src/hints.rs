//! What the kernel half says beside the bytes of an event: bits of `event_data.flags`.

/// Which thread sent the bytes was not seen; the one named moved some before.
pub const DATA_GUESSED_THREAD: u8 = 16;
