//! What a thread asks is a child of what it was asked, if that was one thing only.

use std::collections::HashSet;

use tapline_integration_tests::Program;

use crate::{
    actors::{Server, curl_command, node, script},
    daemon::Daemon,
    spans,
};

const REQUESTS: usize = 8;

pub(crate) async fn concurrent_requests_each_have_their_own_child() {
    let upstream = Server::start(script("app")).await;
    let mut command = script("caller");
    command.arg(upstream.port.to_string());
    let caller = Server::start(command).await;
    let daemon = Daemon::start().await;
    // The upstream takes its time, so that all are open at once.
    let ask = |number| {
        Program::start(curl_command(
            &[],
            &caller.url(&format!("/in-d9e0-slow/{number}")),
        ))
    };
    let curls: Vec<Program> = (0..REQUESTS).map(ask).collect();
    for curl in curls {
        assert_eq!(curl.end().await.stdout, "200 3");
    }
    let told = daemon
        .stop_when(|seen| spans::count(seen, "-d9e0-slow") >= 2 * REQUESTS)
        .await;
    let mut traces = HashSet::new();
    for number in 0..REQUESTS {
        let outer = spans::server(&told.seen, &format!("/in-d9e0-slow/{number}"));
        let inner = spans::client(&told.seen, &format!("/up-d9e0-slow/{number}"));
        let both = format!("{}\n{}", spans::describe(&outer), spans::describe(&inner));
        assert_eq!(
            (spans::service(&outer), spans::service(&inner)),
            ("caller", "caller")
        );
        assert_eq!(inner.record.parent_span_id, outer.record.span_id, "{both}");
        assert_eq!(inner.record.trace_id, outer.record.trace_id, "{both}");
        traces.insert(outer.record.trace_id.clone());
    }
    assert_eq!(traces.len(), REQUESTS, "each is a trace of its own");
}

pub(crate) async fn with_two_requests_open_on_one_thread_nothing_is_guessed() {
    let upstream = Server::start(script("app")).await;
    let mut command = node("pair");
    command.arg(upstream.port.to_string());
    let pair = Server::start(command).await;
    let daemon = Daemon::start().await;
    let ask = |number| {
        Program::start(curl_command(
            &[],
            &pair.url(&format!("/in-d9e0-two/{number}")),
        ))
    };
    for curl in [ask(1), ask(2)] {
        assert_eq!(curl.end().await.stdout, "200 4");
    }
    let told = daemon
        .stop_when(|seen| spans::count(seen, "-d9e0-two") >= 8)
        .await;
    for number in 1..=2 {
        let inner = spans::client(&told.seen, &format!("/up-d9e0-two/{number}"));
        assert_eq!(spans::service(&inner), "pair");
        assert!(
            inner.record.parent_span_id.is_empty(),
            "{}",
            spans::describe(&inner)
        );
    }
    assert_eq!(spans::servers(&told.seen, "/in-d9e0-two").len(), 2);
}
