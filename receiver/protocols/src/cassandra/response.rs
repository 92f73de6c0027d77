//! What a response says.

use std::borrow::Cow;

use super::body::{number, short};
use super::frame::{AUTHENTICATE, ERROR, Frame, READY, RESULT};
use crate::database::OTHER;

/// Kinds of results.
const KEYSPACE: u32 = 3;
const PREPARED: u32 = 4;

/// What is of interest in a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The connection is open, or the client has to say who it is.
    LetIn,
    /// The connection works in this keyspace now.
    Keyspace(String),
    /// A statement is known by this id.
    Prepared(Vec<u8>),
    /// It failed with this code.
    Failed(Cow<'static, str>),
    /// Anything else.
    Done,
}

/// Reads a response.
pub(super) fn read(frame: &Frame) -> Answer {
    let mut rest = frame.body.as_slice();
    match frame.kind {
        READY | AUTHENTICATE => Answer::LetIn,
        ERROR => Answer::Failed(match number::<4>(&mut rest) {
            Some(code) => Cow::Owned(code.to_string()),
            None => Cow::Borrowed(OTHER),
        }),
        RESULT => match (number::<4>(&mut rest), short(&mut rest)) {
            (Some(KEYSPACE), Some(name)) => {
                Answer::Keyspace(String::from_utf8_lossy(name).into_owned())
            }
            (Some(PREPARED), Some(id)) => Answer::Prepared(id.to_vec()),
            _ => Answer::Done,
        },
        _ => Answer::Done,
    }
}
