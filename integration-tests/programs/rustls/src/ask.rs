//! Asks, and judges the answers.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream as Blocking,
    sync::Arc,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;
use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{Outcome, trust};

const THREADS: usize = 2;

/// What to ask for.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) port: u16,
    pub(crate) connections: usize,
    pub(crate) requests: usize,
    pub(crate) prefix: String,
}

/// Asks in one of the ways.
pub(crate) async fn ask(plan: Plan, how: &str) -> Outcome {
    let mut tasks = JoinSet::new();
    match how {
        "h1" => {
            let config = trust::config(&[b"http/1.1"]);
            for connection in 0..plan.connections {
                tasks.spawn(talk_http1(plan.clone(), connection, Arc::clone(&config)));
            }
        }
        "h2" => {
            let config = trust::config(&[b"h2"]);
            for connection in 0..plan.connections {
                tasks.spawn(talk_http2(plan.clone(), connection, Arc::clone(&config)));
            }
        }
        _ => {
            for thread in 0..THREADS {
                let plan = plan.clone();
                tasks.spawn_blocking(move || {
                    let config = trust::config(&[]);
                    (thread..plan.connections)
                        .step_by(THREADS)
                        .try_for_each(|connection| talk_alone(&plan, connection, &config))
                });
            }
        }
    }
    tasks.join_all().await.into_iter().collect()
}

fn loopback() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("it is a name")
}

async fn connect(
    port: u16,
    config: Arc<ClientConfig>,
) -> std::io::Result<TokioIo<TlsStream<TcpStream>>> {
    let socket = TcpStream::connect(("127.0.0.1", port)).await?;
    socket.set_nodelay(true)?;
    let connector = TlsConnector::from(config);
    Ok(TokioIo::new(connector.connect(loopback(), socket).await?))
}

async fn talk_http1(plan: Plan, connection: usize, config: Arc<ClientConfig>) -> Outcome {
    let io = connect(plan.port, config).await?;
    let (mut sender, driver) = hyper::client::conn::http1::handshake(io).await?;
    tokio::spawn(driver);
    for request in 0..plan.requests {
        let path = plan.path(connection, request);
        let request = Request::get(&path)
            .header("host", format!("127.0.0.1:{}", plan.port))
            .body(Empty::<Bytes>::new())?;
        judge(sender.send_request(request).await?, &path).await?;
    }
    Ok(())
}

async fn talk_http2(plan: Plan, connection: usize, config: Arc<ClientConfig>) -> Outcome {
    let io = connect(plan.port, config).await?;
    let executor = TokioExecutor::new();
    let (mut sender, driver) = hyper::client::conn::http2::handshake(executor, io).await?;
    tokio::spawn(driver);
    for request in 0..plan.requests {
        let path = plan.path(connection, request);
        let request = Request::get(format!("https://127.0.0.1:{}{path}", plan.port))
            .body(Empty::<Bytes>::new())?;
        judge(sender.send_request(request).await?, &path).await?;
    }
    Ok(())
}

async fn judge(response: Response<Incoming>, path: &str) -> Outcome {
    let body = response.into_body().collect().await?.to_bytes();
    if body == path.as_bytes() {
        Ok(())
    } else {
        Err(format!("{body:?} for {path}").into())
    }
}

/// The connection is on the stack, where the next one will be.
fn talk_alone(plan: &Plan, connection: usize, config: &Arc<ClientConfig>) -> Outcome {
    let socket = Blocking::connect(("127.0.0.1", plan.port))?;
    socket.set_nodelay(true)?;
    let client = ClientConnection::new(Arc::clone(config), loopback())?;
    let mut stream = StreamOwned::new(client, socket);
    for request in 0..plan.requests {
        let path = plan.path(connection, request);
        let host = format!("127.0.0.1:{}", plan.port);
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())?;
        let mut answer = Vec::new();
        while !answer.ends_with(path.as_bytes()) {
            let mut room = [0; 1024];
            match stream.read(&mut room)? {
                0 => return Err(format!("{path} is not answered").into()),
                len => answer.extend(&room[..len]),
            }
        }
    }
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}

impl Plan {
    fn path(&self, connection: usize, request: usize) -> String {
        format!("/{}/{connection}/{request}", self.prefix)
    }
}
