//! One message of DNS (RFC 1035), from its front: header, question, addresses among the answers.
//!
//! Strict, because a message is also how DNS is recognised: what a resolver would never send is no
//! message. Names behind the question are passed over and never followed, so no pointer can lead
//! astray. Nothing is kept of records that hold no address.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A message has at least this header.
pub(super) const HEADER_BYTES: usize = 12;
/// The longest name, in bytes on the wire.
const NAME_BYTES_MAX: usize = 255;
/// The longest part of a name.
const LABEL_BYTES_MAX: usize = 63;
/// The most answers that are looked at.
const ANSWERS_MAX: usize = 32;
/// The most records of a section that is no answer; a zone transfer has more, and answers only.
const OTHERS_MAX: u16 = 256;

const RESPONSE: u16 = 1 << 15;
const TRUNCATED: u16 = 1 << 9;
const RESERVED: u16 = 1 << 6;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
/// A bit of the class that multicast DNS uses for itself.
const MULTICAST_BIT: u16 = 1 << 15;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// The name in lower case, without the dot at its end; `.` for the root.
    pub name: String,
    /// The type of record.
    pub kind: u16,
}

/// What could be read of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Which query it is, or is the answer to.
    pub id: u16,
    /// Whether it is an answer.
    pub is_response: bool,
    /// Whether the answer did not fit, and is to be asked for over TCP.
    pub is_truncated: bool,
    /// The code of the answer; 0 in queries.
    pub code: u8,
    /// What is asked for; an error may leave it out.
    pub question: Option<Question>,
    /// How many records answer.
    pub answer_count: u16,
    /// Their addresses, as far as they are here, 32 at most.
    pub addresses: Vec<String>,
}

/// Reads the front of a message that has `len` bytes on the wire; `None` if it is none, or the
/// question is not all here.
pub fn read(bytes: &[u8], len: usize) -> Option<Message> {
    let mut rest = bytes;
    let header = [(); HEADER_BYTES / 2].map(|()| take_u16(&mut rest));
    let [id, flags, questions, answers, authorities, additions] = header;
    let (flags, answer_count) = (flags?, answers?);
    let is_response = flags & RESPONSE != 0;
    let code = u8::try_from(flags & 0xf).expect("four bits");
    let may_answer = is_response || answer_count == 0;
    let is_sane = flags & RESERVED == 0
        && matches!(flags >> 11 & 0xf, 0 | 4 | 5)
        && (is_response || code == 0)
        && may_answer
        && authorities? <= OTHERS_MAX
        && additions? <= OTHERS_MAX;
    if !is_sane {
        return None;
    }
    let question = match questions? {
        0 if is_response && code != 0 => None,
        1 => Some(take_question(&mut rest)?),
        _ => return None,
    };
    if len < bytes.len() - rest.len() {
        return None;
    }
    Some(Message {
        id: id?,
        is_response,
        is_truncated: flags & TRUNCATED != 0,
        code,
        question,
        answer_count,
        addresses: addresses(rest, answer_count),
    })
}

fn take_question(rest: &mut &[u8]) -> Option<Question> {
    let mut name = String::new();
    loop {
        let (length, after) = rest.split_first()?;
        let length = usize::from(*length);
        if length == 0 {
            *rest = after;
            break;
        }
        // Nothing stands before a question that a pointer could lead to.
        if length > LABEL_BYTES_MAX || name.len() + length + 1 > NAME_BYTES_MAX {
            return None;
        }
        let (label, after) = after.split_at_checked(length)?;
        if !label.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            return None;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.extend(
            label
                .iter()
                .map(|byte| char::from(byte.to_ascii_lowercase())),
        );
        *rest = after;
    }
    if name.is_empty() {
        name.push('.');
    }
    let kind = take_u16(rest)?;
    let class = take_u16(rest)? & !MULTICAST_BIT;
    let is_known = kind != 0 && matches!(class, 1 | 3 | 4 | 254 | 255);
    is_known.then_some(Question { name, kind })
}

fn addresses(mut rest: &[u8], count: u16) -> Vec<String> {
    let mut found = Vec::new();
    for _ in 0..usize::from(count).min(ANSWERS_MAX) {
        let Some((kind, data)) = take_record(&mut rest) else {
            break;
        };
        if let (TYPE_A, Ok(four)) = (kind, <[u8; 4]>::try_from(data)) {
            found.push(Ipv4Addr::from(four).to_string());
        } else if let (TYPE_AAAA, Ok(sixteen)) = (kind, <[u8; 16]>::try_from(data)) {
            found.push(Ipv6Addr::from(sixteen).to_string());
        }
    }
    found
}

/// Takes a record: its type, and its data.
fn take_record<'a>(rest: &mut &'a [u8]) -> Option<(u16, &'a [u8])> {
    pass_name(rest)?;
    let kind = take_u16(rest)?;
    let (_class_and_ttl, after) = rest.split_at_checked(6)?;
    *rest = after;
    let length = take_u16(rest)?;
    let (data, after) = rest.split_at_checked(usize::from(length))?;
    *rest = after;
    Some((kind, data))
}

/// Passes a name: it ends with an empty part or with a pointer.
fn pass_name(rest: &mut &[u8]) -> Option<()> {
    loop {
        let (length, after) = rest.split_first()?;
        match length {
            0 => {
                *rest = after;
                return Some(());
            }
            0xc0.. => {
                *rest = after.get(1..)?;
                return Some(());
            }
            0x40.. => return None,
            _ => *rest = after.get(usize::from(*length)..)?,
        }
    }
}

fn take_u16(rest: &mut &[u8]) -> Option<u16> {
    let (two, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u16::from_be_bytes(*two))
}
