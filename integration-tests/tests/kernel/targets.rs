//! `targets` chooses whom the receiver tells about.

use tapline_integration_tests::{Program, Scratch};
use tapline_testkit::Seen;
use tokio::process::Command;

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

pub(crate) async fn a_process_that_listens_on_an_open_port_is_told_with_what_it_asks() {
    let asked = server("a9b0-asked").await;
    let mut command = script("caller");
    command.arg(asked.port.to_string());
    let caller = Server::start(command).await;
    let low = caller.port.saturating_sub(1);
    let targets = format!(
        "targets: {{include: [{{open_ports: '1,{low}-{}'}}]}}",
        caller.port
    );
    // The range may have the other server in it.
    let is_alone = asked.port < low || asked.port > caller.port;
    let daemon = Daemon::start_with(&targets).await;
    assert_eq!(
        curl(&[], &caller.url("/a9b0-open"))
            .await
            .stdout
            .split(' ')
            .next(),
        Some("200")
    );
    let seen = daemon.stop().await.seen;
    assert_eq!(
        spans::servers(&seen, "/a9b0-open").len(),
        1 + usize::from(!is_alone)
    );
    let clients = spans::clients(&seen, "/a9b0-open");
    let pids: Vec<_> = clients
        .iter()
        .filter_map(|span| spans::resource_int(span, "process.pid"))
        .collect();
    assert_eq!(
        pids,
        [i64::from(caller.program.pid())],
        "{}",
        spans::all(&seen)
    );
}

pub(crate) async fn what_a_chosen_process_starts_is_told_too() {
    let mut command = Command::new("sh");
    let python = script("app");
    let line = command_line(&python);
    command.args(["-c", &format!("{line}; true a9b0-shell")]);
    let (child, other) = (Server::start(command).await, server("a9b0-two").await);
    let targets = "targets: {include: [{cmd_args: '*a9b0-shell*'}]}";
    let seen = ask_both(targets, [&child, &other], "/a9b0-child").await;
    let told = spans::only(spans::servers(&seen, "/a9b0-child"), "the child", &seen);
    assert_eq!(spans::service(&told), "app");
    assert_eq!(
        spans::count(&seen, "/a9b0-child"),
        1,
        "{}",
        spans::all(&seen)
    );
}

pub(crate) async fn a_language_and_a_command_line_choose() {
    let servers = (server("a9b0-one").await, server("a9b0-two").await);
    let targets = "targets: {include: [{languages: [go, pyth*]}]}";
    let seen = ask_both(targets, [&servers.0, &servers.1], "/a9b0-language").await;
    assert_eq!(spans::servers(&seen, "/a9b0-language").len(), 2);
    assert_eq!(spans::clients(&seen, "/a9b0-language").len(), 0);
    let targets = "targets: {exclude: [{cmd_args: '*/a9b0-line/1'}]}";
    let seen = ask_both(targets, [&servers.0, &servers.1], "/a9b0-line").await;
    assert_eq!(spans::servers(&seen, "/a9b0-line").len(), 2);
    assert_eq!(spans::clients(&seen, "/a9b0-line").len(), 1);
    assert_eq!(
        spans::count(&seen, "/a9b0-line/0"),
        2,
        "{}",
        spans::all(&seen)
    );
}

pub(crate) async fn an_entry_says_how_its_target_is_told() {
    let servers = (server("a9b0-one").await, server("a9b0-two").await);
    let targets = "targets:
  include:
    - {service: a9b0-one, name: till, namespace: eu, routes: {patterns: ['/a9b0-entry/{n}']}}
    - {service: a9b0-two, exports: [metrics]}";
    let seen = ask_both(targets, [&servers.0, &servers.1], "/a9b0-entry").await;
    let told = spans::server(&seen, "/a9b0-entry/0");
    assert_eq!(
        (spans::service(&told), told.record.name.as_str()),
        ("till", "GET /a9b0-entry/{n}")
    );
    assert_eq!(told.resource_str("service.namespace"), Some("eu"));
    assert_eq!(
        spans::count(&seen, "/a9b0-entry/1"),
        0,
        "{}",
        spans::all(&seen)
    );
    let metrics = seen.metrics();
    let services = metrics
        .iter()
        .filter_map(|metric| metric.resource_str("service.name"));
    let mut services: Vec<&str> = services.filter(|name| *name != "tapline").collect();
    services.sort_unstable();
    services.dedup();
    assert_eq!(services, ["a9b0-two", "till"]);
}

