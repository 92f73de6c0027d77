//! `grpc-timeout`: how long the client will wait.

use std::time::Duration;

use http::HeaderMap;

/// Reads the header; what is malformed counts as absent.
pub(super) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let unit = text.chars().last().filter(char::is_ascii)?;
    let digits = &text[..text.len() - 1];
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u32 = digits.parse().ok()?;
    let unit = match unit {
        'H' => Duration::from_hours(1),
        'M' => Duration::from_mins(1),
        'S' => Duration::from_secs(1),
        'm' => Duration::from_millis(1),
        'u' => Duration::from_micros(1),
        'n' => Duration::from_nanos(1),
        _ => return None,
    };
    Some(unit * number)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue};

    use super::timeout;

    #[test]
    fn units_are_those_of_grpc() {
        let cases = [
            ("10S", Some(Duration::from_secs(10))),
            ("99999999m", Some(Duration::from_millis(99_999_999))),
            ("1H", Some(Duration::from_hours(1))),
            ("100u", Some(Duration::from_micros(100))),
            ("999999999S", None),
            ("S", None),
            ("10", None),
            ("-1S", None),
            ("1\u{e9}", None),
        ];
        for (text, expected) in cases {
            let value = HeaderValue::from_bytes(text.as_bytes()).expect("is a value");
            let headers = HeaderMap::from_iter([("grpc-timeout".parse().expect("a name"), value)]);
            assert_eq!(timeout(&headers), expected, "{text}");
        }
    }
}
