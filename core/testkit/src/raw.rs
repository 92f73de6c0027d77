//! An HTTP/1.1 server that answers with given text and remembers what it was sent, word for word.
//!
//! A proxy's `CONNECT` it obeys instead. It must not know what the requests mean.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// The largest request it takes.
const REQUEST_BYTES_MAX: usize = 1 << 20;
/// What it answers when nothing else was scripted.
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A running server. Dropping it closes everything.
#[derive(Debug)]
pub struct RawServer {
    addr: SocketAddr,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    answers: Mutex<VecDeque<String>>,
    requests: Mutex<Vec<String>>,
}

impl RawServer {
    /// Starts on a free loopback port. The answers are given in order, then it says 200; each of
    /// them has to end its connection.
    pub async fn start(answers: impl IntoIterator<Item = String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a loopback port can be bound");
        let addr = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            answers: Mutex::new(answers.into_iter().collect()),
            requests: Mutex::default(),
        });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&shared)));
        Self {
            addr,
            shared,
            _server: server,
        }
    }

    /// Returns the address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns every request so far, head and body.
    pub fn requests(&self) -> Vec<String> {
        let requests = self.shared.requests.lock();
        requests.expect("nobody panics while holding it").clone()
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // A client that went away is what some tests want.
            let _closed = connection(socket, &shared).await;
        });
    }
}

async fn connection(mut socket: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let request = read_request(&mut socket).await?;
    let target = request.strip_prefix("CONNECT ").and_then(|rest| {
        let (target, _) = rest.split_once(' ')?;
        Some(target.to_owned())
    });
    let scripted = {
        let mut requests = shared.requests.lock().expect("no holder panics");
        requests.push(request);
        let mut answers = shared.answers.lock().expect("no holder panics");
        answers.pop_front()
    };
    match (scripted, target) {
        (None, Some(target)) => {
            let mut backend = TcpStream::connect(target).await?;
            socket
                .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                .await?;
            copy_bidirectional(&mut socket, &mut backend).await?;
        }
        (answer, _) => {
            let answer = answer.unwrap_or_else(|| OK.to_owned());
            socket.write_all(answer.as_bytes()).await?;
        }
    }
    socket.shutdown().await
}

async fn read_request(socket: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    while bytes.len() < REQUEST_BYTES_MAX {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Ok(text);
            }
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            break;
        }
    }
    Err(std::io::Error::other("not a whole request"))
}
