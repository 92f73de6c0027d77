//! Which socket a TLS library's object belongs to, and its plaintext as bytes of that socket.
//!
//! Most libraries move bytes inside their calls; the kernel half saw on which socket. Whoever
//! carries encrypted bytes to and fro himself (Python's asyncio, Node) is followed by his threads:
//! what was received just before fits what is read, what is written fits what is sent next. A fit
//! is one record as long as its plaintext with what a cipher adds. Where two would fit, nothing is
//! guessed, and what cannot be bound in time is counted. Must not know protocols or processes.

use rustc_hash::FxHashMap;
use tapline_ebpf::{
    abi::{DATA_NO_BUFFER, DIRECTION_SENT, EventData, Mode, TAIL_MAX},
    tls::abi::{
        DATA_TLS, DATA_TLS_FROM_START, EventTlsData, EventTlsEnd, EventTlsIo, TLS_DATA_FROM_START,
        TLS_DATA_NO_BUFFER, TLS_DATA_UNENDED, TLS_RECORDS_MAX,
    },
};

/// The most objects remembered; the quarter that was silent longest goes first.
const STREAMS_MAX: usize = 65_536;
/// The most threads remembered.
const THREADS_MAX: usize = 8_192;
/// What a thread wrote and did not send yet; more is not told apart any more.
const WRITTEN_MAX: usize = 64;
/// Plaintext held for one object, and for all, until its socket is known.
const STREAM_HELD_MAX: usize = 64 * 1024;
const HELD_MAX: usize = 4 * 1024 * 1024;
/// How long it is held.
const HELD_NS: u64 = 10_000_000_000;
/// Plaintext of one record.
const RECORD_MAX: u32 = 16_384;

/// An object of a library: its process and its address.
type Key = (u32, u64);

/// Takes plaintext that was bound.
pub(crate) type Deliver<'d> = &'d mut dyn FnMut(&EventData, &[u8]);

#[derive(Default)]
struct Stream {
    cookie: Option<u64>,
    held: Vec<(EventTlsData, Vec<u8>)>,
    held_bytes: usize,
    last_ns: u64,
    /// Its plaintext was dropped once: it is not held again.
    given_up: bool,
    /// What its offsets are too large by in each direction, where others had its address before.
    base: [Option<u64>; 2],
}

struct Socket {
    key: Key,
    /// Where the plaintext of each direction goes on: objects move.
    next: [u64; 2],
}

/// A call that wrote, and whose record was not sent yet.
struct Written {
    key: Key,
    len: u32,
    at_ns: u64,
}

/// What a thread did last.
#[derive(Default)]
struct Thread {
    received: Option<EventTlsIo>,
    written: Vec<Written>,
    last_ns: u64,
}

/// What the binder has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BinderCounts {
    /// Bytes of plaintext whose socket was not found.
    pub(crate) unbound: u64,
    /// Times that two objects fitted one socket, or two sockets one object.
    pub(crate) ambiguous: u64,
    /// Objects whose socket is known now.
    pub(crate) bound: u64,
}

/// Binds objects to sockets.
#[derive(Default)]
pub(crate) struct Binder {
    streams: FxHashMap<Key, Stream>,
    sockets: FxHashMap<u64, Socket>,
    threads: FxHashMap<u64, Thread>,
    held_bytes: usize,
    counts: BinderCounts,
}

