//! One message of MongoDB's wire protocol: what its head and the beginning of its body say.
//!
//! Layouts by the MongoDB wire protocol specification. Compressed bodies are read as far as their
//! beginning can be unpacked.

use super::document::{Document, Value};
use super::unpack::unpack;
use crate::cutter::{Head, Message};

/// Length, request id, the id it responds to, operation code: four times 32 bits.
pub(super) const HEAD_BYTES: usize = 16;
/// The longest message that servers take.
const MESSAGE_BYTES_MAX: u32 = 48_000_000;
/// Of a body, what is kept.
pub(super) const KEPT_BYTES: usize = 4096;

const OP_REPLY: u32 = 1;
const OP_QUERY: u32 = 2004;
const OP_COMPRESSED: u32 = 2012;
const OP_MSG: u32 = 2013;

/// Flags of `OP_MSG` that exist: checksum, more to come, exhaust allowed.
const FLAGS: u32 = 1 | MORE_TO_COME | 1 << 16;
const MORE_TO_COME: u32 = 2;

/// The fields of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) id: u32,
    pub(super) responds_to: u32,
    code: u32,
    body: u64,
}

/// What a body begins with, compressed or not.
#[derive(Debug)]
pub(super) struct Opened {
    code: u32,
    bytes: Vec<u8>,
}

/// What a command is.
#[derive(Debug, Default)]
pub(super) struct Command {
    /// Its name, as sent.
    pub(super) name: String,
    pub(super) collection: Option<String>,
    pub(super) database: Option<String>,
    /// Documents that come with it, if all of them were seen.
    pub(super) documents: Option<u32>,
    /// Nobody will answer it.
    pub(super) is_unanswered: bool,
    /// A part of what tells of it was not seen.
    pub(super) is_cut: bool,
}

pub(super) fn read_head(bytes: &[u8]) -> Head {
    if bytes.len() < HEAD_BYTES {
        return Head::More;
    }
    match fields(bytes) {
        Some(fields) => Head::Body {
            len: fields.body,
            keep: KEPT_BYTES,
        },
        None => Head::Wrong,
    }
}

