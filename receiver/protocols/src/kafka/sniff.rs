//! Recognises requests and answers. Keeps no state.
//!
//! No request begins with a signature, so all of its head must make sense: a length that is that of
//! the bytes, a kind and a version that exist, and a name of printable letters.

use super::{api, request};
use crate::{
    conversation::Toward,
    recognition::{Beginning, Begins},
};

/// Longer messages are not believed; brokers take 100 MiB unless told otherwise.
pub(super) const MESSAGE_BYTES_MAX: u32 = 512 << 20;
/// Newer versions than are known may be spoken.
const NEWER: i16 = 2;
/// Length, key, version, correlation id and the length of the client's name.
const HEAD_BYTES: usize = 14;
const CLIENT_BYTES_MAX: usize = 255;
/// The first version of Produce that brokers of today take. Older ones look like `ZooKeeper`.
const PRODUCE: i16 = api::PRODUCE;

pub(super) fn begins(beginning: &Beginning<'_>) -> Begins {
    let bytes = beginning.bytes;
    let request = match beginning.toward {
        Some(Toward::Client) => Begins::No,
        _ => as_request(bytes, beginning.len),
    };
    if request != Begins::No || beginning.toward == Some(Toward::Server) {
        return request;
    }
    as_answer(bytes, beginning.len)
}

fn as_request(bytes: &[u8], len: usize) -> Begins {
    let Some(size) = size(bytes) else {
        return maybe(bytes.first().is_none_or(|first| *first < 0x20));
    };
    if !(10..=MESSAGE_BYTES_MAX).contains(&size) {
        return Begins::No;
    }
    let Some(head) = bytes.first_chunk::<HEAD_BYTES>() else {
        return maybe(is_head_so_far(bytes));
    };
    if !is_request(bytes) {
        return Begins::No;
    }
    let client = usize::from(u16::from_be_bytes([head[12], head[13]]));
    let is_named = head[12] != 0xff && client > 0;
    let key = i16::from_be_bytes([head[4], head[5]]);
    if !is_named && key == PRODUCE {
        return Begins::No;
    }
    if is_named && size as usize + 4 == len && bytes.len() >= HEAD_BYTES + client {
        Begins::Surely(Toward::Server)
    } else {
        Begins::Perhaps(Toward::Server)
    }
}

fn as_answer(bytes: &[u8], len: usize) -> Begins {
    match (size(bytes), bytes.get(4)) {
        (Some(size), Some(first)) => {
            let fits = (4..=MESSAGE_BYTES_MAX).contains(&size) && size as usize + 4 == len;
            if fits && *first < 0x80 {
                Begins::Perhaps(Toward::Client)
            } else {
                Begins::No
            }
        }
        (Some(size), None) => maybe((4..=MESSAGE_BYTES_MAX).contains(&size)),
        _ => maybe(bytes.first().is_none_or(|first| *first < 0x20)),
    }
}

/// Tells whether the head of a request is here, and makes sense.
pub(super) fn is_request(bytes: &[u8]) -> bool {
    let (Some(head), Some(size)) = (request::head(bytes), size(bytes)) else {
        return false;
    };
    let is_known = (0..=head.api.newest + NEWER).contains(&head.version);
    is_known
        && head.correlation >= 0
        && (10..=MESSAGE_BYTES_MAX).contains(&size)
        && is_client(&bytes[12..], size as usize - 8)
}

/// Tells whether a name of printable letters begins here, or null.
fn is_client(bytes: &[u8], room: usize) -> bool {
    match bytes {
        [0xff, 0xff, ..] => true,
        [high, low, name @ ..] => {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            let seen = &name[..name.len().min(len)];
            let is_printable = seen.iter().all(|byte| matches!(byte, 0x20..=0x7e | 0x80..));
            len <= CLIENT_BYTES_MAX && len + 2 <= room && is_printable
        }
        _ => false,
    }
}

/// Tells whether bytes from the fifth on may become a head.
fn is_head_so_far(bytes: &[u8]) -> bool {
    let key = bytes
        .get(4..6)
        .map(|key| i16::from_be_bytes([key[0], key[1]]));
    key.is_none_or(|key| api::find(key).is_some())
}

fn size(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|size| u32::from_be_bytes(*size))
}

fn maybe(is_so: bool) -> Begins {
    if is_so { Begins::Maybe } else { Begins::No }
}
