//! Health, from what the host knows to what is answered.

use std::time::Duration;

use tapline_config::{ComponentId, Environment, Input, Problems, load};
use tapline_pdata::Signal;
use tapline_pipeline::{
    Meters, StatusTable,
    graph::{Node, Pipeline, PipelineId},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Reads a configuration, or says what is wrong with it, or what was warned about.
fn read(text: &str) -> (Option<Config>, String) {
    let document = load(&[Input::text("c.yaml", text)], &Environment::default()).expect("YAML");
    let mut problems = Problems::new();
    let config = Config::read(document.root(), &mut problems);
    let messages: Vec<_> = problems.iter().map(|each| each.message.clone()).collect();
    (config, messages.join("; "))
}

fn id(text: &str) -> ComponentId {
    ComponentId::parse(text).expect("a valid id")
}

/// A process with one pipeline, `otlp` to `batch` to `otlp/backup`.
struct Rig {
    check: HealthCheck,
    status: StatusTable,
}

impl Rig {
    fn new(text: &str) -> Self {
        let (config, said) = read(text);
        let pipeline = Pipeline {
            id: PipelineId {
                signal: Signal::Traces,
                name: String::new(),
            },
            receivers: vec![id("otlp")],
            processors: vec![id("batch")],
            exporters: vec![id("otlp/backup")],
        };
        let status =
            StatusTable::new(nodes(&pipeline, &StatusTable::default()).map(|(_, node)| node));
        let host = HostView::new(Meters::new());
        host.set_graph(&status, &[pipeline], &[]);
        let config = config.unwrap_or_else(|| panic!("is refused: {said}"));
        let rig = Self {
            check: HealthCheck {
                config,
                settings: None,
                grpc: None,
                host,
            },
            status,
        };
        for node in rig.status.snapshot() {
            rig.status.report(&node.0, Status::Starting, "");
            rig.status.report(&node.0, Status::Ok, "");
        }
        rig
    }

    fn running(text: &str) -> Self {
        let rig = Self::new(text);
        rig.check.host.is_running();
        rig
    }

    /// The exporter reports a state.
    fn exporter(&self, status: Status) {
        let node = Node::Exporter {
            id: id("otlp/backup"),
            signal: Signal::Traces,
        };
        assert!(self.status.report(&node, status, "connection refused"));
    }

    fn ask(&self, target: &str) -> (u16, String) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let answer = self.check.answer(&Method::GET, path, query, Instant::now());
        let body = answer.body().to_vec();
        (
            answer.status().as_u16(),
            String::from_utf8(body).expect("is text"),
        )
    }

    /// Returns the codes of `/`, `/live` and `/ready`.
    fn codes(&self) -> [u16; 3] {
        ["/", "/live", "/ready"].map(|path| self.ask(path).0)
    }
}

