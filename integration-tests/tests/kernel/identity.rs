//! Who a process is: what its environment says, and what remains when it is gone.

use tapline_integration_tests::{Program, Scratch};
use tokio::process::Command;

use crate::{
    actors::{Server, curl, curl_command, free_port, script},
    daemon::Daemon,
    spans,
};

pub(crate) async fn environment_names_the_service_of_new_and_of_old_processes() {
    let mut command = script("app");
    command.env(
        "OTEL_RESOURCE_ATTRIBUTES",
        "service.name=catalog,deployment.environment.name=staging,team=a%2Cb",
    );
    let server = Server::start(command).await;
    let daemon = Daemon::start().await;
    let mut command = curl_command(&[], &server.url("/a3b4-named"));
    command.env("OTEL_SERVICE_NAME", "shop");
    command.env(
        "OTEL_RESOURCE_ATTRIBUTES",
        "service.name=not-me,deployment.environment.name=test",
    );
    assert_eq!(Program::run(command).await.stdout, "200 3");
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/a3b4-named") >= 2)
        .await;
    let asked = spans::client(&told.seen, "/a3b4-named");
    let answered = spans::server(&told.seen, "/a3b4-named");
    assert_eq!(
        (spans::service(&asked), spans::service(&answered)),
        ("shop", "catalog")
    );
    let environment = "deployment.environment.name";
    assert_eq!(asked.resource_str(environment), Some("test"));
    assert_eq!(answered.resource_str(environment), Some("staging"));
    assert_eq!(answered.resource_str("team"), Some("a,b"));
}

pub(crate) async fn processes_that_live_for_one_request_are_named() {
    const RUNS: usize = 30;
    let server = Server::start(script("app")).await;
    let daemon = Daemon::start().await;
    for run in 0..RUNS {
        let ended = curl(&[], &server.url(&format!("/a3b4-short/{run}/"))).await;
        assert_eq!(ended.stdout, "200 3");
    }
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/a3b4-short") >= 2 * RUNS)
        .await;
    for run in 0..RUNS {
        let asked = spans::client(&told.seen, &format!("/a3b4-short/{run}/"));
        assert_eq!(
            spans::service(&asked),
            "curl",
            "{}",
            spans::describe(&asked)
        );
        let path = asked
            .resource_str("process.executable.path")
            .unwrap_or_default();
        assert!(
            path.starts_with('/') && path.ends_with("/curl"),
            "run {run}: {path:?}"
        );
    }
    assert_eq!(spans::servers(&told.seen, "/a3b4-short").len(), RUNS);
}

/// A shell makes a request with one of its own, then becomes curl.
pub(crate) async fn another_program_in_the_same_process_has_another_name() {
    let server = Server::start(script("app")).await;
    let daemon = Daemon::start().await;
    let mut command = script("execs");
    command.args([server.port.to_string(), server.url("/a3b4-exec/2")]);
    drop(Program::run(command).await);
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/a3b4-exec") >= 4)
        .await;
    let (first, second) = (
        spans::client(&told.seen, "/a3b4-exec/1"),
        spans::client(&told.seen, "/a3b4-exec/2"),
    );
    assert_eq!(
        (spans::service(&first), spans::service(&second)),
        ("execs", "curl")
    );
    let pid = |span| spans::resource_int(span, "process.pid");
    assert_eq!(pid(&first), pid(&second));
}

pub(crate) async fn a_package_names_the_service() {
    let scratch = Scratch::new();
    scratch.file(
        "package.json",
        r#"{"name": "@acme/a3b4-shop", "type": "module"}"#,
    );
    std::fs::create_dir_all(scratch.path().join("dist")).expect("our own directory");
    let code = "import http from 'node:http';
        const server = http.createServer((_, response) => response.end('hello'));
        server.listen(0, '127.0.0.1', () => console.log('listening on port', server.address().port));";
    scratch.file("dist/index.js", code);
    let mut command = Command::new("node");
    command.arg("dist/index.js").current_dir(scratch.path());
    let server = Server::start(command).await;
    let daemon = Daemon::start().await;
    assert_eq!(
        curl(&[], &server.url("/a3b4-package")).await.stdout,
        "200 5"
    );
    let told = daemon
        .stop_when(|seen| !spans::servers(seen, "/a3b4-package").is_empty())
        .await;
    let answered = spans::server(&told.seen, "/a3b4-package");
    assert_eq!(spans::service(&answered), "@acme/a3b4-shop");
    assert_eq!(
        answered.resource_str("telemetry.sdk.language"),
        Some("nodejs")
    );
}

pub(crate) async fn an_applet_is_named_by_what_it_was_called() {
    let scratch = Scratch::new();
    scratch.file("a3b4-applet", "hello");
    let port = free_port();
    let mut command = Command::new("busybox");
    let at = format!("127.0.0.1:{port}");
    command
        .args(["httpd", "-f", "-vv", "-p", &at, "-h"])
        .arg(scratch.path());
    let server = Program::start(command);
    let url = format!("http://{at}/a3b4-applet");
    let daemon = Daemon::start().await;
    let retry = ["--retry", "20", "--retry-connrefused", "--retry-delay", "0"];
    assert_eq!(curl(&retry, &url).await.stdout, "200 5");
    let told = daemon
        .stop_when(|seen| !spans::servers(seen, "/a3b4-applet").is_empty())
        .await;
    assert_eq!(
        spans::service(&spans::server(&told.seen, "/a3b4-applet")),
        "httpd"
    );
    server.terminate();
}
