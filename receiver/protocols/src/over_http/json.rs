//! JSON that may be cut off anywhere, read without building a tree.
//!
//! Every function looks at each byte a bounded number of times and keeps nothing. A value is the
//! bytes from its first one to its last, or to the end of what is known.

use memchr::{memchr2, memmem};

/// Bytes kept of a name.
const NAME_BYTES: usize = 256;

/// The members of the object that `bytes` begin with: name and value, in order.
pub(super) fn members(bytes: &[u8]) -> Members<'_> {
    let rest = skip_space(bytes);
    Members {
        rest: rest.strip_prefix(b"{").unwrap_or_default(),
    }
}

/// See [`members`].
pub(super) struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let start = skip_space(self.rest);
        let start = skip_space(start.strip_prefix(b",").unwrap_or(start));
        let name = string(start)?;
        let after = skip_space(&start[(name.len() + 2).min(start.len())..]);
        let value = skip_space(after.strip_prefix(b":")?);
        let value = &value[..end_of_value(value)];
        let behind = value.as_ptr() as usize - self.rest.as_ptr() as usize + value.len();
        self.rest = &self.rest[behind..];
        (!value.is_empty()).then_some((name, value))
    }
}

/// Returns the value of a member of the object that `bytes` begin with.
pub(super) fn member<'a>(bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut members = members(bytes);
    members
        .find(|(known, _)| *known == name.as_bytes())
        .map(|(_, value)| value)
}

/// Finds the values of all members of this name at any depth. In a string a name has backslashes
/// before its quotes, so none is found there.
pub(super) fn all<'a>(bytes: &'a [u8], name: &str) -> impl Iterator<Item = &'a [u8]> {
    let quoted = format!("\"{name}\"");
    let finder = memmem::Finder::new(&quoted).into_owned();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let found = at + finder.find(&bytes[at..])?;
            at = found + finder.needle().len();
            let is_quoted = found > 0 && bytes[found - 1] == b'\\';
            let Some(value) = skip_space(&bytes[at..]).strip_prefix(b":") else {
                continue;
            };
            if !is_quoted {
                return Some(skip_space(value));
            }
        }
    })
}

/// Returns the bytes between the quotes of a string, or those up to the end of what is known.
pub(super) fn string(value: &[u8]) -> Option<&[u8]> {
    let inner = value.strip_prefix(b"\"")?;
    Some(&inner[..end_of_string(inner)])
}

/// Returns a name: a string that is whole, short, and has nothing to unfold.
pub(super) fn name(value: &[u8]) -> Option<String> {
    let inner = string(value)?;
    let is_whole = value.len() > inner.len() + 1;
    let is_plain = !inner.is_empty() && inner.len() <= NAME_BYTES && !inner.contains(&b'\\');
    let text = std::str::from_utf8(inner).ok()?;
    (is_whole && is_plain).then(|| text.to_owned())
}

/// Returns a number of things, if it is certain that it was seen to its end.
pub(super) fn count(value: &[u8]) -> Option<u64> {
    let end = value
        .iter()
        .take(20)
        .position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&value[..end]).ok()?.parse().ok()
}

/// Returns the text of a string, as far as it is known, with its escapes undone.
pub(super) fn text(value: &[u8]) -> Option<String> {
    let inner = string(value)?;
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next() {
                Some(b'n' | b'r' | b't' | b'b' | b'f') => plain.push(b' '),
                Some(b'u') => {
                    bytes.nth(3);
                    plain.push(b'?');
                }
                Some(other) => plain.push(*other),
                None => {}
            },
            byte => plain.push(*byte),
        }
    }
    Some(String::from_utf8_lossy(&plain).into_owned())
}

/// Returns an array's first element.
pub(super) fn first(value: &[u8]) -> Option<&[u8]> {
    let inner = skip_space(value.strip_prefix(b"[")?);
    let first = &inner[..end_of_value(inner)];
    (!first.is_empty()).then_some(first)
}

