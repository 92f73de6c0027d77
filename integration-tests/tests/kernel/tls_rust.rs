//! rustls, whose functions have names as long as nobody strips the program, and whose objects have
//! no socket, move, and end unheard of.

use std::{path::PathBuf, process::Command as Blocking, sync::OnceLock};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tapline_integration_tests::{Scratch, target_dir};
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::Command;

use crate::{
    actors::Server,
    daemon::Daemon,
    harness::Missing,
    spans,
    tls::run,
    tls_actors::{Plan, certificate},
};

/// Our own program over hyper and rustls, built as a release.
pub(crate) fn built() -> Result<(), Missing> {
    program().clone().map(drop).map_err(Missing::Program)
}

fn program() -> &'static Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let built = Blocking::new(cargo)
            .args(["build", "--quiet", "--profile", "watched"])
            .args(["--package", "tapline-program-rustls"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("CARGO_TARGET_DIR", target_dir())
            .output()
            .map_err(|error| format!("no cargo: {error}"))?;
        if built.status.success() {
            Ok(target_dir().join("watched/tapline-program-rustls"))
        } else {
            Err(String::from_utf8_lossy(&built.stderr).into_owned())
        }
    })
}

async fn serve(program: &PathBuf, scratch: &Scratch) -> Server {
    let mut command = Command::new(program);
    command.arg("serve").arg(certificate(scratch));
    Server::start(command).await
}

fn client(program: &PathBuf, port: u16, plan: &Plan, how: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(["ask", &port.to_string()])
        .args(plan.arguments())
        .arg(how);
    command
}

pub(crate) async fn every_way_to_use_it_is_told_connection_by_connection() {
    let scratch = Scratch::new();
    let program = program().as_ref().expect("a need");
    let server = serve(program, &scratch).await;
    let daemon = Daemon::start().await;
    let plans = ["h1", "h2", "threads"].map(|how| Plan {
        connections: 20,
        requests: 4,
        prefix: match how {
            "h1" => "c5a3-rust-h1",
            "h2" => "c5a3-rust-h2",
            _ => "c5a3-rust-threads",
        },
    });
    for plan in &plans {
        let how = plan.prefix.rsplit('-').next().expect("it has parts");
        run(client(program, server.port, plan, how)).await;
    }
    let wanted: usize = plans.iter().map(Plan::spans).sum();
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/c5a3-rust-") >= wanted)
        .await;
    for plan in &plans {
        plan.assert_told(&told.seen);
    }
    let unbound = crate::durations::latest(&told.seen, "tapline.ebpf.tls.unbound");
    assert_eq!(unbound, Some(0));
}

pub(crate) async fn without_symbols_it_is_told_as_what_nobody_can_read() {
    let scratch = Scratch::new();
    let stripped = scratch.path().join("stripped");
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&stripped);
    strip.arg(program().as_ref().expect("a need"));
    run(strip).await;
    let server = serve(&stripped, &scratch).await;
    let daemon = Daemon::start_with("unknown_protocols: spans").await;
    let plan = Plan {
        connections: 3,
        requests: 1,
        prefix: "d6b4-rust",
    };
    run(client(&stripped, server.port, &plan, "h1")).await;
    let port = server.port.to_string();
    let opaque = |seen: &Seen, kind: SpanKind| {
        let is_it = |span: &ReceivedSpan<'_>| {
            span.record.name == "TLS" && spans::shown(span, "server.port").as_ref() == Some(&port)
        };
        spans::select(seen, kind, is_it).len()
    };
    let sides = [SpanKind::Client, SpanKind::Server];
    let enough = |seen: &Seen| sides.iter().all(|side| opaque(seen, *side) >= 3);
    let told = daemon.stop_when(enough).await;
    for side in sides {
        let found = opaque(&told.seen, side);
        assert_eq!(found, 3, "{side:?} {}", spans::all(&told.seen));
    }
    assert_eq!(spans::count(&told.seen, "/d6b4-rust/"), 0);
}
