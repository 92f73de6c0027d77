//! A running receiver before a scripted pipeline, and raw clients for both protocols.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::Frame,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tapline_config::{ComponentId, Environment, Input, Problems, decode_valid, load};
use tapline_net::grpc::RpcStatus;
use tapline_pdata::{Batch, Signal};
use tapline_pipeline::{
    BuildContext, Consumer, Memory, Outlets, Refusal, ServiceTable, Services, Stop,
};
use tapline_receiver::otlp::{Config, build};
use tokio::{net::TcpStream, sync::Notify, task::JoinSet};

/// Remembers what it took, and refuses as scripted.
#[derive(Default)]
pub(crate) struct Pipeline {
    pub(crate) taken: Mutex<Vec<Batch>>,
    pub(crate) refusals: Mutex<VecDeque<Refusal>>,
    pub(crate) refuse_to_admit: Mutex<Option<Refusal>>,
    /// What it was asked to admit, one by one.
    pub(crate) admissions: Mutex<Vec<usize>>,
    /// How often it admits before it refuses to.
    pub(crate) admits_first: Mutex<usize>,
    /// Whether a batch waits in `consume` until `go`.
    pub(crate) waits: Mutex<bool>,
    pub(crate) entered: Notify,
    pub(crate) go: Notify,
}

#[async_trait]
impl Consumer for Pipeline {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        let waits = *self.waits.lock().expect("nobody panics");
        if waits {
            self.entered.notify_one();
            self.go.notified().await;
        }
        if let Some(refusal) = self.refusals.lock().expect("nobody panics").pop_front() {
            return Err(refusal);
        }
        self.taken.lock().expect("nobody panics").push(batch);
        Ok(())
    }

    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        let asked = {
            let mut admissions = self.admissions.lock().expect("nobody panics");
            admissions.push(bytes);
            admissions.len()
        };
        if asked <= *self.admits_first.lock().expect("nobody panics") {
            return Ok(());
        }
        let refusal = self.refuse_to_admit.lock().expect("nobody panics").clone();
        refusal.map_or(Ok(()), Err)
    }
}

impl Pipeline {
    /// Takes what was taken since the last time.
    pub(crate) fn take(&self) -> Vec<Batch> {
        std::mem::take(&mut self.taken.lock().expect("nobody panics"))
    }

    /// Waits until it was asked so often to admit something.
    pub(crate) async fn asked(&self, times: usize) {
        while self.admissions.lock().expect("nobody panics").len() < times {
            tokio::task::yield_now().await;
        }
    }

    /// Admits so often, then refuses to.
    pub(crate) fn admit_only(&self, times: usize, refusal: Refusal) {
        self.admissions.lock().expect("nobody panics").clear();
        *self.admits_first.lock().expect("nobody panics") = times;
        *self.refuse_to_admit.lock().expect("nobody panics") = Some(refusal);
    }

    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.refusals
            .lock()
            .expect("nobody panics")
            .push_back(refusal);
    }
}

/// A running receiver.
pub(crate) struct Running {
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) memory: Memory,
    pub(crate) stop: Stop,
    pub(crate) work: JoinSet<Result<(), String>>,
    grpc: u16,
    http: u16,
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("there are ports");
    probe.local_addr().expect("is bound").port()
}

/// Reads settings, or says what is wrong with them.
pub(crate) fn settings(yaml: &str) -> Result<Config, Vec<String>> {
    let text = format!(
        "receivers:\n  otlp:\n    {}\n",
        yaml.replace('\n', "\n    ")
    );
    let messages = |problems: &Problems| {
        let messages = problems.iter().map(|each| each.message.clone());
        messages.collect::<Vec<_>>()
    };
    let document = load(&[Input::text("a.yaml", text)], &Environment::default());
    let document = document.map_err(|problems| messages(&problems))?;
    let receivers = document.root().get("receivers").expect("is there");
    let mut problems = Problems::new();
    let config = decode_valid(receivers.get("otlp").expect("is there"), &mut problems);
    config.ok_or_else(|| messages(&problems))
}

/// Starts a receiver for these signals with more settings for both protocols.
pub(crate) async fn start_with(
    signals: &[Signal],
    grpc_more: &str,
    http_more: &str,
    services: Vec<(ComponentId, Services)>,
) -> Running {
    let ports = (free_port(), free_port());
    start_on(ports, signals, grpc_more, http_more, services).await
}

async fn start_on(
    (grpc, http): (u16, u16),
    signals: &[Signal],
    grpc_more: &str,
    http_more: &str,
    services: Vec<(ComponentId, Services)>,
) -> Running {
    let yaml = format!(
        "protocols:\n  grpc: {{endpoint: '127.0.0.1:{grpc}'{grpc_more}}}\n  \
         http: {{endpoint: '127.0.0.1:{http}'{http_more}}}"
    );
    let config = settings(&yaml).expect("is valid");
    let id = ComponentId::parse("otlp").expect("is an id");
    let mut context = BuildContext::alone(id, Signal::Traces);
    context.shared.services = ServiceTable::new(services);
    let pipeline = Arc::new(Pipeline::default());
    let outlet = |signal: &Signal| (*signal, Arc::clone(&pipeline) as Arc<dyn Consumer>);
    let outlets = Outlets::new(signals.iter().map(outlet).collect());
    let receiver = build(&config, &context).expect("is valid");
    let stop = Stop::new();
    let started = receiver.start(outlets, stop.clone()).await;
    let mut work = JoinSet::new();
    work.spawn(started.expect("the ports are free"));
    Running {
        pipeline,
        memory: context.shared.memory,
        stop,
        work,
        grpc,
        http,
    }
}

/// Starts a receiver for all signals with default settings.
pub(crate) async fn start() -> Running {
    start_with(&Signal::ALL, "", "", Vec::new()).await
}

