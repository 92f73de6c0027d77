//! What rides on HTTP: models, search servers and GraphQL, asked by their official clients.
//!
//! No registry here has the models or the search servers, so `programs/over_http_stub.py` answers
//! as they document it. The GraphQL server is ariadne on uvicorn, and asked by curl. Every body has
//! words that must not leave: SECRET.

use std::fmt::Write;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tapline_integration_tests::{Program, Scratch};
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::Command;

use crate::{
    actors::{Server, free_port, script_of},
    daemon::Daemon,
    durations,
    harness::Missing,
    packages::Packages,
    spans,
    tls::run,
};

const CLIENTS: Packages = Packages {
    name: "over-http",
    wanted: &[
        "anthropic==2.14.0",
        "ariadne==1.1.1",
        "elasticsearch==9.5.1",
        "openai==3.57.0",
        "opensearch-py==3.2.0",
        "uvicorn==0.54.0",
    ],
};

/// An operation with a name, one without, one that fails, and what is none.
const QUESTIONS: [&str; 4] = [
    r#"{"query": "query Find($n: String!) { user(name: $n) { name } }", "variables": {"n": "SECRET"}}"#,
    r#"{"query": "mutation { rename(name: \"SECRET\") }"}"#,
    r#"{"query": "query A { broken } query B { user(name: \"x\") { name } }", "operationName": "A"}"#,
    r#"{"question": "SECRET"}"#,
];

/// A Python with all of them.
pub(crate) fn packages() -> Result<(), Missing> {
    CLIENTS.python().map(drop)
}

pub(crate) async fn calls_of_models_are_told_with_their_tokens_and_no_word() {
    let server = Server::start(python("over_http_stub.py")).await;
    let daemon = Daemon::start().await;
    ask("models", server.port).await;
    let told = daemon
        .stop_when(|seen| of(seen, "gen_ai.operation.name").len() >= 6)
        .await;
    let found = of(&told.seen, "gen_ai.operation.name");
    let keys = [
        "gen_ai.provider.name",
        "gen_ai.response.model",
        "gen_ai.response.id",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.request.stream",
        "gen_ai.request.max_tokens",
        "gen_ai.request.temperature",
        "error.type",
    ];
    let lines: String = found.iter().map(|span| line(span, &keys)).collect();
    let expected = "\
chat gpt-4o openai gpt-4o-2024-08-06 chatcmpl-7 11 640 - 700 0.5 -
chat gpt-4o-mini openai gpt-4o-mini-1 chatcmpl-8 11 640 true - - -
embeddings text-embedding-3-small openai text-embedding-3-small - 5 - - - - -
chat gpt-busy openai - - - - - - - rate_limit_exceeded
chat claude-x anthropic claude-x msg_1 24 9 - 100 - -
chat claude-x anthropic claude-x msg_2 20 321 true 400 - -
";
    assert_eq!(lines, expected, "{}", spans::all(&told.seen));
    for span in &found {
        assert_eq!(span.record.kind(), SpanKind::Client);
        let is_refused = spans::shown(span, "error.type").is_some();
        assert_eq!(
            spans::is_error(span),
            is_refused,
            "{}",
            spans::describe(span)
        );
    }
    let reasons = |number: usize| spans::shown(&found[number], "gen_ai.response.finish_reasons");
    assert!(reasons(0).is_some_and(|reasons| reasons.contains("stop")));
    assert!(reasons(1).is_some_and(|reasons| reasons.contains("length")));
    assert!(reasons(5).is_some_and(|reasons| reasons.contains("max_tokens")));
    let calls = durations::counted(&told.seen, "gen_ai.client.operation.duration");
    let tokens = durations::counted(&told.seen, "gen_ai.client.token.usage");
    assert_eq!((calls, tokens), (6, 9));
    // Whoever answers is a server of HTTP.
    let answered = spans::servers(&told.seen, "/v1/");
    assert_eq!(answered.len(), 6, "{}", spans::all(&told.seen));
    assert_silent(&told.seen);
}

