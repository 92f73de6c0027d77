//! The pages, as a browser and a program get them.

use serde_json::Value;
use tapline_config::{ComponentId, Environment, Input, load};
use tapline_pdata::Signal;
use tapline_pipeline::{
    Meters, Status, StatusTable,
    graph::{Node as GraphNode, Pipeline, PipelineId},
    meter::account::{Outcome, Reason},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::host_view::Gate;

fn id(text: &str) -> ComponentId {
    ComponentId::parse(text).expect("a valid id")
}

fn config(text: &str) -> Result<Config, String> {
    let document = load(&[Input::text("c.yaml", text)], &Environment::default()).expect("YAML");
    let mut problems = Problems::new();
    let config = Config::read(document.root(), &mut problems);
    config.ok_or_else(|| problems.to_string())
}

/// The pages of a process with one pipeline.
fn zpages(text: &str) -> Zpages {
    let pipeline = Pipeline {
        id: PipelineId {
            signal: Signal::Traces,
            name: "<b>".to_owned(),
        },
        receivers: vec![id("otlp")],
        processors: Vec::new(),
        exporters: vec![id("otlp/backup")],
    };
    let exporter = GraphNode::Exporter {
        id: id("otlp/backup"),
        signal: Signal::Traces,
    };
    let status = StatusTable::new([exporter.clone()]);
    status.report(&exporter, Status::Starting, "");
    status.report(
        &exporter,
        Status::PermanentError,
        "<script>alert(1)</script>",
    );
    let meters = Meters::new();
    let account = meters
        .labelled(&[("exporter", "otlp/backup")])
        .account(Signal::Traces, &[Reason::Shutdown]);
    account.receive(9);
    account.settle(4, Outcome::Sent);
    account.settle(2, Outcome::Dropped(Reason::Permanent));
    let host = HostView::new(meters);
    host.set_graph(&status, &[pipeline], &[id("zpages")]);
    host.set_gates(vec![Gate {
        id: "service.profilesSupport".to_owned(),
        enabled: true,
        stage: "Alpha",
        description: "Profiles.",
        effect: None,
    }]);
    host.is_running();
    Zpages {
        config: config(text).expect("is valid"),
        settings: ServerSettings::default(),
        host,
    }
}

fn ask(zpages: &Zpages, target: &str) -> (u16, String) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let answer = zpages.answer(&Method::GET, path, query);
    let body = String::from_utf8(answer.body().to_vec()).expect("is text");
    (answer.status().as_u16(), body)
}

fn json(zpages: &Zpages, target: &str) -> Value {
    let (code, body) = ask(zpages, target);
    assert_eq!(code, 200, "{body}");
    serde_json::from_str(&body).expect("is JSON")
}

#[test]
fn pipelines_show_components_with_status_and_items() {
    let zpages = zpages("{}");
    let rows = &json(&zpages, "/debug/pipelinez?format=json")["traces/<b>"];
    assert_eq!(rows[0]["component"], "otlp");
    let exporter = &rows[1];
    let cells = [
        "kind",
        "component",
        "status",
        "received",
        "sent",
        "refused",
        "dropped",
        "queued",
    ];
    let shown = cells.map(|cell| exporter[cell].as_str().unwrap_or("?"));
    assert_eq!(
        shown,
        [
            "exporter",
            "otlp/backup",
            "StatusPermanentError",
            "9",
            "4",
            "-",
            "2",
            "3"
        ]
    );
}

#[test]
fn what_comes_from_elsewhere_is_only_text_in_a_page() {
    let (code, page) = ask(&zpages("{}"), "/debug/pipelinez");
    assert_eq!(code, 200);
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{page}"
    );
    assert!(page.contains("<h2 id=\"traces/&lt;b&gt;\">"), "{page}");
    assert!(!page.contains("<script"), "{page}");
}

#[test]
fn every_page_is_linked_and_there() {
    let zpages = zpages("expvar: {enabled: true}");
    let (_, first) = ask(&zpages, "/debug/servicez");
    let links: Vec<&str> = first.split("href=\"").skip(1).collect();
    assert_eq!(links.len(), 5, "{first}");
    for link in links {
        let target = link.split('"').next().expect("ends");
        let (code, page) = ask(&zpages, target);
        assert_eq!(code, 200, "{target}");
        assert!(
            page.starts_with("<!doctype html>") && page.ends_with("</html>\n"),
            "{page}"
        );
    }
    let service = json(&zpages, "/debug/servicez?format=json");
    assert_eq!(service["Runtime info"][0]["value"], "running");
    let features = json(&zpages, "/debug/featurez?format=json");
    assert_eq!(
        features["Feature gates"][0]["id"],
        "service.profilesSupport"
    );
    let extensions = json(&zpages, "/debug/extensionz?format=json");
    assert_eq!(extensions["Extensions"][0]["extension"], "zpages");
    let numbers = json(&zpages, "/debug/expvarz");
    let key = "tapline_items_queued{component=otlp/backup,kind=exporter,signal=traces}";
    assert_eq!(numbers[key], 3.0, "{numbers}");
}

#[test]
fn other_pages_and_methods_are_turned_away() {
    let zpages = zpages("{}");
    assert_eq!(ask(&zpages, "/debug/expvarz").0, 404);
    assert_eq!(ask(&zpages, "/etc/passwd").0, 404);
    let posted = zpages.answer(&Method::POST, "/debug/servicez", "");
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(zpages.config.server.endpoint, "localhost:55679");
    let error = config("expvars: {}").expect_err("is refused");
    assert!(error.contains("unknown setting `expvars`"), "{error}");
}

#[tokio::test]
async fn answers_over_http() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = taken.local_addr().expect("is bound").to_string();
    drop(taken);
    let zpages = zpages(&format!("endpoint: '{endpoint}'"));
    let built = build(&zpages.config, &zpages.host).expect("can be built");
    let stop = Stop::new();
    let work = built.start(stop.clone()).await.expect("listens");
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(work.expect("serves"));
    let mut socket = tokio::net::TcpStream::connect(&endpoint)
        .await
        .expect("listens");
    let request = "GET /debug/tracez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).await.expect("is read");
    let mut answer = String::new();
    socket
        .read_to_string(&mut answer)
        .await
        .expect("is answered");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("content-security-policy: default-src 'none'"),
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