/// Reads a head that may be one.
pub(super) fn fields(bytes: &[u8]) -> Option<Fields> {
    let word = |index: usize| {
        let bytes = bytes.get(4 * index..4 * index + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let (len, code) = (word(0)?, word(3)?);
    let body = len.checked_sub(16)?;
    let is_known = matches!(code, OP_MSG | OP_COMPRESSED | OP_QUERY | OP_REPLY);
    (is_known && body >= 5 && len <= MESSAGE_BYTES_MAX).then_some(Fields {
        id: word(1)?,
        responds_to: word(2)?,
        code,
        body: u64::from(body),
    })
}

impl Fields {
    /// Returns whether it is a client's: a request responds to nothing.
    pub(super) fn is_request(self) -> bool {
        self.responds_to == 0 && self.code != OP_REPLY
    }
}

/// Unpacks what was kept of a message.
pub(super) fn open(message: &Message) -> Option<Opened> {
    let fields = fields(message.head())?;
    open_body(fields.code, &message.body)
}

fn open_body(code: u32, body: &[u8]) -> Option<Opened> {
    if code != OP_COMPRESSED {
        let bytes = body.to_vec();
        return Some(Opened { code, bytes });
    }
    let (code, rest) = body.split_first_chunk()?;
    let (_, rest) = rest.split_first_chunk::<4>()?;
    let (method, packed) = rest.split_first()?;
    Some(Opened {
        code: u32::from_le_bytes(*code),
        bytes: unpack(*method, packed, KEPT_BYTES)?,
    })
}

/// Tells whether the bytes behind a head are a body that such a head has.
pub(super) fn is_body(fields: Fields, body: &[u8]) -> bool {
    match fields.code {
        OP_COMPRESSED => body.first_chunk().is_some_and(|code| {
            let code = u32::from_le_bytes(*code);
            matches!(code, OP_MSG | OP_QUERY | OP_REPLY) && body.get(8).is_none_or(|m| *m <= 3)
        }),
        code => {
            let bytes = body.to_vec();
            Opened { code, bytes }
                .document()
                .is_some_and(|(document, _)| document.begins_well())
        }
    }
}

impl Opened {
    /// Reads the command of a request.
    pub(super) fn command(&self) -> Option<Command> {
        let (document, flags) = self.document()?;
        let mut command = Command {
            is_unanswered: self.code == OP_MSG && flags & MORE_TO_COME != 0,
            ..Command::default()
        };
        if self.code == OP_QUERY {
            command.database = self.query_database();
        }
        let mut elements = document.elements();
        let (name, value) = elements.next()?;
        command.name = text(name)?;
        command.collection = value.text().and_then(text);
        for (key, value) in elements.by_ref() {
            match (key, value) {
                (b"$db", value) => command.database = value.text().and_then(text),
                (b"collection", value) if command.name == "getMore" => {
                    command.collection = value.text().and_then(text);
                }
                (b"documents" | b"updates" | b"deletes", Value::List(count)) => {
                    command.documents = count;
                }
                _ => {}
            }
        }
        command.is_cut = !elements.is_complete();
        if self.code == OP_MSG && elements.is_complete() {
            command.documents = command.documents.or(self.sequence(document.len()));
        }
        // Of commands that name no collection, the value is a number.
        Some(command)
    }

    /// Returns the code of the error that a response tells of, as text.
    pub(super) fn error(&self) -> Option<String> {
        let (document, _) = self.document()?;
        let (mut is_failed, mut code, mut name) = (false, None, None);
        for (key, value) in document.elements() {
            match key {
                b"ok" => is_failed |= value.number() == Some(0),
                b"code" => code = value.number(),
                b"codeName" => name = value.text().and_then(text),
                // Its documents say `code` as well; what matters is that a write failed.
                b"writeErrors" => {
                    is_failed = true;
                    code = code.or(value.first_error());
                }
                _ => {}
            }
        }
        let told = name.or_else(|| code.map(|code| code.to_string()));
        is_failed.then(|| told.unwrap_or_else(|| crate::database::OTHER.to_owned()))
    }

    /// Returns the document that says what it is about, and the flags before it.
    fn document(&self) -> Option<(Document<'_>, u32)> {
        let (flags, rest) = self.bytes.split_first_chunk()?;
        let flags = u32::from_le_bytes(*flags);
        match self.code {
            OP_MSG => {
                let (kind, rest) = rest.split_first()?;
                // A sequence of documents may come first.
                let rest = if *kind == 1 {
                    let len = u32::from_le_bytes(*rest.first_chunk()?) as usize;
                    let (kind, rest) = rest.get(len..)?.split_first()?;
                    (*kind == 0).then_some(rest)?
                } else {
                    (*kind == 0).then_some(rest)?
                };
                (flags & !FLAGS == 0).then_some((Document::new(rest)?, flags))
            }
            OP_QUERY => {
                let end = memchr::memchr(0, rest)?;
                let document = rest.get(end + 1 + 8..)?;
                Some((Document::new(document)?, 0))
            }
            OP_REPLY => Some((Document::new(rest.get(16..)?)?, 0)),
            _ => None,
        }
    }

    /// The database in the name of a collection: `admin.$cmd`.
    fn query_database(&self) -> Option<String> {
        let name = self.bytes.get(4..)?;
        let name = &name[..memchr::memchr(b'.', name)?];
        text(name)
    }

    /// Counts the documents of the sequence behind the command, if all of it is here.
    fn sequence(&self, command_len: usize) -> Option<u32> {
        let rest = self.bytes.get(5 + command_len..)?;
        let (kind, rest) = rest.split_first()?;
        if *kind != 1 {
            return None;
        }
        let len = u32::from_le_bytes(*rest.first_chunk()?) as usize;
        let section = rest.get(4..len)?;
        let mut documents = &section[memchr::memchr(0, section)? + 1..];
        let mut count = 0;
        while !documents.is_empty() {
            let len = u32::from_le_bytes(*documents.first_chunk()?) as usize;
            documents = documents.get(len.max(5)..)?;
            count += 1;
        }
        Some(count)
    }
}

/// A name: what else there is under a key is nobody's business.
fn text(bytes: &[u8]) -> Option<String> {
    const NAME_BYTES_MAX: usize = 255;
    let is_name = !bytes.is_empty()
        && bytes.len() <= NAME_BYTES_MAX
        && bytes.iter().all(|byte| *byte >= b' ' && *byte != 0x7f);
    let name = std::str::from_utf8(bytes).ok().filter(|_| is_name)?;
    Some(name.to_owned())
}
