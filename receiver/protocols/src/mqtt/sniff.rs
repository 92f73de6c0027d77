//! Recognises MQTT. Only CONNECT has a signature; others need one in kind from the other end.

use super::packet::{
    CONNACK, CONNECT, Cursor, PINGREQ, PINGRESP, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, SUBACK,
    SUBSCRIBE, UNSUBACK, UNSUBSCRIBE, head, is_first,
};
use crate::{
    conversation::Toward,
    cutter::Head,
    recognition::{Beginning, Begins},
};

/// The longest head of a packet.
const HEAD_BYTES: usize = 5;

pub(super) fn begins(beginning: &Beginning<'_>) -> Begins {
    let bytes = beginning.bytes;
    let Some((first, body, len)) = packet(bytes) else {
        let is_fine = bytes.first().is_none_or(|first| is_first(*first));
        let is_short = bytes.len() < HEAD_BYTES && bytes.len() == beginning.len;
        return if is_fine && is_short {
            Begins::Maybe
        } else {
            Begins::No
        };
    };
    if first >> 4 == CONNECT {
        return connect(body);
    }
    let is_whole = bytes.len() - body.len() + len <= beginning.len;
    if !is_whole || !is_packet(first, body, len) || !is_followed(body, len) {
        return Begins::No;
    }
    match first >> 4 {
        SUBSCRIBE | UNSUBSCRIBE | PINGREQ => Begins::Perhaps(Toward::Server),
        CONNACK | SUBACK | UNSUBACK | PINGRESP => Begins::Perhaps(Toward::Client),
        PUBLISH | PUBREL => Begins::Perhaps(beginning.toward.unwrap_or(Toward::Server)),
        _ => Begins::Perhaps(beginning.toward.unwrap_or(Toward::Client)),
    }
}

/// Tells whether bytes begin with a packet, where it is not known where packets begin.
pub(super) fn is_start(bytes: &[u8]) -> bool {
    packet(bytes).is_some_and(|(first, body, len)| {
        is_packet(first, body, len) && (len >= body.len() || is_followed(body, len))
    })
}

/// Returns the first byte, what is here of the body and what follows, and the body's length.
fn packet(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    for end in 2..=bytes.len().min(HEAD_BYTES) {
        if let Head::Body { len, .. } = head(&bytes[..end]) {
            return Some((bytes[0], &bytes[end..], usize::try_from(len).ok()?));
        }
    }
    None
}

fn connect(body: &[u8]) -> Begins {
    const NAMES: [&[u8]; 3] = [b"\0\x04MQTT\x04", b"\0\x04MQTT\x05", b"\0\x06MQIsdp\x03"];
    if NAMES.iter().any(|name| body.starts_with(name)) {
        return Begins::Surely(Toward::Server);
    }
    if NAMES.iter().any(|name| name.starts_with(body)) {
        Begins::Maybe
    } else {
        Begins::No
    }
}

/// Tells whether what follows a packet may be another one.
fn is_followed(body: &[u8], len: usize) -> bool {
    body.get(len).is_none_or(|next| is_first(*next))
}

/// Tells whether a body makes sense.
fn is_packet(first: u8, body: &[u8], len: usize) -> bool {
    let mut cursor = Cursor {
        rest: &body[..body.len().min(len)],
    };
    match first >> 4 {
        PUBLISH => {
            let topic = cursor.text().is_some_and(|topic| is_topic(topic, false));
            let has_id = first & 0b0110 != 0;
            topic && (!has_id || cursor.number().is_some_and(|id| id != 0))
        }
        SUBSCRIBE | UNSUBSCRIBE => {
            let id = cursor.number().is_some_and(|id| id != 0);
            // Version 5 has properties first, mostly none.
            if len > 5 && cursor.rest.first() == Some(&0) && cursor.rest.get(1) == Some(&0) {
                cursor.byte();
            }
            id && cursor.text().is_some_and(|topic| is_topic(topic, true))
        }
        PUBACK | PUBREC | PUBREL | PUBCOMP => {
            (2..=4).contains(&len) && cursor.number().is_some_and(|id| id != 0)
        }
        SUBACK => len >= 3 && cursor.number().is_some_and(|id| id != 0),
        UNSUBACK => len >= 2 && cursor.number().is_some_and(|id| id != 0),
        CONNACK => len >= 2 && cursor.byte().is_some_and(|flags| flags <= 1),
        PINGREQ | PINGRESP => len == 0,
        CONNECT => true,
        _ => false,
    }
}

fn is_topic(topic: &[u8], is_filter: bool) -> bool {
    let is_printable = str::from_utf8(topic).is_ok_and(|topic| !topic.contains(char::is_control));
    let has_wildcard = topic.iter().any(|byte| matches!(byte, b'+' | b'#'));
    !topic.is_empty() && is_printable && (is_filter || !has_wildcard)
}
