//! Numbers and texts in a body, the highest byte first.

/// Takes a number of the given size.
pub(super) fn number<const N: usize>(rest: &mut &[u8]) -> Option<u32> {
    let (bytes, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(
        bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte)),
    )
}

/// Takes so many bytes.
pub(super) fn bytes<'a>(rest: &mut &'a [u8], len: u32) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    *rest = after;
    Some(taken)
}

/// Takes a text or an id with a length of two bytes.
pub(super) fn short<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = number::<2>(rest)?;
    bytes(rest, len)
}

/// Passes over a value, which may be missing.
pub(super) fn skip_value(rest: &mut &[u8]) -> Option<()> {
    let len = number::<4>(rest)?;
    if len < 0x8000_0000 {
        bytes(rest, len)?;
    }
    Some(())
}

/// Passes over names with values.
pub(super) fn skip_payload(rest: &mut &[u8]) -> Option<()> {
    for _ in 0..number::<2>(rest)? {
        short(rest)?;
        skip_value(rest)?;
    }
    Some(())
}
