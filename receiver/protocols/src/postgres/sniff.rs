//! Recognises what a client begins a chunk with. Keeps no state.

/// Versions of the protocol that a connection begins with: 3.0 and its minor versions.
const VERSION_MAJOR: [u8; 3] = [0, 3, 0];
/// Requests that stand before a connection begins: to cancel, for TLS, for GSSAPI.
pub(super) const CANCEL: u32 = 80_877_102;
pub(super) const TLS: u32 = 80_877_103;
pub(super) const GSS: u32 = 80_877_104;
/// The longest first message.
const STARTUP_BYTES_MAX: u32 = 10_000;
/// Messages that a client sends.
const KINDS: &[u8] = b"QPBDECSHFXdcfp";

/// Tells whether `bytes` are what a connection begins with.
pub fn is_startup(bytes: &[u8]) -> bool {
    let Some((len, rest)) = bytes.split_first_chunk() else {
        return false;
    };
    let Some((code, _)) = rest.split_first_chunk() else {
        return false;
    };
    let (len, number) = (u32::from_be_bytes(*len), u32::from_be_bytes(*code));
    match number {
        TLS | GSS => len == 8,
        CANCEL => len == 16,
        // A parameter comes first: Kafka asks for metadata with the same eight bytes.
        _ => {
            let name = &rest[code.len()..];
            code[..3] == VERSION_MAJOR
                && (8..=STARTUP_BYTES_MAX).contains(&len)
                && name.first().is_some_and(u8::is_ascii_lowercase)
        }
    }
}

/// Tells whether a chunk of `len` bytes, of which `bytes` were captured, is made of messages that a
/// client sends with a statement first.
pub fn is_request(bytes: &[u8], len: usize) -> bool {
    let Some((kind, body)) = message(bytes) else {
        return false;
    };
    let is_statement = match kind {
        b'Q' => is_sql(body),
        b'P' => match memchr::memchr(0, body) {
            Some(end) => is_name(&body[..end]) && is_sql(&body[end + 1..]),
            None => false,
        },
        b'B' => {
            let mut names = body.split(|byte| *byte == 0);
            names.next().is_some_and(is_name) && names.next().is_some_and(is_name)
        }
        _ => false,
    };
    is_statement && is_chain(bytes, len)
}

/// Returns whether lengths lead from message to message to the end of the chunk.
fn is_chain(mut bytes: &[u8], len: usize) -> bool {
    let mut left = len.max(bytes.len());
    while left > 0 {
        let Some((kind, rest)) = bytes.split_first() else {
            return true; // nothing more was captured
        };
        let Some((size, _)) = rest.split_first_chunk() else {
            return KINDS.contains(kind);
        };
        let size = u32::from_be_bytes(*size) as usize;
        if !KINDS.contains(kind) || size < 4 {
            return false;
        }
        if size + 1 > left {
            // The last message of a pipeline may go on in the next chunk.
            return true;
        }
        left -= size + 1;
        bytes = bytes.get(size + 1..).unwrap_or_default();
    }
    true
}

/// Returns the type of the first message and what is here of its body.
fn message(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let (len, body) = rest.split_first_chunk()?;
    let len = u32::from_be_bytes(*len) as usize;
    let size = len.checked_sub(4)?;
    Some((*kind, &body[..body.len().min(size)]))
}

/// Text from its first byte on, and with a letter early.
fn is_sql(text: &[u8]) -> bool {
    let begin = &text[..text.len().min(24)];
    let begin = begin.split(|byte| *byte == 0).next().unwrap_or_default();
    let is_text = |byte: &u8| *byte >= b' ' || byte.is_ascii_whitespace();
    !begin.is_empty() && begin.iter().all(is_text) && begin.iter().any(u8::is_ascii_alphabetic)
}

fn is_name(name: &[u8]) -> bool {
    name.len() <= 63 && name.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn believes_what_clients_send_and_nothing_else() {
        let startup = b"\0\0\0\x20\0\x03\0\0user\0me\0database\0db\0\0";
        assert!(is_startup(startup));
        assert!(is_startup(b"\0\0\0\x08\x04\xd2\x16\x2f"));
        assert!(!is_startup(b"\0\0\0\x09\x04\xd2\x16\x2f"));
        assert!(!is_startup(b"GET / HTTP/1.1"));
        let metadata_of_kafka = b"\0\0\0\x2d\0\x03\0\x0c\0\0\0\x03\0\x0bh5-consumer";
        assert!(!is_startup(metadata_of_kafka));
        let query = b"Q\0\0\0\x0dSELECT 1\0";
        assert!(is_request(query, query.len()));
        let bound = b"B\0\0\0\x0e\0s1\0\0\0\0\0\0\0S\0\0\0\x04";
        assert!(is_request(bound, bound.len()));
        for bytes in [
            b"Q\0\0\0\x04".as_slice(),
            b"Q\0\0\0\x0d\x01\x02\x03\x04\x05\x06\x07\x08\0",
            b"Q\0\0\0\x0dSELECT 1\0xxxxxx",
            b"PUT / HTTP/1.1\r\n",
            b"*1\r\n$4\r\nPING\r\n",
            b"",
        ] {
            assert!(!is_request(bytes, bytes.len()), "{bytes:?}");
        }
    }
}
