//! W3C baggage: entries of the application, of which only those that somebody names are read.

/// The most entries that are looked at; the recommendation asks for 64.
const ENTRIES_MAX: usize = 64;
/// Bytes of a value that are told.
const VALUE_BYTES: usize = 1024;

/// Returns the decoded value of the entry with this key; `None` if there is none, or its value is
/// malformed or too long. Properties behind the value are not told.
pub fn entry(text: &str, key: &str) -> Option<String> {
    let mut entries = text.split(',').take(ENTRIES_MAX);
    let value = entries.find_map(|entry| {
        let entry = entry.split(';').next().unwrap_or_default();
        let (name, value) = entry.split_once('=')?;
        (name.trim() == key).then_some(value.trim())
    })?;
    if value.len() > VALUE_BYTES {
        return None;
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%' {
            let (digits, after) = rest.split_first_chunk::<2>()?;
            let [decoded] = super::digits::whole(digits)?;
            bytes.push(decoded);
            rest = after;
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_entry_that_is_asked_for_and_no_properties() {
        let text = "userId=alice, serverNode=DF%2028 ;secret=1,isProduction=false";
        assert_eq!(entry(text, "serverNode").as_deref(), Some("DF 28"));
        assert_eq!(entry(text, "isProduction").as_deref(), Some("false"));
        for key in ["secret", "user", "userid", "", "alice"] {
            assert_eq!(entry(text, key), None, "{key}");
        }
    }

    #[test]
    fn refuses_malformed_and_long_values() {
        let long = format!("a={}", "x".repeat(VALUE_BYTES + 1));
        for text in ["a", "a=%2", "a=%zz", "a=%ff", &long, &",".repeat(4096)] {
            assert_eq!(entry(text, "a"), None, "{text}");
        }
    }
}
