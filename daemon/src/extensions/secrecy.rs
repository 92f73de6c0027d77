//! Compares secrets without telling by the time it takes where they differ.

use ring::digest::{SHA256, digest};

/// Returns whether two secrets are equal. Hashes both, so not even their lengths show.
pub(super) fn are_equal(left: &[u8], right: &[u8]) -> bool {
    let (left, right) = (digest(&SHA256, left), digest(&SHA256, right));
    let pairs = left.as_ref().iter().zip(right.as_ref());
    pairs.fold(0, |different, (left, right)| different | (left ^ right)) == 0
}

#[cfg(test)]
mod tests {
    use super::are_equal;

    #[test]
    fn equal_is_equal() {
        assert!(are_equal(b"secret", b"secret"));
        assert!(!are_equal(b"secret", b"secreT"));
        assert!(!are_equal(b"secret", b""));
    }
}
