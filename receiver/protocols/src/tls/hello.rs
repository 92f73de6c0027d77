//! The two hellos of a handshake: names and versions, from a prefix.
//!
//! Fields that are not whole are left out; a name that was cut off is no name.

use super::{RECORD_HEAD, reader::Reader};

/// Names longer than a host's can be are not believed.
const NAME_BYTES_MAX: usize = 253;
/// Application protocols that are remembered of an offer, and how long one may be.
const OFFERS_MAX: usize = 8;
const OFFER_BYTES_MAX: usize = 32;
/// The head of a handshake message: its type and a length of three bytes.
const MESSAGE_HEAD: usize = 4;
const RANDOM_BYTES: usize = 32;

const SERVER_NAME: u16 = 0;
const APPLICATION_PROTOCOLS: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// SSL 3.0.
    Ssl3,
    /// TLS 1.0.
    Tls10,
    /// TLS 1.1.
    Tls11,
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl Version {
    /// Returns `tls.protocol.version`.
    pub fn number(self) -> &'static str {
        match self {
            Self::Ssl3 => "3.0",
            Self::Tls10 => "1.0",
            Self::Tls11 => "1.1",
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }

    /// Returns `tls.protocol.name`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ssl3 => "ssl",
            _ => "tls",
        }
    }

    fn of(wire: u16) -> Option<Self> {
        Some(match wire {
            0x0300 => Self::Ssl3,
            0x0301 => Self::Tls10,
            0x0302 => Self::Tls11,
            0x0303 => Self::Tls12,
            0x0304 => Self::Tls13,
            _ => return None,
        })
    }
}

/// What a client says first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The host it asks for.
    pub server_name: Option<String>,
    /// The application protocols it offers, the best first.
    pub applications: Vec<String>,
}

/// What a server answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerHello {
    /// The version it chose.
    pub version: Option<Version>,
    /// The application protocol it chose, where that is not encrypted.
    pub application: Option<String>,
    /// How long the record of the hello is, less its head.
    pub record_len: usize,
}

/// Reads a client's hello from the start of its record, as far as that was captured.
pub fn client_hello(record: &[u8]) -> ClientHello {
    let mut hello = ClientHello::default();
    let _ = read_client(record, &mut hello);
    hello
}

/// Reads a server's hello likewise.
pub fn server_hello(record: &[u8]) -> ServerHello {
    let mut hello = ServerHello::default();
    let _ = read_server(record, &mut hello);
    hello
}

fn read_client(record: &[u8], hello: &mut ClientHello) -> Option<()> {
    let mut rest = Reader(record);
    rest.take(RECORD_HEAD + MESSAGE_HEAD)?;
    rest.take(2 + RANDOM_BYTES)?;
    rest.block8()?; // the session
    rest.block16()?; // ciphers
    rest.block8()?; // compressions
    each_extension(rest, |kind, body| match kind {
        SERVER_NAME => hello.server_name = server_name(body),
        APPLICATION_PROTOCOLS => hello.applications = applications(body),
        _ => {}
    })
}

fn read_server(record: &[u8], hello: &mut ServerHello) -> Option<()> {
    let mut rest = Reader(record);
    rest.take(3)?;
    hello.record_len = usize::from(rest.u16()?);
    // Other messages may follow in the same record.
    let mut rest = Reader(&rest.0[..rest.0.len().min(hello.record_len)]);
    let head = rest.take(MESSAGE_HEAD)?;
    let len = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
    let is_whole = rest.0.len() >= len;
    let mut rest = Reader(&rest.0[..rest.0.len().min(len)]);
    let legacy = rest.u16()?;
    rest.take(RANDOM_BYTES)?;
    rest.block8()?; // the session
    rest.take(2 + 1)?; // cipher and compression
    let mut chosen = None;
    let _ = each_extension(rest, |kind, body| match kind {
        SUPPORTED_VERSIONS => chosen = Reader(body.0).u16().and_then(Version::of),
        APPLICATION_PROTOCOLS => {
            hello.application = applications(body).into_iter().next();
        }
        _ => {}
    });
    // One that chose 1.3 says so in an extension only: all were seen before the field is believed.
    hello.version = chosen.or_else(|| Version::of(legacy).filter(|_| is_whole));
    Some(())
}

/// Calls `take` with every extension that begins here: its number, and its body as far as it is
/// here.
fn each_extension<'a>(mut rest: Reader<'a>, mut take: impl FnMut(u16, Reader<'a>)) -> Option<()> {
    let mut block = rest.block16()?;
    loop {
        let kind = block.u16()?;
        let len = usize::from(block.u16()?);
        let body = block.take(len.min(block.0.len()))?;
        take(kind, Reader(body));
    }
}

/// The first name of the list; the others are of kinds that do not exist.
fn server_name(mut body: Reader<'_>) -> Option<String> {
    let mut list = body.block16()?;
    let is_host = list.u8()? == 0;
    let len = usize::from(list.u16()?);
    let name = list.take(len)?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    let fits = is_host && !name.is_empty() && len <= NAME_BYTES_MAX;
    (fits && name.iter().all(is_name)).then(|| String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// The protocols that are here whole; what is not text is GREASE (RFC 8701).
fn applications(mut body: Reader<'_>) -> Vec<String> {
    let mut offers = Vec::new();
    let Some(mut list) = body.block16() else {
        return offers;
    };
    while offers.len() < OFFERS_MAX {
        let Some(len) = list.u8() else { break };
        let Some(name) = list.take(usize::from(len)) else {
            break;
        };
        let is_text = name.iter().all(u8::is_ascii_graphic);
        if is_text && !name.is_empty() && name.len() <= OFFER_BYTES_MAX {
            offers.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    offers
}
