//! Starting without a configuration, starting without the right to, and stopping.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use tapline_integration_tests::{Scratch, tapline};
use tapline_testkit::{Backend, Protocol};
use tokio::{net::TcpStream, process::Command};

use tapline_integration_tests::Program;

use crate::{
    actors::{Server, curl, script},
    daemon::Daemon,
    spans,
};

/// `nobody`, as most systems number it; any user without rights will do.
pub(crate) const NOBODY: u32 = 65_534;
/// Where the built-in configuration exports to.
const BUILTIN_BACKEND: &str = "127.0.0.1:4318";
/// How long the daemon may not repeat itself.
const QUIET: Duration = Duration::from_secs(3);

/// Holds everything back for longer than any test.
const HELD: &str = "
receivers: {ebpf: {}}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 256}
  batch: {timeout: 60s, send_batch_size: 100000}
exporters:
  otlp: {endpoint: ENDPOINT, tls: {insecure: true}}
service:
  pipelines:
    traces: {receivers: [ebpf], processors: [memory_limiter, batch], exporters: [otlp]}
";

pub(crate) async fn sigterm_loses_nothing_that_was_finished() {
    const REQUESTS: usize = 20;
    let server = Server::start(script("app")).await;
    let daemon = Daemon::start().await;
    let mut command = script("client");
    command.arg(server.port.to_string());
    let mut client = Program::start(command);
    for number in 0..REQUESTS {
        assert_eq!(
            client.ask(&format!("GET /b1c2-term/{number}")).await,
            "200 3"
        );
    }
    let told = daemon.stop().await;
    assert_eq!(told.ended.status.code(), Some(0), "{}", told.ended.stderr);
    assert_eq!(spans::servers(&told.seen, "/b1c2-term").len(), REQUESTS);
    assert_eq!(spans::clients(&told.seen, "/b1c2-term").len(), REQUESTS);
}

pub(crate) async fn sigterm_drains_what_processors_hold_and_the_grpc_exporter_sends_it() {
    let server = Server::start(script("app")).await;
    let held = |backend: &Backend| HELD.replace("ENDPOINT", &backend.endpoint());
    let daemon = Daemon::start_configured(held).await;
    assert_eq!(curl(&[], &server.url("/b1c2-held")).await.stdout, "200 3");
    let told = daemon.stop().await;
    assert_eq!(told.ended.status.code(), Some(0), "{}", told.ended.stderr);
    assert_eq!(
        spans::count(&told.seen, "/b1c2-held"),
        2,
        "{}",
        spans::all(&told.seen)
    );
    assert!(
        told.seen
            .requests
            .iter()
            .all(|request| request.protocol == Protocol::Grpc)
    );
}

pub(crate) async fn built_in_configuration_shows_a_line_per_request() {
    let has_backend = TcpStream::connect(BUILTIN_BACKEND).await.is_ok();
    let server = Server::start(script("app")).await;
    let daemon = Program::start(Command::new(tapline()));
    daemon
        .error_line(|line| line.contains("Everything is ready"))
        .await;
    assert_eq!(curl(&[], &server.url("/b1c2-line")).await.stdout, "200 3");
    let wanted = |line: &str| line.contains("/b1c2-line") && line.contains("200");
    let line = daemon
        .line(|line| wanted(line) && line.contains("curl"))
        .await;
    println!("  {line}");
    let until = tokio::time::Instant::now() + QUIET;
    let mut asked = 0;
    while tokio::time::Instant::now() < until {
        asked += 1;
        curl(&[], &server.url(&format!("/b1c2-more/{asked}"))).await;
    }
    daemon.terminate();
    let ended = daemon.end().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().filter(|line| wanted(line)).collect();
    assert_eq!(lines.len(), 2, "one for each side: {lines:#?}");
    let last = ended.stdout.lines().last().unwrap_or_default();
    assert!(
        last.contains(" requests in ") && last.contains("p95"),
        "{last:?}"
    );
    assert!(
        !ended.stdout.contains('\x1b'),
        "no colours where there is no terminal"
    );
    if has_backend {
        println!("  something listens on {BUILTIN_BACKEND}: the notice is not looked for");
        return;
    }
    let notices = ended.stderr.matches("connection refused").count();
    assert_eq!(
        notices, 1,
        "of {asked} requests in {QUIET:?}:\n{}",
        ended.stderr
    );
}

pub(crate) async fn without_privilege_it_says_what_is_missing() {
    let scratch = Scratch::new();
    let binary = scratch.path().join("tapline");
    // A user without rights may not see the target directory.
    fs::copy(tapline(), &binary).expect("the binary can be copied");
    make_public(scratch.path());
    let mut command = Command::new(binary);
    command.uid(NOBODY).gid(NOBODY).current_dir(scratch.path());
    let ended = Program::run(command).await;
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    for wanted in ["cannot be tapped", "CAP_BPF", "run as root", "setcap"] {
        assert!(
            ended.stderr.contains(wanted),
            "no {wanted:?} in:\n{}",
            ended.stderr
        );
    }
}

pub(crate) fn make_public(directory: &Path) {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("ours");
}

/// `CAP_DAC_READ_SEARCH` and `CAP_SYS_PTRACE`: what reading other processes' `/proc` needs.
const CAPABILITIES_KEPT: u64 = 1 << 2 | 1 << 19;

pub(crate) async fn every_thread_has_given_up_what_loading_needed() {
    let daemon = Daemon::start().await;
    let threads = format!("/proc/{}/task", daemon.pid());
    let mut seen = 0;
    for thread in fs::read_dir(threads).expect("it runs") {
        let status = thread.expect("listed").path().join("status");
        let status = fs::read_to_string(status).expect("it runs");
        let line = |name: &str| {
            let hex = status.lines().find_map(|line| line.strip_prefix(name));
            u64::from_str_radix(hex.expect("every thread has it").trim(), 16).expect("hex")
        };
        assert_eq!(line("CapEff:") & !CAPABILITIES_KEPT, 0, "{status}");
        assert_eq!(line("CapPrm:") & !CAPABILITIES_KEPT, 0, "{status}");
        seen += 1;
    }
    assert!(seen > 2, "the receiver has threads of its own");
    daemon.stop().await;
}
