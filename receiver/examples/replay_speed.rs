//! What the user half costs for each exchange, without a kernel: `cargo run --release -p
//! tapline-receiver --example replay_speed [-- SECONDS]`
//!
//! Records as the kernel half makes them of nginx and wrk on one machine, seen at both ends, go
//! through everything that the parsing thread does: the tracker, the parser, spans, metrics, and
//! batches of OTLP, which are dropped. The time is that of the processor, so that neighbours count
//! for little.
#![expect(
    clippy::print_stdout,
    reason = "a program that measures speaks to a person"
)]

use std::{env, fs, hint::black_box};

use tapline_ebpf::abi::{
    self, ABI_VERSION, DATA_NO_BUFFER, DIRECTION_RECEIVED, DIRECTION_SENT, EventData, EventExec,
    EventHeader, EventOpen, Mode, Plain, ROLE_CLIENT, ROLE_SERVER, Tuple,
};
use tapline_receiver::ebpf::{Config, cassette::Player};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections that are asked on in turn, as wrk has them open.
const CONNECTIONS: u64 = 16;
/// Requests of all connections between two looks at the clock.
const ROUND: u64 = 100_000;
/// Where the parsing thread takes what waits.
const FLUSH_BYTES: usize = 512 * 1024;
const CLIENT_PID: u32 = 10;
const SERVER_PID: u32 = 20;
const PORT: u16 = 8080;
/// Between two requests, nanoseconds.
const STEP_NS: u64 = 10_000;

const REQUEST: &str = "GET /hello.txt HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const BODY_BYTES: usize = 612;

/// What the kernel half would say.
struct Kernel {
    now_ns: u64,
    /// Bytes moved on each connection: requests and responses.
    moved: Vec<(u64, u64)>,
    head: Vec<u8>,
    response: Vec<u8>,
    record: Vec<u8>,
}