#[tokio::test(start_paused = true)]
async fn is_well_from_the_start_of_everything_until_it_stops() {
    let rig = Rig::new("{}");
    assert_eq!(rig.codes(), [503, 200, 503]);
    let before =
        r#"{"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}"#;
    assert_eq!(rig.ask("/").1, before);
    rig.check.host.is_running();
    assert_eq!(rig.codes(), [200, 200, 200]);
    tokio::time::advance(Duration::from_millis(61_500)).await;
    let (_, body) = rig.ask("/");
    assert!(
        body.starts_with(r#"{"status":"Server available","upSince":"2"#),
        "{body}"
    );
    assert!(body.ends_with(r#"Z","uptime":"1m1.5s"}"#), "{body}");
    rig.check.host.is_stopping();
    assert_eq!(rig.codes(), [503, 200, 503]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_exporter_makes_it_unready_once_it_has_lasted() {
    let rig = Rig::running("component_health: {recovery_duration: 10s}");
    rig.exporter(Status::RecoverableError);
    assert_eq!(rig.codes(), [200, 200, 200]);
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(rig.codes(), [200, 200, 503]);
    rig.exporter(Status::Ok);
    assert_eq!(rig.codes(), [200, 200, 200]);
    rig.exporter(Status::PermanentError);
    assert_eq!(
        rig.codes(),
        [200, 200, 503],
        "components count only if asked for"
    );
}

#[tokio::test(start_paused = true)]
async fn the_path_counts_components_when_the_configuration_says_so() {
    let text = "component_health: {include_permanent_errors: true, \
                include_recoverable_errors: true, recovery_duration: 5s}";
    let rig = Rig::running(text);
    rig.exporter(Status::RecoverableError);
    assert_eq!(rig.codes()[0], 200);
    tokio::time::advance(Duration::from_secs(6)).await;
    let (code, body) = rig.ask("/");
    assert_eq!(code, 503);
    assert!(
        body.contains(r#""error":"exporter:otlp/backup: connection refused""#),
        "{body}"
    );
    let rig = Rig::running(text);
    rig.exporter(Status::PermanentError);
    assert_eq!(rig.codes(), [503, 200, 503]);

    let rig = Rig::running("check_collector_pipeline: {enabled: true, interval: 1m}");
    rig.exporter(Status::RecoverableError);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(rig.codes()[0], 503);
}

#[tokio::test(start_paused = true)]
async fn tells_every_component_when_asked() {
    let rig = Rig::running("{}");
    rig.exporter(Status::RecoverableError);
    let (code, body) = rig.ask("/?verbose&pipeline=traces");
    assert_eq!(code, 200);
    let body: Value = serde_json::from_str(&body).expect("is JSON");
    assert_eq!(body["componentStatus"], "StatusRecoverableError");
    let parts = &body["components"]["pipeline:traces"]["components"];
    let exporter = &parts["exporter:otlp/backup"];
    assert_eq!(exporter["status"], "StatusRecoverableError");
    assert_eq!(exporter["error"], "connection refused");
    assert_eq!(parts["receiver:otlp"]["status"], "StatusOK");
    assert_eq!(parts["processor:batch"]["healthy"], true);
    assert_eq!(rig.ask("/?pipeline=logs").0, 404);
    assert_eq!(rig.ask("/elsewhere").0, 404);
}

#[tokio::test(start_paused = true)]
async fn the_second_form_has_codes_and_words_of_its_own() {
    let text = "use_v2: true\ncomponent_health: {include_permanent_errors: true}\n\
                http: {endpoint: '127.0.0.1:0', status: {path: /health}}";
    let rig = Rig::running(text);
    assert_eq!(endpoint(&rig.check.config), "127.0.0.1:0");
    let (code, body) = rig.ask("/health");
    let body: Value = serde_json::from_str(&body).expect("is JSON");
    assert_eq!(
        (code, &body["status"], &body["healthy"]),
        (200, &json!("StatusOK"), &json!(true))
    );
    rig.exporter(Status::PermanentError);
    assert_eq!(rig.ask("/health").0, 500);
    rig.check.host.is_stopping();
    assert_eq!(Rig::new(text).ask("/health").0, 503);
    assert_eq!(rig.ask("/").0, 404);
}

#[tokio::test]
async fn own_texts_replace_the_body() {
    let text = "path: /health/status\nresponse_body: {healthy: fine, unhealthy: ill}";
    let rig = Rig::new(text);
    assert_eq!(rig.ask("/health/status"), (503, "ill".to_owned()));
    rig.check.host.is_running();
    assert_eq!(rig.ask("/health/status"), (200, "fine".to_owned()));
}

#[tokio::test]
async fn answers_over_http_and_names_a_port_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = taken.local_addr().expect("is bound").to_string();
    let text = format!("endpoint: '{endpoint}'");
    let build = |rig: &Rig| build(&rig.check.config, &rig.check.host).expect("can be built");
    let rig = Rig::running(&text);
    let error = build(&rig)
        .start(Stop::new())
        .await
        .err()
        .expect("is refused");
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {endpoint}: address in use")
    );
    drop(taken);

    let stop = Stop::new();
    let work = build(&rig).start(stop.clone()).await.expect("listens");
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(work.expect("serves"));
    let mut socket = tokio::net::TcpStream::connect(&endpoint)
        .await
        .expect("listens");
    let request = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).await.expect("is read");
    let mut answer = String::new();
    socket
        .read_to_string(&mut answer)
        .await
        .expect("is answered");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains(r#"{"status":"Server available""#),
        "{answer}"
    );
    stop.request();
    let ended = tasks
        .join_next()
        .await
        .expect("is there")
        .expect("does not panic");
    assert_eq!(ended, Ok(()));
}

#[test]
fn says_what_it_does_not_take() {
    let table = [
        ("endpiont: x", "unknown setting `endpiont`"),
        ("path: health", "`path` must start with /"),
        (
            "use_v2: true\ngrpc: {auth: {authenticator: x}}",
            "`auth` is not supported here by tapline yet",
        ),
        (
            "use_v2: true\nhttp: {config: {enabled: true}}",
            "the other is not supported",
        ),
        (
            "cors: {allowed_origins: ['*']}",
            "`cors` is not supported here by tapline yet",
        ),
        (
            "component_health: {include_all: true}",
            "unknown setting `include_all`",
        ),
    ];
    for (text, expected) in table {
        let (config, said) = read(text);
        assert!(
            config.is_none() && said.contains(expected),
            "{text}: {said}"
        );
    }
    let (config, said) = read("http: {endpoint: 'x:1'}");
    assert!(config.is_some() && said.contains("has no effect"), "{said}");
    let config = read("tls: {cert_file: /nowhere, key_file: /nowhere}").0;
    let host = HostView::new(Meters::new());
    let error = build(&config.expect("is valid"), &host).err();
    assert!(error.is_some_and(|error| error.contains("/nowhere")));
    let (config, _) = read("endpoint: '${env:NOWHERE}:13133'");
    assert_eq!(endpoint(&config.expect("is valid")), ":13133");
}

/// Returns where HTTP is served.
fn endpoint(config: &Config) -> &str {
    &config.server.as_ref().expect("HTTP is served").endpoint
}

const CHECK: &str = "/grpc.health.v1.Health/Check";

/// Asks over gRPC with our own client, on a free port.
#[tokio::test]
async fn answers_the_standard_question_over_grpc() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = taken.local_addr().expect("is bound").to_string();
    drop(taken);
    let rig = Rig::running(&format!("use_v2: true\ngrpc: {{endpoint: '{endpoint}'}}"));
    assert!(rig.check.config.server.is_none(), "only gRPC was asked for");
    let built = build(&rig.check.config, &rig.check.host).expect("can be built");
    let stop = Stop::new();
    let work = built.start(stop.clone()).await.expect("listens");
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(work.expect("serves"));
    let client = tapline_net::grpc::Client::new(tapline_net::grpc::ClientSettings {
        endpoint: tapline_net::grpc::Endpoint::parse(&endpoint).expect("is one"),
        tls: None,
        compression: tapline_net::compression::Compression::None,
        headers: http::HeaderMap::new(),
        user_agent: "test".to_owned(),
        authority: None,
        keepalive: None,
        balancing: tapline_net::grpc::Balancing::default(),
        when_unreachable: tapline_net::grpc::WhenUnreachable::default(),
        proxy: tapline_net::proxy::ProxySettings::default(),
    });
    let client = client.expect("can be made");
    let ask = async |method, request: &'static [u8]| {
        let message = vec![bytes::Bytes::from_static(request)];
        let answer = client.call(method, message, http::HeaderMap::new()).await;
        answer
            .map(|bytes| bytes.to_vec())
            .map_err(|status| status.code)
    };
    assert_eq!(ask(CHECK, b"").await, Ok(vec![0x08, 1]));
    assert_eq!(ask(CHECK, b"\x0a\x06traces").await, Ok(vec![0x08, 1]));
    let unknown = ask(CHECK, b"\x0a\x04logs").await;
    assert_eq!(unknown, Err(tapline_net::grpc::Code::NotFound));
    let watch = ask("/grpc.health.v1.Health/Watch", b"").await;
    assert_eq!(watch, Err(tapline_net::grpc::Code::Unimplemented));
    rig.check.host.is_stopping();
    assert_eq!(ask(CHECK, b"").await, Ok(vec![0x08, 2]));
    stop.request();
    let ended = tasks
        .join_next()
        .await
        .expect("is there")
        .expect("does not panic");
    assert_eq!(ended, Ok(()));
}
