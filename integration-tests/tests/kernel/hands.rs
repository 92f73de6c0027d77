//! Connections that change hands: the request is told of whoever answered it, once.

use std::fs;

use tapline_integration_tests::{Program, Scratch};
use tapline_testkit::Seen;
use tokio::process::Command;

use crate::{
    actors::{Server, compiled, script},
    daemon::Daemon,
    spans,
};

/// What became of two requests on a connection that changed hands.
struct Told {
    seen: Seen,
    /// The process that accepted the connection.
    accepted: u32,
    /// The process that it says it passed the connection to.
    taker: Option<i64>,
}

pub(crate) async fn a_child_answers_on_what_its_parent_accepted() {
    let told = told("fork", "/e6a1-fork").await;
    assert_answered(&told, "/e6a1-fork", told.taker.expect("a child"), "hands");
}

pub(crate) async fn a_process_answers_on_what_it_was_passed() {
    let told = told("pass", "/e6a1-pass").await;
    let taker = told.taker.expect("another process");
    assert_ne!(taker, i64::from(told.accepted));
    assert_answered(&told, "/e6a1-pass", taker, "hands");
}

pub(crate) async fn a_program_answers_on_what_was_accepted_before_it_began() {
    let told = told("exec", "/e6a1-exec").await;
    let process = i64::from(told.accepted);
    assert_answered(&told, "/e6a1-exec", process, "answerer");
}

pub(crate) async fn threads_share_a_connection() {
    let told = told("threads", "/e6a1-threads").await;
    let process = i64::from(told.accepted);
    assert_answered(&told, "/e6a1-threads", process, "hands");
}

/// Asks twice over one connection to a server of that kind.
async fn told(how: &str, path: &str) -> Told {
    let scratch = Scratch::new();
    let program = compiled("hands", &scratch).await;
    let other = scratch.path().join("answerer");
    fs::copy(&program, &other).expect("a fresh folder");
    let daemon = Daemon::start().await;
    let mut command = Command::new(&program);
    command.arg(how).arg(&other);
    let server = Server::start(command).await;
    let accepted = server.program.pid();
    let mut command = script("client");
    command.arg(server.port.to_string());
    let mut client = Program::start(command);
    for number in 0..2 {
        let answer = client.ask(&format!("GET {path}/{number}")).await;
        assert_eq!(answer, "200 3");
    }
    drop(client.end().await);
    let seen = daemon.stop_when(|seen| spans::count(seen, path) >= 4).await;
    let said = server.program.end().await.stdout;
    let taker = said
        .lines()
        .find_map(|line| line.strip_prefix("by process ")?.parse().ok());
    Told {
        seen: seen.seen,
        accepted,
        taker,
    }
}

fn assert_answered(told: &Told, path: &str, process: i64, service: &str) {
    for number in 0..2 {
        let answered = spans::server(&told.seen, &format!("{path}/{number}"));
        let described = spans::describe(&answered);
        spans::assert_attributes(&answered, &[("http.response.status_code", "200")]);
        assert_eq!(
            spans::resource_int(&answered, "process.pid"),
            Some(process),
            "{described}"
        );
        assert_eq!(spans::service(&answered), service, "{described}");
        let asked = spans::client(&told.seen, &format!("{path}/{number}"));
        assert_eq!(spans::service(&asked), "client");
    }
}