impl Kernel {
    fn new() -> Self {
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 01 Dec 2026 02:20:17 GMT\r\n\
             Content-Type: text/plain\r\nContent-Length: {BODY_BYTES}\r\nLast-Modified: Tue, \
             01 Dec 2026 02:20:17 GMT\r\nConnection: keep-alive\r\nETag: \"6a1b2c3d-264\"\r\n\
             Accept-Ranges: bytes\r\n\r\n"
        );
        let mut response = head.clone().into_bytes();
        response.resize(head.len() + BODY_BYTES, b'x');
        Self {
            now_ns: 1_000_000_000,
            moved: vec![(0, 0); usize::try_from(CONNECTIONS).expect("few")],
            head: head.into_bytes(),
            response,
            record: Vec::new(),
        }
    }

    /// Both ends of a connection: the client's is odd.
    fn cookies(connection: u64) -> (u64, u64) {
        (2 * connection + 1, 2 * connection + 2)
    }

    fn begin(&mut self, player: &mut Player) {
        for (pid, path) in [
            (CLIENT_PID, "/usr/bin/wrk"),
            (SERVER_PID, "/usr/sbin/nginx"),
        ] {
            let mut exec = EventExec {
                header: self.header(5),
                start_boottime_ns: 0,
                tgid: pid,
                parent_tgid: 1,
                args_len: u16::try_from(path.len()).expect("short"),
                env_len: 0,
                pad: 0,
                filename: [0; abi::FILENAME_MAX],
                args: [0; abi::ARGS_MAX],
            };
            exec.filename[..path.len()].copy_from_slice(path.as_bytes());
            exec.args[..path.len()].copy_from_slice(path.as_bytes());
            self.say(player, &exec, &[]);
        }
        for connection in 0..CONNECTIONS {
            let (client, server) = Self::cookies(connection);
            let port = 40_000 + u16::try_from(connection).expect("few");
            for (cookie, pid, role, ports) in [
                (client, CLIENT_PID, ROLE_CLIENT, (port, PORT)),
                (server, SERVER_PID, ROLE_SERVER, (PORT, port)),
            ] {
                let open = EventOpen {
                    header: self.header(2),
                    cookie,
                    tuple: tuple(ports),
                    tgid: pid,
                    tid: pid,
                    role,
                    ..EventOpen::default()
                };
                self.say(player, &open, &[]);
            }
        }
    }

    /// One request and its response, each sent and received.
    fn exchange(&mut self, connection: u64, player: &mut Player) {
        let (client, server) = Self::cookies(connection);
        let at = usize::try_from(connection).expect("few");
        let (asked, answered) = self.moved[at];
        let (head, response) = (
            std::mem::take(&mut self.head),
            std::mem::take(&mut self.response),
        );
        self.now_ns += STEP_NS;
        let bytes = REQUEST.as_bytes();
        self.data(player, (client, DIRECTION_SENT, asked), bytes, bytes.len());
        self.data(
            player,
            (server, DIRECTION_RECEIVED, asked),
            bytes,
            bytes.len(),
        );
        self.data(
            player,
            (server, DIRECTION_SENT, answered),
            &head,
            head.len(),
        );
        // sendfile
        let body_at = answered + head.len() as u64;
        self.data(player, (server, DIRECTION_SENT, body_at), &[], BODY_BYTES);
        let len = response.len();
        self.data(
            player,
            (client, DIRECTION_RECEIVED, answered),
            &response,
            len,
        );
        self.moved[at] = (asked + bytes.len() as u64, answered + len as u64);
        (self.head, self.response) = (head, response);
    }

    fn data(
        &mut self,
        player: &mut Player,
        (cookie, direction, offset): (u64, u8, u64),
        bytes: &[u8],
        len: usize,
    ) {
        self.now_ns += 1000;
        let pid = if cookie % 2 == 1 {
            CLIENT_PID
        } else {
            SERVER_PID
        };
        let event = EventData {
            header: self.header(1),
            cookie,
            offset,
            tgid: pid,
            tid: pid,
            len: u32::try_from(len).expect("short"),
            copied: u16::try_from(bytes.len()).expect("short"),
            direction,
            flags: if bytes.is_empty() { DATA_NO_BUFFER } else { 0 },
            mode: Mode::Parse as u8,
            ..EventData::default()
        };
        self.say(player, &event, bytes);
    }

    fn header(&self, kind: u16) -> EventHeader {
        EventHeader {
            kind,
            version: ABI_VERSION,
            size: 0,
            at_ns: self.now_ns,
        }
    }

    fn say<T: Plain>(&mut self, player: &mut Player, event: &T, bytes: &[u8]) {
        self.record.clear();
        self.record.extend_from_slice(abi::as_bytes(event));
        self.record.extend_from_slice(bytes);
        player
            .play(&self.record)
            .expect("a record like the kernel's");
    }
}

fn tuple((local_port, remote_port): (u16, u16)) -> Tuple {
    let loopback = std::net::Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets();
    Tuple {
        local: loopback,
        remote: loopback,
        local_port,
        remote_port,
        netns: 1,
        family: 2,
        pad: [0; 6],
    }
}

fn main() {
    let seconds = env::args().nth(1).and_then(|text| text.parse().ok());
    let until_ns = seconds.unwrap_or(3_u64) * 1_000_000_000;
    let (mut kernel, mut player) = (Kernel::new(), Player::new(&Config::default()));
    kernel.begin(&mut player);
    let begun_ns = cpu_ns();
    let mut rounds = Vec::new();
    let (mut spans, mut bytes) = (0_u64, 0_u64);
    while cpu_ns() - begun_ns < until_ns {
        let (round_ns, seen) = (cpu_ns(), player.exchanges());
        for request in 0..ROUND {
            kernel.exchange(request % CONNECTIONS, &mut player);
            if player.pending_bytes() > FLUSH_BYTES {
                for batch in player.take() {
                    spans += u64::from(batch.items());
                    bytes += batch.size_bytes() as u64;
                    black_box(batch);
                }
            }
        }
        player.tick(kernel.now_ns);
        let told = player.exchanges() - seen;
        assert_eq!(told, 2 * ROUND, "both ends of every request are told");
        rounds.push((cpu_ns() - round_ns) / told);
    }
    rounds.sort_unstable();
    println!(
        "nginx and wrk: {} ns of CPU per exchange (best {}), {} bytes of OTLP each, 2.5 records",
        rounds[rounds.len() / 2],
        rounds[0],
        bytes / spans.max(1),
    );
}

/// Processor time of this thread so far.
fn cpu_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("procfs");
    let first = text.split(' ').next().expect("three numbers");
    first.parse().expect("a number")
}
