//! Cassettes: records of the ring in a file, to be parsed again without a kernel.
//!
//! A cassette is self-contained: processes that are older than the recording are written as if
//! they had just been started. Of environments only `OTEL_*` is kept; payloads are kept as
//! captured, so a cassette holds other people's data.

use std::{
    collections::HashSet,
    fs,
    io::{self, Read, Write},
};

use tapline_ebpf::{
    Event, ExistingSocket,
    abi::{self, EventExec, EventHeader, ExistingRecord, Tuple},
    clock,
};
use tapline_pdata::Batch;
use tapline_protocols::conversation::Limits;

use super::{
    Config,
    clock::WallClock,
    config::UnknownProtocols,
    engine::{Advise, Engine, Parts},
    ids::Ids,
    process::{HostFacts, NoSource, ProcessTable},
    tracker::Judgement,
};

mod player;

pub use player::Player;

/// Says what the file is; the digit is the version of its layout.
const MAGIC: &[u8; 8] = b"TAPCASS1";
/// Longest record that is believed.
const RECORD_MAX: usize = 64 * 1024;
const KIND_EXEC: u16 = 5;

/// Writes a cassette.
pub struct Recorder<W: Write> {
    file: W,
    /// Processes whose identity is in the file.
    known: HashSet<u32>,
    records: u64,
}

impl<W: Write> Recorder<W> {
    /// Writes the head: the wall clock, and which sockets were listening.
    pub fn new(mut file: W, existing: &[ExistingSocket]) -> io::Result<Self> {
        file.write_all(MAGIC)?;
        file.write_all(&clock::wall_offset_ns().to_le_bytes())?;
        let listening: Vec<_> = existing.iter().filter(|socket| socket.listening).collect();
        let count = u32::try_from(listening.len()).map_err(io::Error::other)?;
        file.write_all(&count.to_le_bytes())?;
        for socket in listening {
            let record = ExistingRecord {
                cookie: socket.cookie,
                tuple: socket.tuple,
                tgid: socket.tgid,
                state: abi::TCP_LISTEN,
            };
            file.write_all(abi::as_bytes(&record))?;
        }
        Ok(Self {
            file,
            known: HashSet::new(),
            records: 0,
        })
    }

    /// Writes one record, and before it who the process is, if that is not in the file yet.
    pub fn record(&mut self, record: &[u8]) -> io::Result<()> {
        let Ok(event) = Event::parse(record) else {
            return Ok(());
        };
        let pid = match event {
            Event::Data(event, _) => event.tgid,
            Event::Datagram(event, _) => event.tgid,
            Event::Open(event) => event.tgid,
            Event::ConnectFailed(event) => event.tgid,
            // The privacy of a recording is that of the wire: no plaintext of TLS is written.
            Event::Tls(_) => return Ok(()),
            Event::Exec(exec) => {
                self.known.insert(exec.tgid);
                let env = public_part(exec.env);
                return self.exec(exec.tgid, exec.parent_tgid, exec.filename, exec.args, &env);
            }
            Event::Exchange(event) if event.tgid != 0 => event.tgid,
            Event::Sum(event) => event.tgid,
            Event::Fork(_) | Event::Exit(_) | Event::Close(_) | Event::Exchange(_) => {
                return self.write(record);
            }
        };
        if self.known.insert(pid) {
            self.older_process(pid)?;
        }
        self.write(record)
    }

    /// Ends the cassette; returns how many records it has.
    pub fn finish(mut self) -> io::Result<u64> {
        self.file.flush()?;
        Ok(self.records)
    }

    fn older_process(&mut self, pid: u32) -> io::Result<()> {
        let Ok(args) = fs::read(format!("/proc/{pid}/cmdline")) else {
            return Ok(());
        };
        let env = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let executable = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        let executable = executable.as_os_str().as_encoded_bytes();
        self.exec(pid, 0, executable, &args, &public_part(&env))
    }

    fn exec(
        &mut self,
        pid: u32,
        parent: u32,
        path: &[u8],
        args: &[u8],
        env: &[u8],
    ) -> io::Result<()> {
        let mut exec = EventExec {
            header: EventHeader {
                kind: KIND_EXEC,
                version: abi::ABI_VERSION,
                size: 0,
                at_ns: clock::monotonic_ns(),
            },
            start_boottime_ns: 0,
            tgid: pid,
            parent_tgid: parent,
            args_len: 0,
            env_len: u16::try_from(env.len()).map_err(io::Error::other)?,
            pad: 0,
            filename: [0; abi::FILENAME_MAX],
            args: [0; abi::ARGS_MAX],
        };
        let path = &path[..path.len().min(abi::FILENAME_MAX - 1)];
        exec.filename[..path.len()].copy_from_slice(path);
        let args = &args[..args.len().min(abi::ARGS_MAX)];
        exec.args[..args.len()].copy_from_slice(args);
        exec.args_len = u16::try_from(args.len()).map_err(io::Error::other)?;
        let mut record = abi::as_bytes(&exec).to_vec();
        record.extend_from_slice(env);
        self.write(&record)
    }