pub(crate) async fn searches_are_operations_of_a_database_on_both_sides() {
    let server = Server::start(python("over_http_stub.py")).await;
    let daemon = Daemon::start().await;
    for product in ["elasticsearch", "opensearch"] {
        ask(product, server.port).await;
    }
    let told = daemon.stop_when(|seen| asked(seen).len() >= 20).await;
    let keys = [
        "db.system.name",
        "db.collection.name",
        "db.operation.batch.size",
        "db.response.status_code",
        "error.type",
        "http.request.method",
        "db.query.text",
    ];
    let text = r#"{"query":{"term":{"title":?}},"size":?}"#;
    let all = r#"{"query":{"match_all":{}}}"#;
    for kind in [SpanKind::Client, SpanKind::Server] {
        for (product, put) in [("elasticsearch", "PUT"), ("opensearch", "PUT")] {
            let found = asked(&told.seen).into_iter().filter(|span| {
                span.record.kind() == kind
                    && spans::shown(span, "db.system.name").as_deref() == Some(product)
            });
            let lines: String = found.map(|span| line(&span, &keys)).collect();
            let bulk = if product == "elasticsearch" {
                "PUT"
            } else {
                "POST"
            };
            let expected = format!(
                "index books {product} books - - - {put} -\n\
                 get books {product} books - - - GET -\n\
                 search books {product} books - - - POST {text}\n\
                 bulk {product} - 2 - - {bulk} -\n\
                 search missing {product} missing - 404 index_not_found_exception POST {all}\n"
            );
            assert_eq!(lines, expected, "{kind:?} {}", spans::all(&told.seen));
        }
    }
    let counted = durations::counted(&told.seen, "db.client.operation.duration");
    assert_eq!(counted, 10);
    assert_silent(&told.seen);
}

pub(crate) async fn operations_of_graphql_are_told_by_kind_and_name() {
    let port = free_port();
    let scratch = Scratch::new();
    let mut command = Command::new(CLIENTS.python().expect("a need"));
    command.current_dir(
        script_of("over_http_graphql.py")
            .parent()
            .expect("a folder"),
    );
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.args(["-m", "uvicorn", "--lifespan", "off", "--port"]);
    command.args([port.to_string().as_str(), "over_http_graphql:app"]);
    let server = Program::start(command);
    server.error_line(|line| line.contains("running on")).await;
    let daemon = Daemon::start().await;
    for question in QUESTIONS {
        let mut command = Command::new("curl");
        command.current_dir(scratch.path());
        command.args([
            "-s",
            "-o",
            "answer",
            "-H",
            "Content-Type: application/json",
            "-d",
        ]);
        command.args([question, &format!("http://127.0.0.1:{port}/graphql")]);
        run(command).await;
    }
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/graphql") >= 8)
        .await;
    let keys = [
        "graphql.operation.type",
        "graphql.operation.name",
        "http.response.status_code",
        "error.type",
    ];
    let sides = [
        (spans::clients(&told.seen, "/graphql"), "400"),
        (spans::servers(&told.seen, "/graphql"), "-"),
    ];
    for (found, refused) in sides {
        let lines: String = found.iter().map(|span| line(span, &keys)).collect();
        let expected = format!(
            "query Find query Find 200 -\n\
             mutation mutation - 200 -\n\
             query A query A 200 _OTHER\n\
             POST /graphql - - 400 {refused}\n"
        );
        assert_eq!(lines, expected, "{}", spans::all(&told.seen));
        assert!(spans::is_error(&found[2]), "{}", spans::describe(&found[2]));
    }
    assert_silent(&told.seen);
}

fn python(script: &str) -> Command {
    let mut command = Command::new(CLIENTS.python().expect("a need"));
    command.arg(script_of(script));
    command
}

async fn ask(what: &str, port: u16) {
    let mut command = python("over_http_ask.py");
    command.args([what, &port.to_string()]);
    run(command).await;
}

/// Spans of clients that have an attribute, in order of start.
fn of<'a>(seen: &'a Seen, key: &str) -> Vec<ReceivedSpan<'a>> {
    spans::select(seen, SpanKind::Client, |span| {
        spans::shown(span, key).is_some()
    })
}

/// Spans of either side of a search server, in order of start.
fn asked(seen: &Seen) -> Vec<ReceivedSpan<'_>> {
    let of_kind = |kind| {
        spans::select(seen, kind, |span| {
            let system = span.attr_str("db.system.name").unwrap_or_default();
            let is_info = span.attr_str("db.operation.name") == Some("info");
            matches!(system, "elasticsearch" | "opensearch") && !is_info
        })
    };
    let mut found = of_kind(SpanKind::Client);
    found.extend(of_kind(SpanKind::Server));
    found
}

fn line(span: &ReceivedSpan<'_>, keys: &[&str]) -> String {
    let mut line = span.record.name.clone();
    for key in keys {
        let value = spans::shown(span, key);
        // Writing to a string cannot fail.
        let _infallible = write!(line, " {}", value.as_deref().unwrap_or("-"));
    }
    line + "\n"
}

fn assert_silent(seen: &Seen) {
    for span in seen.spans() {
        let text = spans::describe(&span);
        assert!(!text.contains("SECRET"), "a word of a body in {text}");
    }
}
