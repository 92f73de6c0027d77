//! A fake OTLP backend on a loopback port: HTTP/1.1, HTTP/2 and gRPC on one listener.
//!
//! It records what it accepted as prost structs, and fails as scripted. It must not know what the
//! requests mean.

mod answer;
mod grpc;
mod http;
mod listener;
mod payload;
mod seen;

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_rustls::TlsAcceptor;

pub use answer::Answer;
pub use payload::{Payload, Protocol, Received};
pub use seen::{ReceivedLog, ReceivedMetric, ReceivedSpan, Seen};

/// The most requests one backend remembers; a test that sends more has lost its way.
const REQUESTS_MAX: usize = 100_000;

/// A running fake backend. Dropping it closes its listener and its connections.
#[derive(Debug)]
pub struct Backend {
    addr: SocketAddr,
    shared: Arc<Shared>,
    server: JoinSet<()>,
}

impl Backend {
    /// Starts a plaintext backend on a free loopback port.
    pub async fn start() -> Self {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts a plaintext backend on a given address: how one comes back after an outage.
    pub async fn start_on(addr: SocketAddr) -> Self {
        Self::run(addr, None).await
    }

    /// Starts a backend that speaks TLS with [`SERVER_PEM`](crate::certificates::SERVER_PEM).
    pub async fn start_tls() -> Self {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::run(addr, Some(listener::acceptor(listener::Clients::Anyone))).await
    }

    /// Starts a TLS backend that insists on a client certificate signed by the test CA.
    pub async fn start_mutual_tls() -> Self {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::run(addr, Some(listener::acceptor(listener::Clients::Signed))).await
    }

    async fn run(addr: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(addr)
            .await
            .expect("a loopback address can be bound");
        let addr = listener
            .local_addr()
            .expect("a bound listener has an address");
        let shared = Arc::new(Shared::default());
        let mut server = JoinSet::new();
        server.spawn(listener::serve(listener, tls, Arc::clone(&shared)));
        Self {
            addr,
            shared,
            server,
        }
    }

    /// Returns the address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns `host:port`, the usual form of a gRPC endpoint.
    pub fn endpoint(&self) -> String {
        self.addr.to_string()
    }

    /// Returns `http://host:port`, the usual form of an HTTP endpoint.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Scripts the answers to the next requests, in order of arrival. Then it accepts again.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.lock().script.extend(answers);
    }

    /// Sets the answer to every request that no script covers.
    pub fn answer_always(&self, answer: Answer) {
        self.shared.lock().usual = answer;
    }

    /// Returns what has arrived so far.
    pub fn seen(&self) -> Seen {
        self.shared.lock().seen.clone()
    }

    /// Waits until `enough` holds, and returns what had arrived by then.
    ///
    /// Panics after `limit`, saying what did arrive.
    pub async fn wait_for(&self, enough: impl Fn(&Seen) -> bool, limit: Duration) -> Seen {
        let mut arrivals = self.shared.arrivals.subscribe();
        let wait = async {
            loop {
                let seen = self.seen();
                if enough(&seen) {
                    return seen;
                }
                arrivals
                    .changed()
                    .await
                    .expect("the backend outlives its waiters");
            }
        };
        let Ok(seen) = tokio::time::timeout(limit, wait).await else {
            panic!("not seen within {limit:?}; seen so far: {}", self.seen());
        };
        seen
    }

    /// Stops listening and closes every connection. What has arrived can still be asked for.
    pub async fn close(&mut self) {
        self.server.shutdown().await;
    }

    /// Stops listening, closes every connection, and returns the address that is now refused.
    pub async fn stop(mut self) -> SocketAddr {
        self.server.shutdown().await;
        self.addr
    }
}

/// Finds a loopback address where nobody listens.
pub async fn nobody_listens() -> SocketAddr {
    Backend::start().await.stop().await
}

/// What the connections and the test look at together.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrivals: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    seen: Seen,
    script: VecDeque<Answer>,
    usual: Answer,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("nobody panics while holding the state")
    }

    /// Takes the answer for the next request.
    fn next_answer(&self) -> Answer {
        let mut state = self.lock();
        state
            .script
            .pop_front()
            .unwrap_or_else(|| state.usual.clone())
    }

    /// Remembers a request and wakes whoever waits for it.
    fn record(&self, received: Received) {
        let count = {
            let requests = &mut self.lock().seen.requests;
            assert!(
                requests.len() < REQUESTS_MAX,
                "more than {REQUESTS_MAX} requests"
            );
            requests.push(Arc::new(received));
            requests.len()
        };
        self.arrivals.send_replace(count);
    }
}

#[cfg(test)]
mod tests;
