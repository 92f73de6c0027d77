//! What descriptions, headers and errors of NATS say that may be told.

use crate::{
    messaging::name,
    propagation::{self, TraceContext},
};

/// The most header lines that are looked at.
const HEADERS_MAX: usize = 64;

/// What a payload's headers say.
#[derive(Debug, Default)]
pub(super) struct Headers {
    pub(super) trace: Option<TraceContext>,
    /// The error that stands for a message: nobody answers, no messages.
    pub(super) status: Option<&'static str>,
}

/// Reads headers, as far as they were kept.
pub(super) fn headers(kept: &[u8]) -> Headers {
    let Ok(text) = std::str::from_utf8(kept) else {
        return Headers::default();
    };
    let mut found = propagation::Headers::default();
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|first| first.strip_prefix("NATS/1.0"));
    for line in lines.take(HEADERS_MAX) {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        found.take(key.as_bytes(), value.as_bytes());
    }
    Headers {
        trace: found.read(),
        status: status.and_then(status_name),
    }
}

fn status_name(text: &str) -> Option<&'static str> {
    match text.trim_start().get(..3)? {
        "100" => None,
        "400" => Some("400"),
        "404" => Some("404"),
        "408" => Some("408"),
        "409" => Some("409"),
        "503" => Some("NO_RESPONDERS"),
        _ => Some("_OTHER"),
    }
}

/// Returns the name that a client has for itself in its description, which may hold a password.
pub(super) fn client_name(json: &[u8]) -> Option<String> {
    let rest = after_key(json, b"\"name\"")?.strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    name(&rest[..end])
}

/// Returns whether the client wants every line confirmed.
pub(super) fn is_verbose(json: &[u8]) -> bool {
    after_key(json, b"\"verbose\"").is_some_and(|rest| rest.starts_with(b"true"))
}

fn after_key<'j>(json: &'j [u8], key: &[u8]) -> Option<&'j [u8]> {
    let at = memchr::memmem::find(json, key)?;
    let rest = json[at + key.len()..].trim_ascii_start();
    Some(rest.strip_prefix(b":")?.trim_ascii_start())
}

/// Returns the kind of an error, without the subject that it may name.
pub(super) fn error_name(text: &[u8]) -> &'static str {
    const NAMES: [(&str, &str); 14] = [
        ("unknown protocol operation", "UNKNOWN_PROTOCOL_OPERATION"),
        ("attempted to connect to", "WRONG_PORT"),
        ("authorization violation", "AUTHORIZATION_VIOLATION"),
        ("authorization timeout", "AUTHORIZATION_TIMEOUT"),
        ("authentication", "AUTHENTICATION"),
        ("user authentication", "AUTHENTICATION"),
        ("invalid client protocol", "INVALID_CLIENT_PROTOCOL"),
        ("maximum control line", "MAXIMUM_CONTROL_LINE_EXCEEDED"),
        ("parser error", "PARSER_ERROR"),
        ("stale connection", "STALE_CONNECTION"),
        ("slow consumer", "SLOW_CONSUMER"),
        ("maximum payload", "MAXIMUM_PAYLOAD_VIOLATION"),
        ("invalid", "INVALID_SUBJECT"),
        ("permissions violation", "PERMISSIONS_VIOLATION"),
    ];
    let text = text.strip_prefix(b"'").unwrap_or(text);
    let is = |start: &str| {
        let start = start.as_bytes();
        text.get(..start.len())
            .is_some_and(|text| text.eq_ignore_ascii_case(start))
    };
    NAMES
        .iter()
        .find(|(start, _)| is(start))
        .map_or("_OTHER", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_no_secrets() {
        let json = br#"{"user":"u","pass":"p","name" : "me","verbose": true}"#;
        assert_eq!(client_name(json), Some("me".to_owned()));
        assert!(is_verbose(json));
        assert_eq!(client_name(br#"{"name":"cut of"#), None);
        assert_eq!(
            error_name(b"'Permissions Violation for Publish to \"a\"'"),
            "PERMISSIONS_VIOLATION"
        );
        assert_eq!(error_name(b"'what'"), "_OTHER");
    }
}
