//! The beginning of a connection: who serves, what is agreed, and into which database.

use super::Mysql;
use super::packet::{self, Packet};
use super::sniff::{LOGIN_HEAD_BYTES, is_login};
use crate::database::System;
use crate::parser::Sink;
use crate::sql::Dialect;

/// Flags of client and server: what both set is agreed.
const WITH_DATABASE: u64 = 1 << 3;
const COMPRESS: u64 = 1 << 5;
const TLS: u64 = 1 << 11;
const LENGTH_OF_PASSWORD: u64 = 1 << 15 | 1 << 21;
const WITHOUT_ENDS: u64 = 1 << 24;
const MAY_LACK_COLUMNS: u64 = 1 << 25;
const COMPRESS_ZSTD: u64 = 1 << 26;
const ATTRIBUTES: u64 = 1 << 27;
/// The server's flag for backslashes that escape nothing.
const NO_BACKSLASH: u64 = 0x0200;

/// How far the beginning of a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing was seen.
    Start,
    /// The server greeted, with these flags; 0 if that was not seen.
    Greeted(u64),
    /// The client said who it is; then the rest is compressed, or not.
    Login { compresses: bool },
    /// Commands and answers.
    Open,
}

impl Mysql {
    /// Takes a packet of the server before the client may ask.
    pub(super) fn greet(&mut self, packet: &Packet<'_>) {
        let mut rest = packet.rest;
        let Some(version) = packet::until_nul(&mut rest) else {
            return;
        };
        let is_mariadb = memchr::memmem::find(version, b"MariaDB").is_some();
        self.system = if is_mariadb {
            System::Mariadb
        } else {
            System::Mysql
        };
        let mut flags = || {
            packet::bytes(&mut rest, 13)?;
            let low = packet::number::<2>(&mut rest)?;
            packet::number::<1>(&mut rest)?;
            let status = packet::number::<2>(&mut rest)?;
            let high = packet::number::<2>(&mut rest)?;
            Some((low | high << 16, status))
        };
        let (flags, status) = flags().unwrap_or_default();
        if status & NO_BACKSLASH != 0 {
            self.dialect = Dialect::MysqlPlain;
        }
        self.stage = Stage::Greeted(flags);
    }

    /// Takes the client's first packet.
    pub(super) fn log_in(&mut self, packet: &Packet<'_>, at_ns: u64, out: &mut dyn Sink) {
        let body = [packet.kind.as_slice(), packet.rest].concat();
        let mut rest = body.as_slice();
        let server = match self.stage {
            Stage::Greeted(flags) if flags != 0 => flags,
            _ => u64::MAX,
        };
        let flags = packet::number::<4>(&mut rest).unwrap_or_default();
        let both = flags & server;
        if both & TLS != 0 && packet.len <= LOGIN_HEAD_BYTES as u64 {
            return self.leave(at_ns, out);
        }
        self.stage = Stage::Login {
            compresses: both & (COMPRESS | COMPRESS_ZSTD) != 0,
        };
        if !is_login(&body) {
            return;
        }
        if server != u64::MAX {
            self.agreed.without_ends = Some(both & WITHOUT_ENDS != 0);
            self.has_attributes = both & ATTRIBUTES != 0;
            self.agreed.may_lack_columns = both & MAY_LACK_COLUMNS != 0;
        }
        if flags & WITH_DATABASE != 0 {
            self.namespace = database(rest, flags);
        }
    }

    /// Takes a packet of the server before the client is let in. Returns whether it was for that.
    pub(super) fn let_in(&mut self, packet: &Packet<'_>, at_ns: u64, out: &mut dyn Sink) -> bool {
        match self.stage {
            Stage::Start | Stage::Greeted(_) if packet.number == 0 => {
                self.greet(packet);
                true
            }
            Stage::Login { compresses } => {
                if packet.kind == Some(0) {
                    self.stage = Stage::Open;
                    if compresses {
                        self.leave(at_ns, out);
                    }
                }
                true
            }
            _ => {
                self.stage = Stage::Open;
                false
            }
        }
    }
}

/// User, password and database, behind what has a fixed length.
fn database(mut rest: &[u8], flags: u64) -> Option<String> {
    packet::bytes(&mut rest, LOGIN_HEAD_BYTES as u64 - 4)?;
    packet::until_nul(&mut rest)?;
    if flags & LENGTH_OF_PASSWORD == 0 {
        packet::until_nul(&mut rest)?;
    } else {
        let len = packet::counted(&mut rest)?;
        packet::bytes(&mut rest, len)?;
    }
    let name = packet::until_nul(&mut rest)?;
    let name = &name[..name.len().min(64)];
    Some(String::from_utf8_lossy(name).into_owned()).filter(|name| !name.is_empty())
}