impl Binder {
    /// A library took or gave plaintext.
    pub(crate) fn on_data(&mut self, event: &EventTlsData, bytes: &[u8], deliver: Deliver<'_>) {
        let key = (event.tgid, event.stream);
        let is_unended = event.flags & TLS_DATA_UNENDED != 0;
        if !self.streams.contains_key(&key) && self.streams.len() >= STREAMS_MAX {
            self.forget_quarter();
        }
        let stream = self.streams.entry(key).or_default();
        stream.last_ns = event.header.at_ns;
        let known = stream.cookie;
        if event.cookie != 0 && known != Some(event.cookie) {
            if event.flags & TLS_DATA_FROM_START != 0 {
                stream.begin();
            }
            self.rebind(key, event.cookie, deliver);
        } else if known.is_none() {
            self.hold(key, event, bytes);
            self.compare(key, event, deliver);
            return;
        }
        if is_unended && event.direction == DIRECTION_SENT {
            self.note_written(key, event); // it is no other object's record
        }
        let stream = &self.streams[&key];
        if let Some(cookie) = stream.cookie {
            let thread = thread(event.tgid, event.tid);
            if let Some(thread) = self.threads.get_mut(&thread)
                && thread.received.is_some_and(|io| io.cookie == cookie)
            {
                thread.received = None; // its records are accounted for
            }
            self.hand_over(key, cookie, event, bytes, deliver);
        }
    }

    /// Encrypted bytes moved outside any call.
    pub(crate) fn on_io(&mut self, io: &EventTlsIo, deliver: Deliver<'_>) {
        let number = thread(io.tgid, io.tid);
        let waits = |thread: &Thread| !thread.written.is_empty();
        if self.sockets.contains_key(&io.cookie) && !self.threads.get(&number).is_some_and(waits) {
            return;
        }
        if !self.threads.contains_key(&number) && self.threads.len() >= THREADS_MAX {
            self.threads.clear();
        }
        let thread = self.threads.entry(number).or_default();
        thread.last_ns = io.header.at_ns;
        if io.direction != DIRECTION_SENT {
            thread.received = Some(*io);
            return;
        }
        let (streams, sockets) = (&self.streams, &self.sockets);
        let cookie_of = |key: &Key| streams.get(key).and_then(|stream| stream.cookie);
        let fitting = thread.written.iter().filter(|written| {
            fits(written.len, io) && cookie_of(&written.key).is_none_or(|known| known == io.cookie)
        });
        let mut keys: Vec<Key> = fitting.map(|written| written.key).collect();
        keys.dedup();
        let its_own = sockets.get(&io.cookie).map(|socket| socket.key);
        if let Some(own) = its_own.filter(|own| keys.contains(own)) {
            thread.written.retain(|written| written.key != own);
            return;
        }
        match keys[..] {
            [] => {}
            [key] => {
                thread.written.retain(|written| written.key != key);
                let Some(stream) = self.streams.get_mut(&key) else {
                    return;
                };
                if io.begun != 0 {
                    stream.begin();
                }
                if its_own.is_none() || stream.is_unended() {
                    self.rebind(key, io.cookie, deliver); // the object has moved, or is new
                }
            }
            _ => self.counts.ambiguous += 1,
        }
    }

    /// A library let go of its object.
    pub(crate) fn on_end(&mut self, end: &EventTlsEnd) {
        self.forget(&(end.tgid, end.stream));
    }

    /// A socket is gone.
    pub(crate) fn on_close(&mut self, cookie: u64) {
        if let Some(key) = self.sockets.get(&cookie).map(|socket| socket.key) {
            self.forget(&key);
        }
    }

    /// Drops what was held for too long.
    pub(crate) fn tick(&mut self, now_ns: u64) {
        let is_old = |at_ns: u64| now_ns.saturating_sub(at_ns) > HELD_NS;
        for stream in self.streams.values_mut() {
            let oldest = stream.held.first().map(|(event, _)| event.header.at_ns);
            if oldest.is_some_and(is_old) {
                self.counts.unbound += give_up(stream);
            }
        }
        self.held_bytes = self.streams.values().map(|stream| stream.held_bytes).sum();
        self.threads.retain(|_, thread| !is_old(thread.last_ns));
    }

    /// Returns what was counted so far.
    pub(crate) fn counts(&self) -> BinderCounts {
        BinderCounts {
            bound: self.sockets.len() as u64,
            ..self.counts
        }
    }

