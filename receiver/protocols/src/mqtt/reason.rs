//! The names of MQTT's reason codes, and of the return codes of older versions.

/// Returns the name of a reason, if it says that something failed.
pub(super) fn name(code: u8) -> Option<&'static str> {
    if code < 0x80 {
        return None;
    }
    let known = NAMES.iter().find(|(number, _)| *number == code);
    Some(known.map_or("_OTHER", |(_, name)| name))
}

/// Returns why a server of version 3 refuses a connection.
pub(super) fn refusal(code: u8) -> Option<&'static str> {
    match code {
        0 => None,
        1 => Some("UNSUPPORTED_PROTOCOL_VERSION"),
        2 => Some("CLIENT_IDENTIFIER_NOT_VALID"),
        3 => Some("SERVER_UNAVAILABLE"),
        4 => Some("BAD_USER_NAME_OR_PASSWORD"),
        5 => Some("NOT_AUTHORIZED"),
        _ => name(code).or(Some("_OTHER")),
    }
}

static NAMES: [(u8, &str); 35] = [
    (0x80, "UNSPECIFIED_ERROR"),
    (0x81, "MALFORMED_PACKET"),
    (0x82, "PROTOCOL_ERROR"),
    (0x83, "IMPLEMENTATION_SPECIFIC_ERROR"),
    (0x84, "UNSUPPORTED_PROTOCOL_VERSION"),
    (0x85, "CLIENT_IDENTIFIER_NOT_VALID"),
    (0x86, "BAD_USER_NAME_OR_PASSWORD"),
    (0x87, "NOT_AUTHORIZED"),
    (0x88, "SERVER_UNAVAILABLE"),
    (0x89, "SERVER_BUSY"),
    (0x8a, "BANNED"),
    (0x8b, "SERVER_SHUTTING_DOWN"),
    (0x8c, "BAD_AUTHENTICATION_METHOD"),
    (0x8d, "KEEP_ALIVE_TIMEOUT"),
    (0x8e, "SESSION_TAKEN_OVER"),
    (0x8f, "TOPIC_FILTER_INVALID"),
    (0x90, "TOPIC_NAME_INVALID"),
    (0x91, "PACKET_IDENTIFIER_IN_USE"),
    (0x92, "PACKET_IDENTIFIER_NOT_FOUND"),
    (0x93, "RECEIVE_MAXIMUM_EXCEEDED"),
    (0x94, "TOPIC_ALIAS_INVALID"),
    (0x95, "PACKET_TOO_LARGE"),
    (0x96, "MESSAGE_RATE_TOO_HIGH"),
    (0x97, "QUOTA_EXCEEDED"),
    (0x98, "ADMINISTRATIVE_ACTION"),
    (0x99, "PAYLOAD_FORMAT_INVALID"),
    (0x9a, "RETAIN_NOT_SUPPORTED"),
    (0x9b, "QOS_NOT_SUPPORTED"),
    (0x9c, "USE_ANOTHER_SERVER"),
    (0x9d, "SERVER_MOVED"),
    (0x9e, "SHARED_SUBSCRIPTIONS_NOT_SUPPORTED"),
    (0x9f, "CONNECTION_RATE_EXCEEDED"),
    (0xa0, "MAXIMUM_CONNECT_TIME"),
    (0xa1, "SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED"),
    (0xa2, "WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED"),
];
