//! The client's direction: what its messages ask for.

use std::sync::Arc;

use super::frame::{Message, Read};
use super::slot::{Kind, Slot, exchange};
use super::sniff::{CANCEL, GSS, TLS, is_request, is_startup};
use super::{OPEN_MAX, Postgres, Stage};
use crate::conversation::Chunk;
use crate::database::Sink;
use crate::sql::{self, Dialect, Statement};

/// Who asks, and when.
#[derive(Clone, Copy)]
struct Asked {
    at_ns: u64,
    started_ns: u64,
    bytes: u64,
    thread: u64,
}

impl Postgres {
    pub(super) fn read_requests(&mut self, chunk: &Chunk<'_>, out: &mut impl Sink) {
        self.turn_to_client(chunk.at_ns, out);
        let len = chunk.len.max(chunk.bytes.len());
        if self.requests.is_lost() && is_request(chunk.bytes, len) {
            self.requests.restart();
            self.stage = Stage::Open;
        }
        // The server's word before it was not seen, or it begins anew behind a proxy.
        if self.requests.is_between() && self.stage != Stage::Startup && is_startup(chunk.bytes) {
            self.requests.begin_untyped();
            self.stage = Stage::Startup;
        }
        if self.requests.is_lost() {
            return self.lose_requests();
        }
        let mut rest = chunk.bytes;
        while !self.opaque {
            match self.requests.read(&mut rest, chunk.at_ns) {
                Read::Message(message) => self.ask(&message, chunk.at_ns, chunk.thread, out),
                Read::More => break,
                Read::Broken => return self.lose_requests(),
            }
        }
        match self.requests.skip((len - chunk.bytes.len()) as u64) {
            Read::Message(message) => self.ask(&message, chunk.at_ns, chunk.thread, out),
            Read::More => {}
            Read::Broken => self.lose_requests(),
        }
    }

    pub(super) fn miss_requests(&mut self, at_ns: u64, len: Option<u64>, out: &mut impl Sink) {
        let inside = len.filter(|_| !self.requests.is_between());
        match inside.map_or(Read::Broken, |len| self.requests.skip(len)) {
            Read::Message(message) => self.ask(&message, at_ns, 0, out),
            Read::More => {}
            Read::Broken => self.lose_requests(),
        }
        // Words of the server from before say nothing about what was missed.
        self.spoke = false;
    }

    fn ask(&mut self, message: &Message, at_ns: u64, thread: u64, out: &mut impl Sink) {
        let asked = Asked {
            at_ns,
            started_ns: message.started_ns,
            bytes: message.bytes,
            thread,
        };
        let (first, rest) = Message::text(&message.body);
        match message.kind {
            0 => self.start(&message.body, at_ns, out),
            b'Q' => {
                let statement = sql::read_until_nul(&message.body, Dialect::Postgres);
                self.push(Kind::UntilReady, Some(&statement), "", asked, out);
            }
            b'P' => {
                let statement = Arc::new(sql::read_until_nul(rest, Dialect::Postgres));
                self.names.parse(first, Arc::clone(&statement));
                let started_ns = self.parsed.take().map_or(asked.started_ns, |(_, at)| at);
                self.parsed = Some((statement, started_ns));
            }
            b'B' => self.names.bind(first, Message::text(rest).0),
            b'C' => {
                if let Some((kind, name)) = message.body.split_first() {
                    self.names.close(*kind, Message::text(name).0);
                }
            }
            b'E' => {
                self.executed = true;
                let statement = self.names.portal(first).cloned();
                self.push(Kind::Execute, statement.as_deref(), "", asked, out);
            }
            b'F' => self.push(Kind::UntilReady, None, "", asked, out),
            b'S' => self.synchronise(asked, out),
            _ => {}
        }
    }

    /// The first message: what for, and into which database.
    fn start(&mut self, body: &[u8], at_ns: u64, out: &mut impl Sink) {
        let Some((code, mut rest)) = body.split_first_chunk() else {
            self.stage = Stage::Open; // not seen: if it asks for encryption, nothing makes sense
            return;
        };
        match u32::from_be_bytes(*code) {
            TLS | GSS => {
                self.stage = Stage::Encryption;
                self.requests.begin_untyped();
            }
            CANCEL => self.leave(at_ns, out),
            _ => {
                self.stage = Stage::Open;
                let mut user = None;
                while !rest.is_empty() {
                    let (key, after) = Message::text(rest);
                    let (value, after) = Message::text(after);
                    rest = after;
                    let value = || String::from_utf8_lossy(&value[..value.len().min(63)]);
                    match key {
                        b"user" => user = Some(value().into_owned()),
                        b"database" => self.namespace = Some(value().into_owned()),
                        _ => {}
                    }
                }
                // Who names no database gets the one of their own name.
                self.namespace = self.namespace.take().or(user);
            }
        }
    }

    /// The end of a pipeline; one that only prepares is told as that.
    fn synchronise(&mut self, asked: Asked, out: &mut impl Sink) {
        let parsed = self.parsed.take();
        match (std::mem::take(&mut self.executed), parsed) {
            (false, Some((statement, started_ns))) => {
                let asked = Asked {
                    started_ns,
                    ..asked
                };
                self.push(Kind::UntilReady, Some(&statement), "PREPARE", asked, out);
            }
            _ => self.wait(Slot {
                kind: Kind::Sync,
                asked_ns: asked.at_ns,
                told: None,
            }),
        }
    }

    fn push(
        &mut self,
        kind: Kind,
        statement: Option<&Statement>,
        prefix: &'static str,
        asked: Asked,
        out: &mut impl Sink,
    ) {
        self.overlaps |= std::mem::take(&mut self.spoke_while_due);
        if self.in_doubt || self.slots.len() >= OPEN_MAX {
            return self.wait(Slot {
                kind,
                asked_ns: asked.at_ns,
                told: None,
            });
        }
        let mut exchange = exchange(statement, prefix, self.namespace.as_deref());
        exchange.started_ns = match (kind, &self.parsed) {
            // An execution begins with what was parsed for it.
            (Kind::Execute, Some((_, started_ns))) => *started_ns,
            _ => asked.started_ns,
        };
        exchange.ended_ns = asked.at_ns;
        exchange.request_thread = asked.thread;
        exchange.request_bytes = asked.bytes;
        if kind == Kind::Execute {
            self.parsed = None;
        }
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        let trace = statement.and_then(|statement| statement.trace.clone());
        out.request_in(id, asked.thread, trace);
        self.slots.push_back(Slot {
            kind,
            asked_ns: asked.at_ns,
            told: Some((id, exchange)),
        });
    }

    /// Waits for something of which nothing is told; with too much of it, for nothing certain.
    fn wait(&mut self, slot: Slot) {
        if self.in_doubt {
            return;
        }
        if self.slots.len() < OPEN_MAX {
            self.slots.push_back(slot);
        } else {
            self.in_doubt = true;
        }
    }
}