/// What a gRPC server answered.
#[derive(Debug)]
pub(crate) struct GrpcAnswer {
    pub(crate) status: StatusCode,
    /// Headers and trailers.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl GrpcAnswer {
    pub(crate) fn code(&self) -> i32 {
        let code = self.headers.get("grpc-status").expect("has a status");
        code.to_str()
            .expect("is text")
            .parse()
            .expect("is a number")
    }

    pub(crate) fn message(&self) -> &str {
        let message = self.headers.get("grpc-message");
        message.map_or("", |it| it.to_str().expect("is text"))
    }

    /// The delay of the `RetryInfo`, if there is one.
    pub(crate) fn retry_after(&self) -> Option<std::time::Duration> {
        let text = self.headers.get("grpc-status-details-bin")?;
        RpcStatus::decode(&unbase64(text.as_bytes())).retry_after
    }
}

fn unbase64(text: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |byte: &u8| {
        ALPHABET
            .iter()
            .position(|it| it == byte)
            .expect("is base64") as u32
    };
    let group = |four: &[u8]| {
        let word =
            four.iter().fold(0, |word, byte| word << 6 | digit(byte)) << (6 * (4 - four.len()));
        word.to_be_bytes()[1..four.len()].to_vec()
    };
    text.chunks(4).flat_map(group).collect()
}

/// Puts the prefix of gRPC before a message.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len())
        .expect("is short")
        .to_be_bytes();
    [&[flag], &length[..], message].concat()
}

type Body = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// Sends each piece as a frame of its own.
fn pieces(pieces: &[&[u8]]) -> Body {
    let frames: Vec<_> = pieces
        .iter()
        .map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece))))
        .collect();
    StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
}

impl Running {
    pub(crate) fn ports(&self) -> (u16, u16) {
        (self.grpc, self.http)
    }

    /// Stops, and starts another receiver where this one was.
    pub(crate) async fn restart(mut self, meanwhile: impl AsyncFnOnce()) -> Self {
        self.stop.request();
        let ended = self.work.join_next().await.expect("was spawned");
        assert_eq!(ended.expect("does not panic"), Ok(()));
        meanwhile().await;
        start_on(self.ports(), &Signal::ALL, "", "", Vec::new()).await
    }

    /// Calls without ending the request: more was promised.
    pub(crate) async fn call_and_fall_silent(&self, path: &str, beginning: &[u8]) -> GrpcAnswer {
        let (mut client, _tasks) = self.grpc_client().await;
        let first = Ok(Frame::data(Bytes::copy_from_slice(beginning)));
        let first = futures_util::stream::iter([first]);
        let silent = futures_util::StreamExt::chain(first, futures_util::stream::pending());
        let body = StreamBody::new(silent).boxed_unsync();
        call_with(&mut client, path, &[], body).await
    }

    /// Connects over HTTP/2; the connection lives as long as the set.
    pub(crate) async fn grpc_client(
        &self,
    ) -> (http2::SendRequest<Body>, JoinSet<hyper::Result<()>>) {
        let socket = TcpStream::connect(("127.0.0.1", self.grpc)).await;
        let io = TokioIo::new(socket.expect("listens"));
        let handshake = http2::handshake(TokioExecutor::new(), io).await;
        let (client, connection) = handshake.expect("speaks HTTP/2");
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        (client, tasks)
    }

    /// Calls a method with a body in pieces.
    pub(crate) async fn call(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[&[u8]],
    ) -> GrpcAnswer {
        let (mut client, _tasks) = self.grpc_client().await;
        call_on(&mut client, path, headers, body).await
    }

    /// Exports a request over gRPC, compressed as told.
    pub(crate) async fn export(&self, signal: Signal, request: &[u8]) -> GrpcAnswer {
        let body = framed(0, request);
        self.call(crate::samples::method(signal), &[], &[&body])
            .await
    }

    /// Sends an HTTP request.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> http::Response<Bytes> {
        let socket = TcpStream::connect(("127.0.0.1", self.http)).await;
        let io = TokioIo::new(socket.expect("listens"));
        let (mut client, connection) = http1::handshake(io).await.expect("speaks HTTP");
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = http_body_util::Full::new(Bytes::copy_from_slice(body));
        let request = request.body(body).expect("is a request");
        let answer = client.send_request(request).await.expect("is answered");
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("is complete").to_bytes();
        http::Response::from_parts(head, body)
    }

    /// Posts a protobuf request.
    pub(crate) async fn post(&self, signal: Signal, request: &[u8]) -> http::Response<Bytes> {
        let media = [("content-type", "application/x-protobuf")];
        let path = crate::samples::path(signal);
        self.send("POST", path, &media, request).await
    }
}

pub(crate) async fn call_on(
    client: &mut http2::SendRequest<Body>,
    path: &str,
    headers: &[(&str, &str)],
    body: &[&[u8]],
) -> GrpcAnswer {
    call_with(client, path, headers, pieces(body)).await
}

async fn call_with(
    client: &mut http2::SendRequest<Body>,
    path: &str,
    headers: &[(&str, &str)],
    body: Body,
) -> GrpcAnswer {
    let mut request = Request::builder()
        .method("POST")
        .uri(format!("http://collector.test{path}"))
        .header("te", "trailers");
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/grpc");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).expect("is a request");
    let answer = client.send_request(request).await.expect("is answered");
    let (head, body) = answer.into_parts();
    let body = body.collect().await.expect("is complete");
    let mut headers = head.headers;
    if let Some(trailers) = body.trailers() {
        headers.extend(trailers.clone());
    }
    GrpcAnswer {
        status: head.status,
        headers,
        body: body.to_bytes(),
    }
}