    fn write(&mut self, record: &[u8]) -> io::Result<()> {
        let len = u32::try_from(record.len()).map_err(io::Error::other)?;
        self.file.write_all(&len.to_le_bytes())?;
        self.file.write_all(record)?;
        self.records += 1;
        Ok(())
    }
}

/// Keeps the variables that name a service, nothing else.
fn public_part(env: &[u8]) -> Vec<u8> {
    const NAMES: [&[u8]; 2] = [b"OTEL_SERVICE_NAME=", b"OTEL_RESOURCE_ATTRIBUTES="];
    let entries = env.split(|byte| *byte == 0);
    let kept = entries.filter(|entry| NAMES.iter().any(|name| entry.starts_with(name)));
    let mut kept = kept.collect::<Vec<_>>().join(&0);
    kept.truncate(4096);
    kept
}

struct AdviseNobody;

impl Advise for AdviseNobody {
    fn ignore(&mut self, _: u32) {}
    fn trace(&mut self, _: u32) {}
    fn trace_all(&mut self) {}
    fn announce_again(&mut self) {}
    fn judge(&mut self, _judgements: &[Judgement]) {}
}

/// Parses a cassette and returns the spans, log records and metrics it holds, with ids that are
/// the same every time. `loses` says, by the number of a record, whether to pretend that it was
/// lost.
pub fn replay(file: impl Read, loses: impl Fn(u64) -> bool) -> io::Result<Vec<Batch>> {
    replay_with(&Config::default(), file, loses)
}

/// The same under other settings, as far as they are about what is told.
pub fn replay_with(
    config: &Config,
    mut file: impl Read,
    loses: impl Fn(u64) -> bool,
) -> io::Result<Vec<Batch>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "not a cassette, or cut off");
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(broken)?;
    let (offset, rest) = rest.split_first_chunk().ok_or_else(broken)?;
    let (count, rest) = rest.split_first_chunk().ok_or_else(broken)?;
    let listening = u32::from_le_bytes(*count) as usize * size_of::<ExistingRecord>();
    let (listening, mut rest) = rest.split_at_checked(listening).ok_or_else(broken)?;
    let existing = listening
        .chunks_exact(size_of::<ExistingRecord>())
        .filter_map(abi::read);
    let mut engine = engine(
        config,
        i64::from_le_bytes(*offset),
        existing.map(listener).collect(),
    );
    let mut last_ns = 0;
    let mut number = 0;
    while let Some((len, after)) = rest.split_first_chunk() {
        let len = u32::from_le_bytes(*len) as usize;
        let (record, after) = after
            .split_at_checked(len)
            .filter(|_| len <= RECORD_MAX)
            .ok_or_else(broken)?;
        rest = after;
        if !loses(number) {
            engine
                .on_record(record)
                .map_err(|error| io::Error::other(error.to_string()))?;
            last_ns = Event::parse(record)
                .ok()
                .and_then(|event| event.at_ns())
                .unwrap_or(last_ns);
        }
        number += 1;
    }
    if !rest.is_empty() {
        return Err(broken());
    }
    // Whatever is still open gets no answer any more.
    let end_ns = last_ns + 2 * Limits::default().response_timeout_ns;
    engine.tick(end_ns, i64::from_le_bytes(*offset));
    let records = engine.take_records();
    Ok(records
        .chain(engine.take_metrics(&[], "cassette", end_ns))
        .collect())
}

fn listener(record: ExistingRecord) -> ExistingSocket {
    let ExistingRecord {
        cookie,
        tuple,
        tgid,
        ..
    } = record;
    ExistingSocket {
        cookie,
        tuple: Tuple { ..tuple },
        tgid,
        listening: true,
    }
}

fn engine(config: &Config, wall_offset_ns: i64, existing: Vec<ExistingSocket>) -> Engine {
    let host = HostFacts {
        name: "cassette".to_owned(),
        arch: "amd64",
        ..HostFacts::default()
    };
    Engine::new(Parts {
        processes: ProcessTable::new(Box::new(NoSource), host, 0),
        live: config.live(),
        buffered_bytes_max: config.buffered_mib as usize * 1024 * 1024,
        ids: Ids::from_seed([0; 32]),
        clock: WallClock::new(wall_offset_ns),
        limits: Limits::default(),
        existing,
        unknown_protocols: UnknownProtocols::default(),
        advice: Box::new(AdviseNobody),
    })
}
