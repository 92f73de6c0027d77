//! Bytes that should be text, as text.

use std::fmt::Write;

/// Copies bytes as text of at most `bound` bytes; what is no UTF-8 is percent-encoded, as it should
/// have been in the first place, so that it cannot be taken for anything else.
pub(crate) fn text(bytes: &[u8], bound: usize) -> String {
    let kept = &bytes[..bytes.len().min(bound)];
    if let Ok(text) = std::str::from_utf8(kept) {
        return text.to_owned();
    }
    let mut text = String::with_capacity(kept.len());
    for piece in kept.utf8_chunks() {
        text.push_str(piece.valid());
        for byte in piece.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text.truncate(text.floor_char_boundary(bound));
    text
}
