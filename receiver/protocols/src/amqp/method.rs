//! The methods of AMQP 0.9.1 that tell something.

use super::frame::Cursor;

/// Class and number of a method.
pub(super) type Id = (u16, u16);

pub(super) const GET: Id = (60, 70);
pub(super) const CONFIRM_SELECT: Id = (85, 10);

/// A method, read.
#[derive(Debug)]
pub(super) enum Method<'a> {
    /// The client says who it is, and proves it.
    StartOk {
        name: Option<&'a [u8]>,
    },
    /// The client enters a virtual host.
    Open {
        host: &'a [u8],
    },
    /// It may.
    OpenOk,
    /// An end says why the connection ends.
    ConnectionClose {
        code: u16,
    },
    /// An end says why a channel ends.
    ChannelClose {
        code: u16,
    },
    /// The client wants something done.
    Ask(Ask<'a>),
    /// It was.
    Done {
        of: Id,
    },
    Publish {
        exchange: &'a [u8],
        key: &'a [u8],
    },
    Deliver(Delivery<'a>),
    /// A message was there, and follows.
    GetOk(Delivery<'a>),
    /// Nothing was there.
    GetEmpty,
    /// What was published reached no queue, and comes back.
    Return {
        code: u16,
        key: &'a [u8],
    },
    Settle {
        how: &'static str,
        tag: u64,
        is_multiple: bool,
    },
    Other,
}

/// What a client wants done.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) id: Id,
    pub(super) name: &'static str,
    /// The queue or exchange that it is about.
    pub(super) about: &'a [u8],
    pub(super) key: &'a [u8],
    pub(super) consumer: &'a [u8],
    /// Messages are not acknowledged.
    pub(super) is_auto: bool,
    /// No answer is wanted.
    pub(super) no_wait: bool,
}

/// A message that comes.
#[derive(Debug)]
pub(super) struct Delivery<'a> {
    pub(super) consumer: &'a [u8],
    pub(super) tag: u64,
    pub(super) exchange: &'a [u8],
    pub(super) key: &'a [u8],
}

/// Reads the body of a method frame, of which the end may be missing.
pub(super) fn read(body: &[u8]) -> Option<Method<'_>> {
    let mut cursor = Cursor { rest: body };
    let id = (cursor.u16()?, cursor.u16()?);
    let read = match id {
        (10, 11) => {
            let mut properties = cursor.table()?;
            let name = properties.find(|(key, _)| *key == b"connection_name");
            Method::StartOk {
                name: name.map(|(_, value)| value),
            }
        }
        (10, 40) => Method::Open {
            host: cursor.short()?,
        },
        (10, 41) => Method::OpenOk,
        (10, 50) => Method::ConnectionClose {
            code: cursor.u16()?,
        },
        (20, 40) => Method::ChannelClose {
            code: cursor.u16()?,
        },
        (60, _) => return basic(id, &mut cursor),
        _ => return other(id, &mut cursor),
    };
    Some(read)
}

fn basic<'a>(id: Id, cursor: &mut Cursor<'a>) -> Option<Method<'a>> {
    let settle = |how, cursor: &mut Cursor<'a>, has_multiple: bool| {
        let (tag, bits) = (cursor.u64()?, cursor.u8()?);
        Some(Method::Settle {
            how,
            tag,
            is_multiple: has_multiple && bits & 1 != 0,
        })
    };
    match id.1 {
        40 => {
            cursor.u16()?;
            Some(Method::Publish {
                exchange: cursor.short()?,
                key: cursor.short()?,
            })
        }
        50 => {
            let code = cursor.u16()?;
            cursor.short()?;
            cursor.short()?;
            let key = cursor.short()?;
            Some(Method::Return { code, key })
        }
        60 => {
            let consumer = cursor.short()?;
            delivery(consumer, cursor).map(Method::Deliver)
        }
        71 => delivery(&[], cursor).map(Method::GetOk),
        72 => Some(Method::GetEmpty),
        80 => settle("ack", cursor, true),
        90 => settle("reject", cursor, false),
        120 => settle("nack", cursor, true),
        _ => other(id, cursor),
    }
}

fn delivery<'a>(consumer: &'a [u8], cursor: &mut Cursor<'a>) -> Option<Delivery<'a>> {
    let tag = cursor.u64()?;
    cursor.u8()?;
    Some(Delivery {
        consumer,
        tag,
        exchange: cursor.short()?,
        key: cursor.short()?,
    })
}

/// Reads a request, or an answer to one.
fn other<'a>(id: Id, cursor: &mut Cursor<'a>) -> Option<Method<'a>> {
    match layout(id) {
        Some(layout) => fill(id, layout, cursor).map(Method::Ask),
        None if is_answer(id) => Some(Method::Done {
            of: (id.0, id.1 - if id == (40, 51) { 11 } else { 1 }),
        }),
        None => Some(Method::Other),
    }
}

