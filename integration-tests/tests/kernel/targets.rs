//! `targets` chooses whom the receiver tells about.

use tapline_testkit::Seen;

use crate::{
    actors::{Server, curl, script},
    daemon::Daemon,
    spans,
};

pub(crate) async fn included_port_is_told_and_no_other() {
    let (wanted, other) = (server("a9b0-one").await, server("a9b0-two").await);
    let targets = format!("targets: {{include: [{{port: {}}}]}}", wanted.port);
    let seen = ask_both(&targets, [&wanted, &other], "/a9b0-port").await;
    let port = i64::from(wanted.port);
    assert_eq!(
        spans::count(&seen, "/a9b0-port/0"),
        2,
        "{}",
        spans::all(&seen)
    );
    assert_eq!(
        spans::count(&seen, "/a9b0-port/1"),
        0,
        "{}",
        spans::all(&seen)
    );
    assert!(
        seen.spans()
            .iter()
            .all(|span| span.attr_int("server.port") == Some(port))
    );
}

pub(crate) async fn excluded_executable_is_not_told() {
    let servers = (server("a9b0-one").await, server("a9b0-two").await);
    let targets = "targets: {exclude: [{exe: '*/cur?'}]}";
    let seen = ask_both(targets, [&servers.0, &servers.1], "/a9b0-exe").await;
    assert_eq!(
        spans::servers(&seen, "/a9b0-exe").len(),
        2,
        "{}",
        spans::all(&seen)
    );
    assert_eq!(
        spans::clients(&seen, "/a9b0-exe").len(),
        0,
        "{}",
        spans::all(&seen)
    );
}

pub(crate) async fn included_service_is_told_and_no_other() {
    let (wanted, other) = (server("a9b0-shop-1").await, server("a9b0-two").await);
    let targets = "targets: {include: [{service: 'a9b0-shop-*'}]}";
    let seen = ask_both(targets, [&wanted, &other], "/a9b0-service").await;
    assert_eq!(
        spans::servers(&seen, "/a9b0-service/0").len(),
        1,
        "{}",
        spans::all(&seen)
    );
    assert!(
        seen.spans()
            .iter()
            .all(|span| spans::service(span) == "a9b0-shop-1"),
        "{}",
        spans::all(&seen),
    );
}

pub(crate) async fn included_pid_is_told_and_no_other() {
    let (wanted, other) = (server("a9b0-one").await, server("a9b0-two").await);
    let targets = format!("targets: {{include: [{{pid: {}}}]}}", wanted.program.pid());
    let seen = ask_both(&targets, [&wanted, &other], "/a9b0-pid").await;
    assert_eq!(
        spans::servers(&seen, "/a9b0-pid/0").len(),
        1,
        "{}",
        spans::all(&seen)
    );
    assert_eq!(seen.spans().len(), 1, "{}", spans::all(&seen));
}

async fn server(service: &str) -> Server {
    let mut command = script("app");
    command.env("OTEL_SERVICE_NAME", service);
    Server::start(command).await
}

/// Asks the first for `path/0`, the second for `path/1`. Stopping drains, so that what is not told
/// then will never be.
async fn ask_both(targets: &str, servers: [&Server; 2], path: &str) -> Seen {
    let daemon = Daemon::start_with(targets).await;
    for (number, server) in servers.into_iter().enumerate() {
        let url = server.url(&format!("{path}/{number}"));
        assert_eq!(curl(&[], &url).await.stdout, "200 3");
    }
    daemon.stop().await.seen
}
