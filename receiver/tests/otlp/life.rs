//! Memory, origins, authentication, and the end.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tapline_config::ComponentId;
use tapline_net::grpc::Code;
use tapline_pdata::Signal;
use tapline_pipeline::{
    BuildContext, Consumer, Fault, Outlets, Refusal, ServerAuth, Services, Stop,
};
use tapline_receiver::otlp::build;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
};

use crate::{
    harness::{Pipeline, call_on, framed, settings, start, start_with},
    samples::{method, request},
};

#[tokio::test]
async fn the_bytes_of_a_request_are_held_as_long_as_its_batch() {
    let running = start().await;
    let sent = request(Signal::Logs);
    running.export(Signal::Logs, &sent).await;
    running.post(Signal::Logs, &sent).await;
    let taken = running.pipeline.take();
    assert_eq!(running.memory.held_bytes(), 2 * sent.len() as u64);
    drop(taken);
    assert_eq!(running.memory.held_bytes(), 0);
}

#[tokio::test]
async fn a_request_is_turned_away_before_it_is_read() {
    let running = start().await;
    let full = Refusal::full("memory limit reached");
    *running
        .pipeline
        .refuse_to_admit
        .lock()
        .expect("nobody panics") = Some(full);
    // Only the beginning is sent: the answer does not wait for the rest.
    let beginning = &framed(0, &request(Signal::Traces))[..50];
    let told = running
        .call(method(Signal::Traces), &[], &[beginning])
        .await;
    assert_eq!(told.code(), Code::ResourceExhausted as i32);
    assert!(told.retry_after().is_some());
    // However large the request: the client gets to read why it is refused.
    let large = request(Signal::Traces).repeat(5000);
    let answer = running.post(Signal::Traces, &large).await;
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn who_announces_much_and_sends_nothing_takes_no_memory() {
    const CLIENTS: usize = 30;
    const SHARE_BYTES: u64 = 16 << 10;
    let running = start().await;
    let announced = (20_u32 << 20).to_be_bytes();
    let prefix = [&[0], &announced[..]].concat();
    let silent =
        (0..CLIENTS).map(|_| running.call_and_fall_silent(method(Signal::Traces), &prefix));
    let look = async {
        running.pipeline.asked(CLIENTS).await;
        let held = running.memory.held_bytes();
        assert!(held <= CLIENTS as u64 * SHARE_BYTES, "{held}");
        // And nobody is kept from sending what is small.
        let sent = request(Signal::Traces);
        assert_eq!(running.export(Signal::Traces, &sent).await.code(), 0);
    };
    tokio::select! {
        _ = futures_util::future::join_all(silent) => panic!("nobody was answered yet"),
        () = look => {}
    }
}

#[tokio::test]
async fn a_request_that_outgrows_the_memory_is_refused_while_it_is_read() {
    let running = start().await;
    let large = request(Signal::Traces).repeat(5000);
    let wait = Some(Duration::from_millis(1500));
    let full = Refusal::later(Fault::Tapline, "memory limit reached", wait);
    running.pipeline.admit_only(3, full.clone());
    let told = running.export(Signal::Traces, &large).await;
    assert_eq!(told.code(), Code::Unavailable as i32, "{told:?}");
    assert_eq!(told.retry_after(), wait);
    running.pipeline.admit_only(3, full);
    let answer = running.post(Signal::Traces, &large).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "2");
    assert!(running.pipeline.take().is_empty());
    assert_eq!(running.memory.held_bytes(), 0);
    // First it is asked about the whole, then about what has come.
    let asked = running
        .pipeline
        .admissions
        .lock()
        .expect("nobody panics")
        .clone();
    assert_eq!(asked[0], large.len());
    assert!(
        asked[1..].iter().all(|more| *more < large.len() / 4),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_request_that_is_here_already_is_refused_where_its_items_are_counted() {
    let running = start().await;
    running.pipeline.admit_only(0, Refusal::full("unread"));
    running.pipeline.refuse(Refusal::full("counted"));
    let told = running
        .export(Signal::Traces, &request(Signal::Traces))
        .await;
    assert_eq!((told.code(), told.message()), (8, "counted"));
}

#[tokio::test]
async fn who_sends_slowly_does_not_hold_up_the_others() {
    const REQUESTS: u32 = 30;
    let running = start().await;
    let announced = (20_u32 << 20).to_be_bytes();
    let prefix = [&[0], &announced[..]].concat();
    let slow = running.call_and_fall_silent(method(Signal::Traces), &prefix);
    let beside = async {
        running.pipeline.asked(1).await;
        let before = std::time::Instant::now();
        for _ in 0..REQUESTS {
            let told = running
                .export(Signal::Traces, &request(Signal::Traces))
                .await;
            assert_eq!(told.code(), 0);
        }
        // Waiting for the slow one, each would take 100 ms.
        let elapsed = before.elapsed();
        assert!(
            elapsed < Duration::from_millis(50) * REQUESTS,
            "{elapsed:?}"
        );
    };
    tokio::select! {
        told = slow => panic!("was answered: {told:?}"),
        () = beside => {}
    }
}

/// Knows one token.
struct OneToken;

#[async_trait]
impl ServerAuth for OneToken {
    async fn authenticate(
        &self,
        header: &(dyn for<'h> Fn(&'h str) -> Option<String> + Sync),
    ) -> Result<Vec<(String, String)>, String> {
        match header("authorization").as_deref() {
            Some("Bearer good") => Ok(vec![("subject".to_owned(), "cart".to_owned())]),
            _ => Err("token is not known".to_owned()),
        }
    }
}

#[tokio::test]
async fn only_who_is_known_comes_in() {
    let id = ComponentId::parse("one_token").expect("is an id");
    let services = Services {
        server_auth: Some(Arc::new(OneToken)),
        ..Services::default()
    };
    let auth = ", auth: {authenticator: one_token}";
    let http_auth = ", auth: {authenticator: one_token, request_params: [Authorization]}";
    let running = start_with(&Signal::ALL, auth, http_auth, vec![(id, services)]).await;
    let sent = request(Signal::Traces);
    let told = running.export(Signal::Traces, &sent).await;
    assert_eq!(told.code(), Code::Unauthenticated as i32);
    assert_eq!(told.message(), "token is not known");
    assert_eq!(running.post(Signal::Traces, &sent).await.status(), 401);
    assert!(running.pipeline.take().is_empty());
    let good = ("authorization", "Bearer good");
    let body = framed(0, &sent);
    let told = running
        .call(method(Signal::Traces), &[good], &[&body])
        .await;
    assert_eq!(told.code(), 0);
    let media = [("content-type", "application/x-protobuf")];
    let path = "/v1/traces?Authorization=Bearer%20good";
    let answer = running.send("POST", path, &media, &sent).await;
    assert_eq!(answer.status(), 200, "a query parameter counts as a header");
    for batch in running.pipeline.take() {
        let origin = batch.origin().expect("authentication asks for it");
        assert_eq!(origin.auth("subject"), Some("cart"));
        assert!(origin.peer.is_some_and(|peer| peer.ip().is_loopback()));
        assert_eq!(origin.metadata("authorization"), None, "not asked for");
    }
}

#[tokio::test]
async fn metadata_travels_if_asked_for() {
    let include = ", include_metadata: true";
    let running = start_with(&Signal::ALL, include, include, Vec::new()).await;
    let body = framed(0, &request(Signal::Traces));
    let tenant = [("x-tenant", "a")];
    running
        .call(method(Signal::Traces), &tenant, &[&body])
        .await;
    let taken = running.pipeline.take();
    let origin = taken[0].origin().expect("was asked for");
    assert_eq!(origin.metadata("x-tenant").expect("was sent"), ["a"]);
    assert_eq!(
        origin.metadata("host").expect("is the authority"),
        ["collector.test"]
    );
    let running = start().await;
    running
        .export(Signal::Traces, &request(Signal::Traces))
        .await;
    running.post(Signal::Traces, &request(Signal::Traces)).await;
    let taken = running.pipeline.take();
    assert_eq!(taken.len(), 2);
    let known = taken.iter().find_map(|batch| batch.origin());
    assert_eq!(known, None, "nobody asked");
}

#[tokio::test]
async fn calls_under_way_are_finished_and_then_nobody_listens() {
    let mut running = start().await;
    *running.pipeline.waits.lock().expect("nobody panics") = true;
    let (mut client, _tasks) = running.grpc_client().await;
    let body = framed(0, &request(Signal::Traces));
    let pieces: [&[u8]; 1] = [&body];
    let call = call_on(&mut client, method(Signal::Traces), &[], &pieces);
    let pipeline = Arc::clone(&running.pipeline);
    let stop = running.stop.clone();
    let stopping = async {
        pipeline.entered.notified().await;
        stop.request();
        pipeline.go.notify_one();
    };
    let (told, ()) = tokio::join!(call, stopping);
    assert_eq!(told.code(), 0, "{told:?}");
    let ended = running.work.join_next().await.expect("was spawned");
    assert_eq!(ended.expect("does not panic"), Ok(()));
    assert_eq!(running.pipeline.take().len(), 1);
}

#[tokio::test]
async fn a_restarted_receiver_refuses_no_connection() {
    let running = start().await;
    let (_, http) = running.ports();
    let (sent, mut early) = (request(Signal::Logs), None);
    // Between the two nobody accepts, and still the connection is made and the request taken.
    let running = running
        .restart(async || {
            let socket = tokio::net::TcpStream::connect(("127.0.0.1", http)).await;
            let mut socket = socket.expect("the socket waits for the next receiver");
            let head = format!(
                "POST /v1/logs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                 Content-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
                sent.len()
            );
            let whole = [head.as_bytes(), &sent].concat();
            socket.write_all(&whole).await.expect("is kept");
            early = Some(socket);
        })
        .await;
    let mut answer = String::new();
    let mut early = early.expect("was connected");
    early.read_to_string(&mut answer).await.expect("is text");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(running.pipeline.take().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_promises_a_message_and_falls_silent_is_given_up() {
    let running = start().await;
    let beginning = &framed(0, &request(Signal::Traces))[..50];
    let told = running
        .call_and_fall_silent(method(Signal::Traces), beginning)
        .await;
    assert_eq!(told.code(), Code::DeadlineExceeded as i32);
    assert_eq!(told.message(), "nothing of the message came for 60s");
    assert_eq!(running.memory.held_bytes(), 0);
}

#[tokio::test]
async fn unix_sockets_are_served_too() {
    let path = format!("tapline-otlp-{}.sock", std::process::id());
    let path = std::env::temp_dir().join(path);
    let http = format!("{{transport: unix, endpoint: {}}}", path.display());
    let config = settings(&format!("protocols:\n  http: {http}")).expect("is valid");
    let context = BuildContext::alone(ComponentId::parse("otlp").expect("is an id"), Signal::Logs);
    let receiver = build(&config, &context).expect("is valid");
    let outlet: Arc<dyn Consumer> = Arc::new(Pipeline::default());
    let outlets = Outlets::new([(Signal::Logs, outlet)].into());
    let work = receiver.start(outlets, Stop::new()).await;
    let mut tasks = JoinSet::new();
    tasks.spawn(work.expect("the path is free"));
    let mut socket = tokio::net::UnixStream::connect(&path)
        .await
        .expect("listens");
    let request = "POST /v1/logs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                   Content-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
    socket.write_all(request.as_bytes()).await.expect("is read");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("is text");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(tasks);
    let _gone = std::fs::remove_file(&path);
}
