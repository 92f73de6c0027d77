//! W3C Trace Context: `traceparent` and `tracestate` header values in, a parent out.
//!
//! Written to level 2 of the recommendation. The propagated text may be hostile; what is kept is
//! bounded.

use super::{Format, Parent};

/// The most list members of a `tracestate` that are kept.
const STATE_MEMBERS: usize = 32;
/// The most characters of a `tracestate` that are kept.
const STATE_BYTES: usize = 512;
/// The length of a version 00 `traceparent`.
const PARENT_BYTES: usize = 55;

/// Reads the parent and the joined state from all values of the two headers, in their order.
///
/// Without exactly one valid `traceparent` there is no parent. A malformed `tracestate` is dropped
/// alone, as the recommendation says.
pub(super) fn parse<'a>(
    mut traceparents: impl Iterator<Item = &'a [u8]>,
    tracestates: impl Iterator<Item = &'a [u8]>,
) -> Option<(Parent, String)> {
    let (only, None) = (traceparents.next()?, traceparents.next()) else {
        return None;
    };
    let (trace_id, span_id, flags) = parent(only)?;
    let parent = Parent {
        format: Format::TraceContext,
        trace_id,
        span_id: Some(span_id),
        flags,
    };
    Some((parent, state(tracestates).unwrap_or_default()))
}

/// Reads one `traceparent`: `version-trace_id-span_id-flags`, and more in versions to come.
fn parent(text: &[u8]) -> Option<([u8; 16], [u8; 8], u8)> {
    let known = text.get(..PARENT_BYTES)?;
    let [version] = hex(&known[..2])?;
    let rest = &text[PARENT_BYTES..];
    let legal = match version {
        0 => rest.is_empty(),
        0xff => false,
        _ => rest.first().is_none_or(|next| *next == b'-'),
    };
    if !legal || known[2] != b'-' || known[35] != b'-' || known[52] != b'-' {
        return None;
    }
    let trace_id: [u8; 16] = hex(&known[3..35])?;
    let span_id: [u8; 8] = hex(&known[36..52])?;
    let [flags] = hex(&known[53..55])?;
    (trace_id != [0; 16] && span_id != [0; 8]).then_some((trace_id, span_id, flags))
}

/// Reads lower-case hexadecimal digits, twice as many as there are bytes.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

/// Joins the members of all values; `None` if one of them is malformed.
///
/// Whole members are kept until a bound is met. What lies behind the bound is not looked at, so
/// that the cost is bounded too.
fn state<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let mut joined = String::new();
    let mut members = 0;
    for member in values.flat_map(|value| value.split(|byte| *byte == b',')) {
        let member = std::str::from_utf8(member).ok()?;
        let member = member.trim_matches([' ', '\t']);
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        if !is_key(key) || !is_value(value) {
            return None;
        }
        let comma = usize::from(members > 0);
        if members == STATE_MEMBERS || joined.len() + comma + member.len() > STATE_BYTES {
            break;
        }
        if comma == 1 {
            joined.push(',');
        }
        joined.push_str(member);
        members += 1;
    }
    Some(joined)
}

/// Returns whether this is `key` or `tenant@system`, of the letters that level 2 allows.
fn is_key(key: &str) -> bool {
    let first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    key.len() <= 256
        && key.as_bytes().first().is_some_and(first)
        && key
            .bytes()
            .all(|byte| first(&byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@'))
}

/// Returns whether this is printable ASCII that does not end in a space, without `,` and `=`.
fn is_value(value: &str) -> bool {
    let printable = |byte: u8| matches!(byte, 0x20..=0x7e) && !matches!(byte, b',' | b'=');
    (1..=256).contains(&value.len()) && value.bytes().all(printable) && !value.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(parents: &[&str], states: &[&str]) -> Option<(Parent, String)> {
        parse(
            parents.iter().map(|text| text.as_bytes()),
            states.iter().map(|text| text.as_bytes()),
        )
    }

    fn one(text: &str) -> Option<Parent> {
        read(&[text], &[]).map(|(parent, _)| parent)
    }

    fn state_of(values: &[&str]) -> String {
        read(&[PARENT], values).expect("the parent is valid").1
    }

    #[test]
    fn reads_the_recommendations_example() {
        let context = one(PARENT).expect("valid");
        assert_eq!(context.trace_id[..2], [0x0a, 0xf7]);
        assert_eq!(
            context.span_id,
            Some([0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31])
        );
        assert_eq!(context.flags, 1);
    }

    #[test]
    fn refuses_what_is_not_exactly_one_parent() {
        assert_eq!(read(&[], &["a=1"]), None);
        assert_eq!(read(&[PARENT, PARENT], &[]), None);
    }

    #[test]
    fn refuses_malformed_parents() {
        for text in [
            "",
            "00",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
            "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.x",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333\u{e9}-01",
        ] {
            assert_eq!(one(text), None, "{text}");
        }
    }

    #[test]
    fn accepts_later_versions_with_more_behind_a_dash() {
        let later = PARENT.replacen("00", "cc", 1);
        assert!(one(&later).is_some());
        assert!(one(&format!("{later}-what-the-future-brings")).is_some());
    }

    #[test]
    fn refuses_a_parent_cut_at_any_byte() {
        for end in 0..PARENT.len() {
            assert_eq!(one(&PARENT[..end]), None);
        }
    }

    #[test]
    fn joins_states_in_order() {
        assert_eq!(state_of(&["a=1, b@x=2 ,", "", "c/*=\t"]), "");
        assert_eq!(
            state_of(&["a=1, b@x=2 ,", "", "c/*-_=3 4"]),
            "a=1,b@x=2,c/*-_=3 4"
        );
    }

    #[test]
    fn drops_a_malformed_state_and_keeps_the_parent() {
        for state in ["a", "=1", "A=1", "a=", "a=b=c", "a=\u{e9}", "a=1,b"] {
            assert_eq!(state_of(&[state]), "", "{state}");
        }
    }

    #[test]
    fn bounds_the_state_at_a_member() {
        let many = (0..40)
            .map(|n| format!("k{n}=v"))
            .collect::<Vec<_>>()
            .join(",");
        assert_eq!(state_of(&[&many]).split(',').count(), STATE_MEMBERS);
        let long = format!(
            "a={},b={},c={}",
            "x".repeat(250),
            "y".repeat(250),
            "z".repeat(10)
        );
        assert_eq!(state_of(&[&long]).len(), 252 + 1 + 252);
    }
}
