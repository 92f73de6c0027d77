//! Headers that are kept because somebody asked for them, beyond those that requests need.
//!
//! A header outside the list is never stored, whatever its name.

/// The most names of either list.
pub const NAMES_MAX: usize = 32;
/// Values kept of one name.
const VALUES_MAX: usize = 8;
/// Bytes kept of one value.
const VALUE_BYTES: usize = 1024;
/// Bytes kept of all values of one message.
pub const BYTES_MAX: usize = 8 * 1024;

/// Which headers are wanted, by name in lower case. Lives as long as the program, so that parsers
/// need no counting of references.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of requests.
    pub request: Vec<String>,
    /// Of responses.
    pub response: Vec<String>,
}

/// No headers.
pub static NOTHING: Wanted = Wanted {
    request: Vec::new(),
    response: Vec::new(),
};

impl Wanted {
    /// Returns whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.request.is_empty() && self.response.is_empty()
    }

    /// Finds a header of a request, as the list spells it.
    pub fn of_request(&self, name: &[u8]) -> Option<&str> {
        find(&self.request, name)
    }

    /// Finds a header of a response, as the list spells it.
    pub fn of_response(&self, name: &[u8]) -> Option<&str> {
        find(&self.response, name)
    }
}

fn find<'w>(names: &'w [String], name: &[u8]) -> Option<&'w str> {
    let mut names = names.iter().take(NAMES_MAX).map(String::as_str);
    names.find(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

/// The wanted headers of one message, in the order of their first appearance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    values: Vec<(&'static str, Vec<String>)>,
    bytes: usize,
}

impl Kept {
    /// Adds a value, as far as there is room.
    pub fn push(&mut self, name: &'static str, value: &[u8]) {
        let room = BYTES_MAX.saturating_sub(self.bytes).min(VALUE_BYTES);
        let text = String::from_utf8_lossy(&value[..value.len().min(room)]).into_owned();
        if room == 0 {
            return;
        }
        let known = self.values.iter_mut().find(|(known, _)| *known == name);
        let bytes = text.len();
        match known {
            Some((_, values)) if values.len() < VALUES_MAX => values.push(text),
            Some(_) => return,
            None => self.values.push((name, vec![text])),
        }
        self.bytes += bytes;
    }

    /// Iterates over names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        self.values
            .iter()
            .map(|(name, values)| (*name, values.as_slice()))
    }

    /// Returns how many bytes are held.
    pub fn held(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_names_however_they_are_written() {
        let wanted = Wanted {
            request: vec!["x-tenant".to_owned()],
            ..Wanted::default()
        };
        assert_eq!(wanted.of_request(b"X-Tenant"), Some("x-tenant"));
        assert_eq!(wanted.of_request(b"X-Tenants"), None);
        assert_eq!(wanted.of_response(b"x-tenant"), None);
    }

    #[test]
    fn stays_within_its_bounds() {
        let mut kept = Kept::default();
        for _ in 0..100 {
            kept.push("a", &[b'x'; 5000]);
            kept.push("b", b"\xff\xff");
        }
        assert!(
            kept.held() <= BYTES_MAX + 3 * VALUE_BYTES,
            "{}",
            kept.held()
        );
        assert!(kept.iter().all(|(_, values)| values.len() <= VALUES_MAX));
    }
}
