//! Two processes in a row, over mutual TLS on both protocols and over a unix socket.
//!
//! The first one is the client that the second one is tested with, and the other way round.

use std::{fs, path::Path, time::Duration};

use tapline_integration_tests::Scratch;
use tapline_testkit::{
    Backend, Seen,
    certificates::{CA_PEM, CLIENT_KEY, CLIENT_PEM, SERVER_KEY, SERVER_PEM},
};
use tokio::time::{Instant, sleep};

use crate::{
    client::{Client, Signal},
    load::{Load, Sender, arrived, missing},
    process::{Process, free_ports},
};

const ARRIVAL_LIMIT: Duration = Duration::from_secs(20);
/// The ways from the first process to the second.
const WAYS: [&str; 3] = ["grpc", "http", "unix"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutual_tls_and_unix_sockets_carry_everything_and_strangers_nothing() {
    let backend = Backend::start_mutual_tls().await;
    let scratch = Scratch::new();
    let directory = scratch.path();
    write_certificates(&scratch);
    // Not yet the certificate of a server: nobody may trust it.
    fs::copy(directory.join("client.key"), directory.join("own.key")).expect("ours");
    fs::copy(directory.join("client.pem"), directory.join("own.pem")).expect("ours");
    let [grpc, http, plain, page_near, page_far] = free_ports().await;
    let text = far(directory, [grpc, http, page_far], backend.addr().port());
    let far = Process::start(&scratch.file("far.yaml", &text), page_far).await;
    let text = near(directory, [grpc, http, plain, page_near]);
    let near = Process::start(&scratch.file("near.yaml", &text), page_near).await;
    let load = Load::start([Sender {
        client: Client::grpc(plain),
        signal: Signal::Traces,
        number: 1,
        items: 5,
        ballast: 20,
        pause: Duration::from_millis(10),
        insists: false,
    }]);
    for exporter in ["otlp/grpc", "otlp_http", "otlp/stranger"] {
        near.says_of(exporter, "exporting fails").await;
    }
    assert!(
        arrived([&by(&backend.seen(), "grpc")]).is_empty(),
        "a wrong name was trusted"
    );
    // The right one is found in the files without anybody asking for it.
    fs::copy(directory.join("server.key"), directory.join("own.key")).expect("ours");
    fs::copy(directory.join("server.pem"), directory.join("own.pem")).expect("ours");
    for exporter in ["otlp/grpc", "otlp_http"] {
        near.says_of(exporter, "exporting works again").await;
    }
    let outcome = load.stop().await;
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    assert!(!outcome.acknowledged.is_empty(), "nothing was sent");
    for way in WAYS {
        let deadline = Instant::now() + ARRIVAL_LIMIT;
        let ids = loop {
            let ids = arrived([&by(&backend.seen(), way)]);
            let Some(missing) = missing(&outcome.acknowledged, &ids) else {
                break ids;
            };
            let in_time = Instant::now() < deadline;
            assert!(in_time, "{way}: {missing}\n{}\n{}", near.tail(), far.tail());
            sleep(Duration::from_millis(50)).await;
        };
        // A stranger's items would be there as well.
        assert_eq!(ids.len(), outcome.acknowledged.len(), "{way}");
    }
    assert!(near.of("otlp/stranger", "exporting works again").is_none());
    assert_eq!(far.stop().await.code(), Some(0));
}

/// Returns what came by one way.
fn by(seen: &Seen, way: &str) -> Seen {
    let requests = seen.requests.iter();
    let requests = requests.filter(|request| request.header("x-way") == way);
    Seen {
        requests: requests.cloned().collect(),
    }
}

fn write_certificates(scratch: &Scratch) {
    for (name, text) in [
        ("ca.pem", CA_PEM),
        ("client.pem", CLIENT_PEM),
        ("client.key", CLIENT_KEY),
        ("server.pem", SERVER_PEM),
        ("server.key", SERVER_KEY),
    ] {
        scratch.file(name, text);
    }
}

/// The process that clients send to: it forwards everything by every way.
fn near(directory: &Path, [grpc, http, plain, page]: [u16; 4]) -> String {
    let at = directory.display();
    let tls = format!(
        "ca_file: '{at}/ca.pem', cert_file: '{at}/client.pem', key_file: '{at}/client.key'"
    );
    let retry = "retry_on_failure: {initial_interval: 100ms, max_interval: 300ms}";
    format!(
        "
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{plain}'}}}}}}
exporters:
  otlp/grpc: {{endpoint: '127.0.0.1:{grpc}', tls: {{{tls}}}, {retry}}}
  otlp_http: {{endpoint: 'https://127.0.0.1:{http}', tls: {{{tls}}}, {retry}}}
  otlp/unix: {{endpoint: 'unix://{at}/otlp.sock', tls: {{insecure: true}}, {retry}}}
  otlp/stranger: {{endpoint: '127.0.0.1:{grpc}', tls: {{ca_file: '{at}/ca.pem'}}, {retry}}}
service:
  telemetry:
    metrics:
      readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {page}}}}}}}}}]
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp/grpc, otlp_http, otlp/unix, otlp/stranger]
"
    )
}

/// The process behind it: it says which way things came, and sends them on over mutual TLS.
fn far(directory: &Path, [grpc, http, page]: [u16; 3], backend: u16) -> String {
    let at = directory.display();
    let tls = format!(
        "tls: {{cert_file: '{at}/own.pem', key_file: '{at}/own.key', \
         client_ca_file: '{at}/ca.pem', reload_interval: 500ms}}"
    );
    let exporters: String = WAYS
        .map(|way| exporter(way, &at.to_string(), backend))
        .concat();
    let pipelines: String = WAYS.map(pipeline).concat();
    format!(
        "
receivers:
  otlp/grpc: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{grpc}', {tls}}}}}}}
  otlp/http: {{protocols: {{http: {{endpoint: '127.0.0.1:{http}', {tls}}}}}}}
  otlp/unix: {{protocols: {{grpc: {{endpoint: '{at}/otlp.sock', transport: unix}}}}}}
exporters:
{exporters}
service:
  telemetry:
    metrics:
      readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {page}}}}}}}}}]
  pipelines:
{pipelines}
"
    )
}

fn exporter(way: &str, at: &str, backend: u16) -> String {
    format!(
        "  otlp/{way}:
    endpoint: 'localhost:{backend}'
    headers: {{x-way: {way}}}
    tls: {{ca_file: '{at}/ca.pem', cert_file: '{at}/client.pem', key_file: '{at}/client.key'}}
"
    )
}

fn pipeline(way: &str) -> String {
    format!("    traces/{way}: {{receivers: [otlp/{way}], exporters: [otlp/{way}]}}\n")
}
