//! The daemon under test, running a configuration on ports of its own.

use std::{net::Ipv4Addr, time::Duration};

use tapline_integration_tests::{Ended, Program, Scratch, tapline};
use tokio::process::Command;

use crate::{books::Page, client};

/// What the daemon says once all receivers listen.
const READY: &str = "Everything is ready";

/// A running gateway. It is killed when this goes out of scope.
pub(crate) struct Gateway {
    program: Program,
    ports: Ports,
    _scratch: Scratch,
}

/// Where a gateway listens on loopback.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// OTLP/gRPC.
    pub(crate) grpc: u16,
    /// OTLP/HTTP.
    pub(crate) http: u16,
    /// The page with its own metrics.
    metrics: u16,
}

impl Gateway {
    /// Starts one with a configuration, to which the page with its metrics is added.
    pub(crate) async fn start(config: impl FnOnce(Ports) -> String) -> Self {
        Self::start_with(&[], config).await
    }

    /// Does the same with more arguments on the command line.
    pub(crate) async fn start_with(
        arguments: &[&str],
        config: impl FnOnce(Ports) -> String,
    ) -> Self {
        let ports = Ports {
            grpc: free_port(),
            http: free_port(),
            metrics: free_port(),
        };
        let scratch = Scratch::new();
        let mut command = Command::new(tapline());
        command
            .arg("--config")
            .arg(scratch.file("own.yaml", &ports.own()))
            .arg("--config")
            .arg(scratch.file("gateway.yaml", &config(ports)))
            .args(arguments)
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG"); // would hide the line that is waited for
        let program = Program::start(command);
        program.error_line(|line| line.contains(READY)).await;
        Self {
            program,
            ports,
            _scratch: scratch,
        }
    }

    /// Returns where it listens.
    pub(crate) fn ports(&self) -> Ports {
        self.ports
    }

    /// Reads its own metrics.
    pub(crate) async fn page(&self) -> Page {
        let answer = client::send("GET", self.ports.metrics, "/metrics", &[], &[]).await;
        assert_eq!(answer.status(), 200);
        let text = String::from_utf8(answer.into_body().into()).expect("metrics are text");
        Page::read(&text)
    }

    /// Waits for a line of its log that has `wanted` in it.
    pub(crate) async fn says(&self, wanted: &str) -> String {
        self.program.error_line(|line| line.contains(wanted)).await
    }

    /// Asks it to stop, and returns how it ended; that must be within a limit.
    pub(crate) async fn stop_within(self, limit: Duration) -> Ended {
        self.program.terminate();
        self.program.end_within(limit).await
    }
}

impl Ports {
    /// Returns the block `receivers` with an `otlp` that listens on both ports.
    pub(crate) fn receivers(self) -> String {
        let Self { grpc, http, .. } = self;
        format!(
            "\
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: \"127.0.0.1:{grpc}\"}}
      http: {{endpoint: \"127.0.0.1:{http}\"}}
"
        )
    }

    fn own(self) -> String {
        let port = self.metrics;
        format!(
            "\
service:
  telemetry:
    metrics:
      readers:
        - pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {port}}}}}}}
"
        )
    }
}

/// Returns a port that was free a moment ago.
fn free_port() -> u16 {
    let probe = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there are ports");
    probe.local_addr().expect("is bound").port()
}