/// Writes the shape of a value: names and structure, and `?` for whatever stands for data. Ends
/// with `…` where it is longer than `bytes_max`.
pub(super) fn shape(value: &[u8], bytes_max: usize) -> String {
    let mut out = Vec::new();
    let mut rest = value;
    while let Some(first) = rest.first() {
        if out.len() >= bytes_max {
            out.extend_from_slice("…".as_bytes());
            break;
        }
        let taken = match first {
            b'"' => {
                let end = end_of_value(rest);
                let is_name = skip_space(&rest[end..]).first() == Some(&b':');
                out.extend_from_slice(if is_name { &rest[..end] } else { b"?" });
                end
            }
            b'{' | b'}' | b'[' | b']' | b':' | b',' => {
                out.push(*first);
                1
            }
            byte if byte.is_ascii_whitespace() => 1,
            _ => {
                out.push(b'?');
                end_of_value(rest).max(1)
            }
        };
        rest = &rest[taken..];
    }
    // A list of values says as much as one value.
    let text = String::from_utf8_lossy(&out).into_owned();
    let mut text = text;
    while text.contains("?,?") {
        text = text.replace("?,?", "?");
    }
    text
}

fn skip_space(bytes: &[u8]) -> &[u8] {
    let space = bytes.iter().take_while(|byte| byte.is_ascii_whitespace());
    &bytes[space.count()..]
}

/// Returns where the string ends whose first byte behind the quote this is.
fn end_of_string(inner: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr2(b'"', b'\\', &inner[at..]) {
        if inner[at + found] == b'"' {
            return at + found;
        }
        at = (at + found + 2).min(inner.len());
    }
    inner.len()
}

fn ends_value(byte: u8) -> bool {
    matches!(byte, b'}' | b']' | b',') || byte.is_ascii_whitespace()
}

/// Returns how long a value is.
fn end_of_value(value: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < value.len() {
        match value[at] {
            b'"' => at = (at + 1 + end_of_string(&value[at + 1..])).min(value.len() - 1),
            b'{' | b'[' => depth += 1,
            byte if depth == 0 && ends_value(byte) => return at,
            b'}' | b']' => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"messages": [{"role": "user", "content": "say \"model\": 1, }"}],
        "model" : "gpt-4o", "n":2, "options":{"a":[1,2,{"b":"}"}]},"stream":true}"#;

    #[test]
    fn finds_members_however_deep_the_others_are() {
        let names: Vec<_> = members(BODY).map(|(name, _)| name).collect();
        let expected = ["messages", "model", "n", "options", "stream"];
        assert_eq!(names, expected.map(str::as_bytes));
        assert_eq!(
            member(BODY, "model").and_then(name).as_deref(),
            Some("gpt-4o")
        );
        assert_eq!(member(BODY, "n").and_then(|_| count(b"2,")), Some(2));
        assert_eq!(member(BODY, "stream"), Some(b"true".as_slice()));
    }

    #[test]
    fn a_name_inside_a_text_is_no_name() {
        let values: Vec<_> = all(BODY, "model").map(|value| &value[..8]).collect();
        assert_eq!(values, [b"\"gpt-4o\""]);
    }

    #[test]
    fn whatever_is_cut_off_is_no_name_and_no_number() {
        assert_eq!(name(b"\"gpt-4"), None);
        assert_eq!(count(b"12"), None);
        for end in 0..BODY.len() {
            assert!(members(&BODY[..end]).count() <= 5);
            assert!(all(&BODY[..end], "b").count() <= 1);
            shape(&BODY[..end], 1000);
        }
    }

    #[test]
    fn a_shape_has_no_values() {
        let query = br#"{"query":{"term":{"user":"ann@example.org"}},"size":10,"ids":[1,2,"x"]}"#;
        let shaped = r#"{"query":{"term":{"user":?}},"size":?,"ids":[?]}"#;
        assert_eq!(shape(query, 1000), shaped);
        assert_eq!(shape(br#"{"a":"cut o"#, 1000), r#"{"a":?"#);
        assert_eq!(shape(b"{\"a\":{\"b\":1}}", 4), "{\"a\"…");
    }
}