    fn hold(&mut self, key: Key, event: &EventTlsData, bytes: &[u8]) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let len = bytes.len();
        let is_full = stream.held_bytes + len > STREAM_HELD_MAX || self.held_bytes + len > HELD_MAX;
        if stream.given_up || is_full {
            self.held_bytes -= stream.held_bytes;
            self.counts.unbound += give_up(stream) + u64::from(event.len);
            return;
        }
        stream.held.push((*event, bytes.to_vec()));
        stream.held_bytes += len;
        self.held_bytes += len;
    }

    /// Looks for the socket that a call of an unbound object was about.
    fn compare(&mut self, key: Key, event: &EventTlsData, deliver: Deliver<'_>) {
        let number = thread(event.tgid, event.tid);
        if event.direction == DIRECTION_SENT {
            self.note_written(key, event);
            return;
        }
        let Some(thread) = self.threads.get_mut(&number) else {
            return;
        };
        let may_fit = event.flags & TLS_DATA_UNENDED == 0; // such a one says it itself
        let Some(io) = thread.received.filter(|io| may_fit && fits(event.len, io)) else {
            return;
        };
        thread.received = None;
        self.bind(key, io.cookie, deliver);
    }

    /// Remembers that a record of this length is to be sent. Pieces of one call are one record.
    fn note_written(&mut self, key: Key, event: &EventTlsData) {
        let number = thread(event.tgid, event.tid);
        if !self.threads.contains_key(&number) && self.threads.len() >= THREADS_MAX {
            self.threads.clear();
        }
        let thread = self.threads.entry(number).or_default();
        let at_ns = event.header.at_ns;
        thread.last_ns = at_ns;
        if let Some(last) = thread.written.last_mut()
            && (last.key, last.at_ns) == (key, at_ns)
        {
            last.len = last.len.saturating_add(event.len);
            return;
        }
        if thread.written.len() >= WRITTEN_MAX {
            let streams = &self.streams;
            let is_bound = |key: &Key| {
                streams
                    .get(key)
                    .is_some_and(|stream| stream.cookie.is_some())
            };
            thread.written.retain(|written| !is_bound(&written.key));
        }
        if thread.written.len() >= WRITTEN_MAX {
            thread.written.clear();
        }
        let len = event.len;
        thread.written.push(Written { key, len, at_ns });
    }

    /// Delivers plaintext whose socket is known.
    fn hand_over(
        &mut self,
        key: Key,
        cookie: u64,
        event: &EventTlsData,
        bytes: &[u8],
        deliver: Deliver<'_>,
    ) {
        let mut event = *event;
        if event.flags & TLS_DATA_UNENDED != 0
            && let Some(stream) = self.streams.get_mut(&key)
            && let Some(socket) = self.sockets.get_mut(&cookie)
        {
            let way = usize::from(event.direction == DIRECTION_SENT);
            let next = &mut socket.next[way];
            let base = stream.base[way].get_or_insert(event.offset.wrapping_sub(*next));
            event.offset = event.offset.wrapping_sub(*base);
            *next = event.offset.wrapping_add(event.len.into());
        }
        deliver(&moved(&event, cookie), bytes);
    }

    /// A socket fits an object; it must be free.
    fn bind(&mut self, key: Key, cookie: u64, deliver: Deliver<'_>) {
        if self.sockets.contains_key(&cookie) {
            self.counts.ambiguous += 1;
            return;
        }
        self.rebind(key, cookie, deliver);
    }

    /// The socket of an object is known for certain.
    fn rebind(&mut self, key: Key, cookie: u64, deliver: Deliver<'_>) {
        let next = [0; 2];
        let socket = self.sockets.entry(cookie).or_insert(Socket { key, next });
        let before = std::mem::replace(&mut socket.key, key);
        if before != key
            && let Some(stream) = self.streams.get_mut(&before)
        {
            stream.cookie = None;
        }
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        stream.base = [None; 2];
        if let Some(before) = stream.cookie.replace(cookie)
            && before != cookie
        {
            self.sockets.remove(&before);
        }
        self.held_bytes -= stream.held_bytes;
        stream.held_bytes = 0;
        stream.given_up = false;
        for (event, bytes) in std::mem::take(&mut stream.held) {
            self.hand_over(key, cookie, &event, &bytes, deliver);
        }
    }

    fn forget(&mut self, key: &Key) {
        let Some(mut stream) = self.streams.remove(key) else {
            return;
        };
        self.held_bytes -= stream.held_bytes;
        self.counts.unbound += give_up(&mut stream);
        if let Some(cookie) = stream.cookie
            && self
                .sockets
                .get(&cookie)
                .is_some_and(|socket| socket.key == *key)
        {
            self.sockets.remove(&cookie);
        }
    }

    fn forget_quarter(&mut self) {
        let mut times: Vec<u64> = self.streams.values().map(|stream| stream.last_ns).collect();
        let quarter = times.len() / 4;
        let (_, cut, _) = times.select_nth_unstable(quarter);
        let cut = *cut;
        let old = self
            .streams
            .iter()
            .filter(|(_, stream)| stream.last_ns <= cut);
        let old: Vec<Key> = old.map(|(key, _)| *key).collect();
        for key in old {
            self.forget(&key);
        }
    }
}