pub(crate) async fn agents_are_left_out_unless_they_are_wanted() {
    let server = server("a9b0-one").await;
    let scratch = Scratch::new();
    let vector = scratch.path().join("vector");
    std::fs::copy("/usr/bin/curl", &vector).expect("curl can be copied");
    for (settings, clients) in [("", 0), ("targets: {default_exclusions: false}", 1)] {
        let daemon = Daemon::start_with(settings).await;
        let mut command = Command::new(&vector);
        command.args(["--silent", "--noproxy", "*", &server.url("/a9b0-agent")]);
        assert_eq!(Program::run(command).await.stdout.trim(), "ok");
        let seen = daemon.stop().await.seen;
        assert_eq!(spans::servers(&seen, "/a9b0-agent").len(), 1, "{settings}");
        assert_eq!(
            spans::clients(&seen, "/a9b0-agent").len(),
            clients,
            "{settings}"
        );
    }
}

/// One gave up root, as servers do; one also made its memory unreadable, as key keepers do.
pub(crate) async fn a_process_that_hides_its_memory_is_left_out() {
    let start = |as_somebody_else: bool, hides: &str| {
        let mut command = script("hides");
        command.arg(hides);
        if as_somebody_else {
            let python = command.as_std();
            let mut dropped = Command::new("setpriv");
            // Not another user, who may not be able to read the interpreter.
            dropped.args(["--regid=65534", "--clear-groups"]);
            dropped.arg(python.get_program()).args(python.get_args());
            command = dropped;
        }
        Server::start(command)
    };
    let (dropped, hidden) = (start(false, "drop").await, start(true, "hide").await);
    for (settings, told) in [("", [1, 0]), ("targets: {undumpable: true}", [1, 1])] {
        let seen = ask_both(settings, [&dropped, &hidden], "/a9b0-hides").await;
        for (number, told) in told.into_iter().enumerate() {
            let path = format!("/a9b0-hides/{number}");
            let servers = spans::servers(&seen, &path);
            assert_eq!(
                servers.len(),
                told,
                "{settings} {path} {}",
                spans::all(&seen)
            );
        }
    }
}

pub(crate) async fn a_reload_changes_who_is_told_and_keeps_connections() {
    let (first, second) = (server("a9b0-one").await, server("a9b0-two").await);
    let daemon = Daemon::start_with("targets: {include: [{service: a9b0-one}]}").await;
    let mut kept = client(&first);
    let mut fresh = client(&second);
    assert_eq!(kept.ask("GET /a9b0-reload/kept/before").await, "200 3");
    assert_eq!(fresh.ask("GET /a9b0-reload/fresh/before").await, "200 3");
    let begun = "/a9b0-reload/kept/before";
    let seen = daemon
        .seen_when(|seen| spans::count(seen, begun) == 1)
        .await;
    assert_eq!(
        spans::count(&seen, "/a9b0-reload"),
        1,
        "{}",
        spans::all(&seen)
    );
    daemon
        .reload_with("targets: {include: [{service: a9b0-one}, {service: a9b0-two}]}")
        .await;
    // Both go on on the connections that they had; the settings hold within a moment.
    let mut asked = 0;
    while spans::count(
        &daemon.seen_when(|_| true).await,
        "/a9b0-reload/fresh/after",
    ) == 0
    {
        assert!(asked < 200, "not told after the reload");
        assert_eq!(
            fresh
                .ask(&format!("GET /a9b0-reload/fresh/after/{asked}"))
                .await,
            "200 3"
        );
        asked += 1;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(kept.ask("GET /a9b0-reload/kept/after").await, "200 3");
    drop((kept.end().await, fresh.end().await));
    let seen = daemon.stop().await.seen;
    assert_eq!(spans::servers(&seen, "/a9b0-reload/kept/after").len(), 1);
    assert_eq!(spans::count(&seen, "/a9b0-reload/fresh/before"), 0);
    let last = format!("/a9b0-reload/fresh/after/{}", asked - 1);
    assert_eq!(
        spans::servers(&seen, &last).len(),
        1,
        "{}",
        spans::all(&seen)
    );
}

fn client(server: &Server) -> Program {
    let mut command = script("client");
    command.arg(server.port.to_string());
    Program::start(command)
}

/// A command as a shell takes it.
fn command_line(command: &Command) -> String {
    let command = command.as_std();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    words.join(" ")
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