/// What a request is called, what it is made of, and the bit that says that no answer is wanted.
type Layout = (&'static str, &'static str, u8);

fn layout(id: Id) -> Option<Layout> {
    // What follows: `2` two reserved bytes, `q` what it is about, `s` a text, `k` a key, `c` a
    // consumer, `6` six bytes; then bits.
    Some(match id {
        (20, 10) => ("channel.open", "", 0),
        (20, 20) => ("channel.flow", "", 0),
        (40, 10) => ("exchange.declare", "2qs", 0b1_0000),
        (40, 20) => ("exchange.delete", "2q", 0b10),
        (40, 30) => ("exchange.bind", "2qsk", 0b1),
        (40, 40) => ("exchange.unbind", "2qsk", 0b1),
        (50, 10) => ("queue.declare", "2q", 0b1_0000),
        (50, 20) => ("queue.bind", "2qsk", 0b1),
        (50, 30) => ("queue.purge", "2q", 0b1),
        (50, 40) => ("queue.delete", "2q", 0b100),
        (50, 50) => ("queue.unbind", "2qsk", 0),
        (60, 10) => ("qos", "6", 0),
        (60, 20) => ("consume", "2qc", 0b1000),
        (60, 30) => ("cancel", "c", 0b1),
        GET => ("get", "2q", 0),
        (60, 110) => ("recover", "", 0),
        CONFIRM_SELECT => ("confirm.select", "", 0b1),
        (90, 10) => ("tx.select", "", 0),
        (90, 20) => ("tx.commit", "", 0),
        (90, 30) => ("tx.rollback", "", 0),
        _ => return None,
    })
}

fn fill<'a>(id: Id, (name, layout, no_wait): Layout, cursor: &mut Cursor<'a>) -> Option<Ask<'a>> {
    let mut ask = Ask {
        id,
        name,
        about: &[],
        key: &[],
        consumer: &[],
        is_auto: false,
        no_wait: false,
    };
    for field in layout.bytes() {
        match field {
            b'2' => drop(cursor.take(2)?),
            b'6' => drop(cursor.take(6)?),
            b'q' => ask.about = cursor.short()?,
            b'k' => ask.key = cursor.short()?,
            b'c' => ask.consumer = cursor.short()?,
            _ => drop(cursor.short()?),
        }
    }
    let bits = cursor.u8().unwrap_or(0);
    ask.no_wait = bits & no_wait != 0;
    ask.is_auto = match name {
        "consume" => bits & 0b10 != 0,
        "get" => bits & 0b1 != 0,
        _ => false,
    };
    Some(ask)
}

/// Returns whether a method answers a request.
fn is_answer((class, method): Id) -> bool {
    match class {
        20 => matches!(method, 11 | 21),
        40 => matches!(method, 11 | 21 | 31 | 51),
        50 => matches!(method, 11 | 21 | 31 | 41 | 51),
        60 => matches!(method, 11 | 21 | 31 | 111),
        85 => method == 11,
        90 => matches!(method, 11 | 21 | 31),
        _ => false,
    }
}

/// Returns whether only a client sends a method, and whether only a server does.
pub(super) fn sender(id: Id) -> Option<(bool, bool)> {
    let is_of_client = layout(id).is_some() && id != (20, 20)
        || matches!(id, (10, 11 | 21 | 31 | 40) | (60, 40 | 90 | 100));
    let is_of_server = is_answer(id) && id != (20, 21)
        || matches!(
            id,
            (10, 10 | 20 | 30 | 41 | 60 | 61) | (60, 50 | 60 | 71 | 72)
        );
    let is_of_either = matches!(id, (10, 50 | 51) | (20, 20 | 21 | 40 | 41) | (60, 80 | 120));
    (is_of_client || is_of_server || is_of_either).then_some((is_of_client, is_of_server))
}

/// Returns the name of a reply code.
pub(super) fn reply(code: u16) -> &'static str {
    match code {
        311 => "CONTENT_TOO_LARGE",
        312 => "NO_ROUTE",
        313 => "NO_CONSUMERS",
        320 => "CONNECTION_FORCED",
        402 => "INVALID_PATH",
        403 => "ACCESS_REFUSED",
        404 => "NOT_FOUND",
        405 => "RESOURCE_LOCKED",
        406 => "PRECONDITION_FAILED",
        501 => "FRAME_ERROR",
        502 => "SYNTAX_ERROR",
        503 => "COMMAND_INVALID",
        504 => "CHANNEL_ERROR",
        505 => "UNEXPECTED_FRAME",
        506 => "RESOURCE_ERROR",
        530 => "NOT_ALLOWED",
        540 => "NOT_IMPLEMENTED",
        541 => "INTERNAL_ERROR",
        _ => "_OTHER",
    }
}