impl Stream {
    /// Its socket was seen from the start.
    fn begin(&mut self) {
        for (held, _) in &mut self.held {
            held.flags |= TLS_DATA_FROM_START;
        }
    }

    /// Its library does not say when it ends, nor when it moves.
    fn is_unended(&self) -> bool {
        let is = |(held, _): &(EventTlsData, _)| held.flags & TLS_DATA_UNENDED != 0;
        self.held.iter().any(is)
    }
}

/// Lets go of what is held; returns how many bytes of plaintext that was about.
fn give_up(stream: &mut Stream) -> u64 {
    let held = std::mem::take(&mut stream.held);
    stream.held_bytes = 0;
    stream.given_up |= !held.is_empty();
    held.iter().map(|(event, _)| u64::from(event.len)).sum()
}

/// Whether a record at the front of what moved is as long as this much plaintext makes it.
fn fits(len: u32, io: &EventTlsIo) -> bool {
    let plain = len.min(RECORD_MAX);
    let count = usize::from(io.count).min(TLS_RECORDS_MAX);
    io.records[..count].iter().any(|record| {
        let record = u32::from(*record);
        let Some(added) = record.checked_sub(plain) else {
            return false;
        };
        match added {
            // ChaCha20 of TLS 1.2; all of TLS 1.3: a type and a tag; GCM of TLS 1.2: a nonce and a
            // tag.
            16 | 17 | 24 => true,
            // CBC: a block in front, a MAC and padding to whole blocks.
            37..=80 => record.is_multiple_of(16),
            _ => false,
        }
    })
}

fn thread(tgid: u32, tid: u32) -> u64 {
    u64::from(tgid) << 32 | u64::from(tid)
}

/// Plaintext as bytes that moved on its socket.
fn moved(event: &EventTlsData, cookie: u64) -> EventData {
    let mut flags = DATA_TLS;
    if event.flags & TLS_DATA_NO_BUFFER != 0 {
        flags |= DATA_NO_BUFFER;
    }
    if event.flags & TLS_DATA_FROM_START != 0 {
        flags |= DATA_TLS_FROM_START;
    }
    EventData {
        header: event.header,
        cookie,
        offset: event.offset,
        tgid: event.tgid,
        tid: event.tid,
        tcp_end_seq: 0,
        len: event.len,
        copied: event.copied,
        direction: event.direction,
        flags,
        tail_len: event.tail_len.min(u8::try_from(TAIL_MAX).expect("small")),
        mode: Mode::Parse as u8,
        shed_share: 0,
        tail: event.tail,
    }
}

#[cfg(test)]
#[path = "binder_tests.rs"]
mod tests;
