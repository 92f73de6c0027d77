//! Go, whose TLS is its own and whose goroutines change threads and stacks in the middle of a call.

use std::{
    path::{Path, PathBuf},
    process::Command as Blocking,
    sync::OnceLock,
};

use tapline_integration_tests::{Program, Scratch, target_dir};
use tapline_testkit::Seen;
use tokio::process::Command;

use crate::{
    actors::{Server, programs},
    daemon::Daemon,
    harness::Missing,
    spans,
    tls_actors::{Plan, certificate},
};

const CONNECTIONS: usize = 20;
const REQUESTS: usize = 4;

pub(crate) async fn a_stripped_server_and_its_client_are_told_goroutine_by_goroutine() {
    let scratch = Scratch::new();
    let program = program().as_ref().expect("a need");
    let mut command = Command::new(program);
    command.arg("serve").arg(certificate(&scratch));
    let server = Server::start(command).await;
    let daemon = Daemon::start_with("tls: {min_age: 10ms}").await;
    let mut command = Command::new(program);
    command
        .args(["ask", &server.port.to_string()])
        .args([CONNECTIONS, REQUESTS].map(|number| number.to_string()))
        .arg("-go");
    let mut client = Program::start(command);
    // The client is looked into while it waits; it is done when its first requests are told.
    let is_probed = |seen: &Seen| {
        let told = [spans::clients(seen, "/d1e4"), spans::servers(seen, "/d1e4")];
        told.iter().all(|found| !found.is_empty())
    };
    let mut rounds = 0;
    loop {
        assert_eq!(client.ask(&format!("d1e4-{rounds}")).await, "asked");
        rounds += 1;
        if daemon.hears(is_probed).await {
            break;
        }
    }
    assert_eq!(client.ask("e2f5").await, "asked");
    let plan = Plan {
        connections: CONNECTIONS,
        requests: REQUESTS,
        prefix: "e2f5-go",
    };
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/e2f5-go/") >= plan.spans())
        .await;
    plan.assert_told(&told.seen);
}

/// Our own program, built by Debian's Go.
pub(crate) fn built() -> Result<(), Missing> {
    program().clone().map(drop).map_err(Missing::Program)
}

fn program() -> &'static Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let to = target_dir().join("tls_go");
        build_with(Path::new("go"), &to)?;
        Ok(to)
    })
}

/// Builds the program without symbols, as it is done for containers.
pub(crate) fn build_with(go: &Path, to: &Path) -> Result<(), String> {
    let built = Blocking::new(go)
        .args(["build", "-ldflags", "-s -w", "-o"])
        .arg(to)
        .arg(programs().join("tls_go/main.go"))
        .env("GOCACHE", target_dir().join("go-cache"))
        .env("GOFLAGS", "-mod=mod")
        .env("CGO_ENABLED", "0")
        .output();
    let built = built.map_err(|error| format!("no {}: {error}", go.display()))?;
    if built.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&built.stderr).into_owned())
    }
}
