//! What the packets of one answer say: where it ends, and whether it is an error.
//!
//! Whether the server ends lists of columns with a packet of their own is agreed at the login; if
//! that was not seen, the packets show it.

use std::borrow::Cow;

use super::packet::{Packet, counted, number};
use crate::database::OTHER;

/// Flags of the server.
const MORE_RESULTS: u64 = 0x0008;
const CURSOR: u64 = 0x0040;
const NO_BACKSLASH: u64 = 0x0200;
/// A list of columns is ended by this, a list of rows too.
const EOF_BYTES: u64 = 5;
/// The shortest answer that says that something is done.
const OK_BYTES: u64 = 7;
/// What MariaDB writes for a code when it only tells how far it has come.
const PROGRESS: u64 = 0xffff;

/// What is agreed about answers, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Agreed {
    /// Lists of columns have no packet at their end.
    pub(super) without_ends: Option<bool>,
    /// The server says whether columns follow.
    pub(super) may_lack_columns: bool,
}

/// How an answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Results, each of them done, failed, or columns and rows.
    Results,
    /// Columns of a result: so many are due.
    Columns(u64),
    /// The end of the columns, or the first row.
    ColumnsEnd,
    /// Rows up to their end.
    Rows,
    /// A prepared statement.
    Prepared,
    /// Its parameters and columns: so many are due, in so many lists.
    Lists {
        left: u64,
        ends: u8,
        is_agreed: bool,
    },
    /// One packet.
    Single,
    /// Questions about the password, and whether it is right.
    Login,
}

/// What a packet of an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// More is due.
    GoesOn,
    /// The client's turn is in between: a file, a password.
    Asks,
    /// A file of the client's is asked for.
    AsksFile,
    /// That was the last packet.
    Done,
    /// That was the last packet, and it is an error.
    Failed(Cow<'static, str>),
    /// A server does not say this here.
    Nonsense,
}

impl Answer {
    /// Takes the next packet.
    pub(super) fn take(&mut self, packet: &Packet<'_>, agreed: Agreed) -> Said {
        if packet.kind == Some(0xff) && !matches!(self, Self::Columns(_)) {
            return failed(packet);
        }
        match self {
            Self::Single => Said::Done,
            Self::Login => match packet.kind {
                Some(0) => Said::Done,
                _ => Said::Asks,
            },
            Self::Results => self.result(packet, agreed),
            Self::Columns(left) => {
                *left -= 1;
                if *left == 0 {
                    *self = Self::ColumnsEnd;
                }
                Said::GoesOn
            }
            Self::ColumnsEnd if is_eof(packet) => {
                *self = Self::Rows;
                match status(packet) {
                    Some(status) if status & CURSOR != 0 => self.end(status),
                    _ => Said::GoesOn,
                }
            }
            Self::ColumnsEnd | Self::Rows => {
                *self = Self::Rows;
                if packet.kind != Some(0xfe) || packet.goes_on() {
                    return Said::GoesOn;
                }
                self.end(status(packet).unwrap_or_default())
            }
            Self::Prepared => self.prepared(packet, agreed),
            Self::Lists {
                left,
                ends,
                is_agreed,
            } => {
                if is_eof(packet) {
                    *ends = ends.saturating_sub(1);
                    // One end shows that there is another.
                    *is_agreed = true;
                } else {
                    *left = left.saturating_sub(1);
                }
                if *left == 0 && (*ends == 0 || !*is_agreed) {
                    Said::Done
                } else {
                    Said::GoesOn
                }
            }
        }
    }

