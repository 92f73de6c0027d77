//! What a load balancer puts before the first byte of a connection: the PROXY protocol, versions 1
//! and 2 (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>). It is not HTTP and is
//! skipped.

/// The longest header of version 1, with its line end.
const TEXT_MAX: usize = 108;
const BINARY_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Returns how many bytes at the front of a connection are such a header; 0 if there is none, or
/// not all of it is here.
pub(super) fn len(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"PROXY ") {
        let line = &bytes[..bytes.len().min(TEXT_MAX)];
        return line
            .windows(2)
            .position(|end| end == b"\r\n")
            .map_or(0, |end| end + 2);
    }
    if !bytes.starts_with(BINARY_SIGNATURE) {
        return 0;
    }
    // Signature, version and command, family, then the length of the addresses.
    let Some(length) = bytes.get(14..16) else {
        return 0;
    };
    let whole = 16 + usize::from(u16::from_be_bytes([length[0], length[1]]));
    if bytes.len() < whole { 0 } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_both_versions() {
        assert_eq!(
            len(b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 80\r\nGET / HTTP/1.1"),
            38
        );
        let binary = [BINARY_SIGNATURE, &[0x21, 0x11, 0, 12], &[7; 12], b"GET /"].concat();
        assert_eq!(len(&binary), 28);
    }

    #[test]
    fn leaves_everything_else_alone() {
        for bytes in [
            b"".as_slice(),
            b"GET / HTTP/1.1\r\n",
            b"PROXY ",
            b"\r\n\r\n",
            BINARY_SIGNATURE,
        ] {
            assert_eq!(len(bytes), 0);
        }
        assert_eq!(
            len(&[b"PROXY ".as_slice(), &[b'x'; 500], b"\r\n"].concat()),
            0
        );
    }
}
