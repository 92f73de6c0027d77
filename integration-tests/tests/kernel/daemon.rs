//! The daemon under test and the backend it exports to.

use std::time::Duration;

use tapline_integration_tests::{Scratch, tapline};
use tapline_testkit::{Backend, Seen};
use tokio::{process::Command, time::timeout};

use tapline_integration_tests::{Ended, Program, patient};

/// How long what was asked for may take to arrive.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(5);
const MOMENT: Duration = Duration::from_millis(200);

/// A running daemon with a backend of its own.
pub(crate) struct Daemon {
    program: Program,
    backend: Backend,
    scratch: Scratch,
}

/// What a daemon left behind.
pub(crate) struct Told {
    /// What the backend took.
    pub(crate) seen: Seen,
    /// How the daemon ended.
    pub(crate) ended: Ended,
}

impl Daemon {
    /// Starts one that taps the whole machine.
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// Starts one with further settings of the receiver, as lines of YAML.
    pub(crate) async fn start_with(ebpf: &str) -> Self {
        Self::start_configured(|backend| config(ebpf, &backend.url())).await
    }

    /// Starts one with a configuration of its own.
    pub(crate) async fn start_configured(config: impl FnOnce(&Backend) -> String) -> Self {
        let backend = Backend::start().await;
        let scratch = Scratch::new();
        let config = scratch.file("tapline.yaml", &config(&backend));
        let mut command = Command::new(tapline());
        command.arg("--config").arg(config);
        let program = Program::start(command);
        program
            .error_line(|line| line.contains("Everything is ready"))
            .await;
        Self {
            program,
            backend,
            scratch,
        }
    }

    /// Gives it other settings of the receiver, and waits until they hold.
    pub(crate) async fn reload_with(&self, ebpf: &str) {
        let config = config(ebpf, &self.backend.url());
        self.scratch.file("tapline.yaml", &config);
        self.program.signal("HUP");
        let done = |line: &str| line.contains("Config updated") || line.contains("not used");
        let line = self.program.error_line(done).await;
        assert!(line.contains("Config updated"), "{line}");
    }

    /// Returns what its backend has taken so far, once that is enough, or after a while.
    pub(crate) async fn seen_when(&self, enough: impl Fn(&Seen) -> bool) -> Seen {
        let arrival = self.backend.wait_for(enough, 100 * ARRIVAL_LIMIT);
        let _late = timeout(ARRIVAL_LIMIT, arrival).await;
        self.backend.seen()
    }

    /// Returns its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Keeps it from doing anything until it is resumed.
    pub(crate) fn pause(&self) {
        self.program.signal("STOP");
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.program.signal("CONT");
    }

    /// Waits until its log has a line with these words.
    pub(crate) async fn says(&self, words: &str) {
        self.program.error_line(|line| line.contains(words)).await;
    }

    /// Returns where its backend listens.
    pub(crate) fn backend_port(&self) -> u16 {
        self.backend.addr().port()
    }

    /// Returns whether enough has arrived, or does within a moment.
    pub(crate) async fn hears(&self, enough: impl Fn(&Seen) -> bool) -> bool {
        let arrival = self.backend.wait_for(enough, ARRIVAL_LIMIT);
        timeout(MOMENT, arrival).await.is_ok()
    }

    /// Waits until enough has arrived, or for a while, then stops the daemon.
    ///
    /// Stopping drains, so what is missing afterwards never comes, and what is there twice shows.
    pub(crate) async fn stop_when(self, enough: impl Fn(&Seen) -> bool) -> Told {
        // Not there in time is for the test to judge: it can say what is missing.
        let arrival = self.backend.wait_for(enough, 100 * ARRIVAL_LIMIT);
        let _late = timeout(patient(ARRIVAL_LIMIT), arrival).await;
        self.stop().await
    }

    /// Waits until enough has arrived, or for a while.
    pub(crate) async fn wait_for(&self, enough: impl Fn(&Seen) -> bool) {
        let arrival = self.backend.wait_for(enough, 100 * ARRIVAL_LIMIT);
        let _late = timeout(patient(ARRIVAL_LIMIT), arrival).await;
    }

    /// Returns what has arrived so far.
    pub(crate) fn seen(&self) -> Seen {
        self.backend.seen()
    }

    /// Stops the daemon at once.
    pub(crate) async fn stop(self) -> Told {
        self.program.terminate();
        let ended = self.program.end().await;
        Told {
            seen: self.backend.seen(),
            ended,
        }
    }
}

/// Returns a configuration that taps and exports fast. Whoever else builds and tests here takes
/// what CPU there is: nothing is let go for that, unless a test asks for it.
pub(crate) fn config(ebpf: &str, endpoint: &str) -> String {
    let lines = ebpf.replace('\n', "\n    ");
    let cpu_share = if ebpf.contains("cpu_share") {
        ""
    } else {
        "cpu_share: 0"
    };
    format!(
        "
receivers:
  ebpf:
    capture: ${{env:TAPLINE_TEST_CAPTURE:-auto}}
    flush_interval: 50ms
    metrics_interval: 500ms
    {cpu_share}
    {lines}
exporters:
  otlp_http:
    endpoint: {endpoint}
    compression: none
service:
  pipelines:
    traces: {{receivers: [ebpf], exporters: [otlp_http]}}
    metrics: {{receivers: [ebpf], exporters: [otlp_http]}}
    logs: {{receivers: [ebpf], exporters: [otlp_http]}}
"
    )
}
