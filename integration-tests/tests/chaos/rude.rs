//! Clients that misbehave: they cut requests off, send garbage, or say nothing at all.
//!
//! What they send must never count as telemetry, and must not hurt those who behave.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};

/// How many connections are left half open.
const HALF_OPEN_MAX: usize = 50;
/// What a bomb unpacks to: more than any receiver takes.
const BOMB_BYTES: usize = 64 << 20;
/// How long an answer to garbage may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Misbehaving clients at work.
pub(crate) struct Rude {
    over: Arc<AtomicBool>,
    running: JoinSet<usize>,
}

impl Rude {
    /// Lets them loose on a gRPC and an HTTP port.
    pub(crate) fn start(grpc: u16, http: u16) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut running = JoinSet::new();
        let bomb = post("gzip", &gzip(BOMB_BYTES));
        let truncated = post("identity", b"\x0a\xff\x01\x0a");
        let not_gzip = post("gzip", b"this is no gzip");
        let mut cut = post("identity", &[0x0a; 1000]);
        cut.truncate(cut.len() - 500);
        for (port, bytes, answered) in [
            (http, bomb, true),
            (http, truncated, true),
            (http, not_gzip, true),
            (http, cut, false),
            (http, b"GET\0garbage\r\n\r\n".to_vec(), false),
            (grpc, b"\x16\x03\x01 this is no HTTP/2".to_vec(), false),
            (grpc, cut_call(), false),
        ] {
            running.spawn(misbehave(port, bytes, answered, Arc::clone(&over)));
        }
        running.spawn(say_nothing([grpc, http], Arc::clone(&over)));
        Self { over, running }
    }

    /// Calls them off, and returns how many times they have misbehaved.
    pub(crate) async fn stop(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        self.running.join_all().await.into_iter().sum()
    }
}

/// Sends the same bytes again and again, each time on a connection of its own.
async fn misbehave(port: u16, bytes: Vec<u8>, answered: bool, over: Arc<AtomicBool>) -> usize {
    let mut times = 0;
    while !over.load(Ordering::Relaxed) {
        // Nobody listens while the process is restarted.
        if let Ok(mut socket) = TcpStream::connect(("127.0.0.1", port)).await {
            let _cut_off = socket.write_all(&bytes).await;
            if answered {
                let mut start = [0; 12];
                let read = timeout(ANSWER_LIMIT, socket.read_exact(&mut start)).await;
                let read = read.expect("garbage is answered or cut off");
                let is_refusal = start.starts_with(b"HTTP/1.1 4");
                let said = String::from_utf8_lossy(&start);
                assert!(
                    read.is_err() || is_refusal,
                    "garbage is answered with {said}"
                );
            }
            times += 1;
        }
        sleep(Duration::from_millis(50)).await;
    }
    times
}

/// Opens connections and leaves them alone.
async fn say_nothing(ports: [u16; 2], over: Arc<AtomicBool>) -> usize {
    let mut open = Vec::new();
    while !over.load(Ordering::Relaxed) {
        if open.len() < HALF_OPEN_MAX {
            for port in ports {
                open.extend(TcpStream::connect(("127.0.0.1", port)).await);
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
    open.len()
}

fn post(encoding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n\
         content-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The preface of HTTP/2 and the beginning of a frame that never ends.
fn cut_call() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // An empty SETTINGS frame, then a HEADERS frame of 100 bytes with 2 of them.
    bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    bytes.extend([0, 0, 100, 1, 4, 0, 0, 0, 1, 0x82, 0x86]);
    bytes
}

fn gzip(zeros: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(&vec![0; zeros])
        .expect("memory can be written");
    encoder.finish().expect("memory can be written")
}