    fn result(&mut self, packet: &Packet<'_>, agreed: Agreed) -> Said {
        match packet.kind {
            Some(0) if packet.len >= OK_BYTES => self.end(status(packet).unwrap_or_default()),
            Some(0) if agreed.may_lack_columns => {
                *self = Self::ColumnsEnd;
                Said::GoesOn
            }
            Some(0xfb) => Said::AsksFile,
            Some(kind) if kind != 0 && packet.len <= 10 => {
                let count = [&[kind], packet.rest].concat();
                let mut rest = count.as_slice();
                let first = counted(&mut rest);
                let (count, follow) = match (first, rest) {
                    (Some(_), [count]) if agreed.may_lack_columns => (u64::from(*count), true),
                    (Some(count), []) => (count, true),
                    (Some(count), [follow]) => (count, *follow != 0),
                    _ => return Said::Nonsense,
                };
                *self = if follow && count > 0 {
                    Self::Columns(count)
                } else {
                    Self::ColumnsEnd
                };
                Said::GoesOn
            }
            _ => Said::Nonsense,
        }
    }

    fn prepared(&mut self, packet: &Packet<'_>, agreed: Agreed) -> Said {
        let mut rest = packet.rest.get(4..).unwrap_or_default();
        let (Some(0), Some(columns), Some(parameters)) =
            (packet.kind, number::<2>(&mut rest), number::<2>(&mut rest))
        else {
            return Said::Nonsense;
        };
        let lacks_columns = agreed.may_lack_columns && packet.rest.get(11) == Some(&0);
        let left = columns + parameters;
        if left == 0 || lacks_columns {
            return Said::Done;
        }
        let ends = match agreed.without_ends {
            Some(true) => 0,
            _ => u8::from(columns > 0) + u8::from(parameters > 0),
        };
        *self = Self::Lists {
            left,
            ends,
            is_agreed: agreed.without_ends.is_some(),
        };
        Said::GoesOn
    }

    /// The end of one result; another may follow.
    fn end(&mut self, status: u64) -> Said {
        if status & MORE_RESULTS == 0 {
            return Said::Done;
        }
        *self = Self::Results;
        Said::GoesOn
    }
}

/// Returns the number of a statement that was prepared.
pub(super) fn prepared_number(packet: &Packet<'_>) -> Option<u32> {
    let mut rest = packet.rest;
    let number = number::<4>(&mut rest).filter(|_| packet.kind == Some(0))?;
    u32::try_from(number).ok()
}

/// Returns whether backslashes escape nothing from now on, if the packet tells.
pub(super) fn is_plain(packet: &Packet<'_>) -> Option<bool> {
    let is_done = packet.kind == Some(0) && packet.len >= OK_BYTES;
    let status = status(packet).filter(|_| is_done || is_eof(packet))?;
    Some(status & NO_BACKSLASH != 0)
}

/// Returns whether the very last bytes of an answer, of which a part was not seen, end it.
pub(super) fn ends(tail: &[u8]) -> bool {
    // The end of rows: a length, a number, a mark, then warnings and flags or the reverse.
    let flags = match tail {
        [.., 0, 0, _, 0xfe, _, _, low, high] | [.., _, 0xfe, 0, 0, low, high, _, _] => {
            [*low, *high]
        }
        _ => return false,
    };
    let flags = u16::from_le_bytes(flags);
    flags & 0x0008 == 0 && flags & 0x0003 != 0 && flags < 0x4000
}

fn is_eof(packet: &Packet<'_>) -> bool {
    packet.kind == Some(0xfe) && packet.len == EOF_BYTES
}

/// Returns the flags of a packet that ends something.
fn status(packet: &Packet<'_>) -> Option<u64> {
    let mut rest = packet.rest;
    if is_eof(packet) {
        number::<2>(&mut rest)?;
    } else {
        counted(&mut rest)?;
        counted(&mut rest)?;
    }
    number::<2>(&mut rest)
}

fn failed(packet: &Packet<'_>) -> Said {
    let mut rest = packet.rest;
    match number::<2>(&mut rest) {
        Some(PROGRESS) => Said::GoesOn,
        Some(code) if code > 0 => Said::Failed(Cow::Owned(code.to_string())),
        _ => Said::Failed(Cow::Borrowed(OTHER)),
    }
}
