//! What rides on HTTP: told only where it is proved, whatever is cut, and never a word of a body.

use std::fmt::Write;

use tapline_protocols::{
    conversation::{Since, Toward},
    over_http::Application,
    parser::Told,
};

use crate::script::{Act, Seen, cuts, in_pieces, protocol, replay};

/// What a client asks, what the server answers behind the status and beside its headers, and what
/// that is.
const CONVERSATIONS: [(&str, &str, &str); 7] = [
    (
        "POST /v1/chat/completions\n{\"messages\":[{\"role\":\"user\",\"content\":\"SECRET \\\"model\\\": \\\"no\\\"\"}],\"model\":\"gpt-4o\"}",
        "200\n{\"id\":\"c1\",\"model\":\"gpt-4o-x\",\"choices\":[{\"message\":{\"content\":\"SECRET\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12}}",
        "openai chat gpt-4o gpt-4o-x 9/12 [\"stop\"] ok",
    ),
    (
        "POST /v1/messages\n{\"model\":\"claude\",\"stream\":true,\"messages\":[{\"content\":\"SECRET\"}]}",
        "200\nevent: message_start\ndata: {\"message\":{\"model\":\"claude-x\",\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":3,\"output_tokens\":1}}}\n\ndata: {\"delta\":{\"text\":\"SECRET\"}}\n\ndata: {\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":15}}\n\n",
        "anthropic chat claude claude-x 8/15 [\"end_turn\"] ok",
    ),
    (
        "POST /v1/chat/completions\n{\"messages\":[],\"model\":\"gpt-4o\"}",
        "429\n{\"error\":{\"message\":\"SECRET\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}",
        "openai chat gpt-4o - -/- [] rate_limit_exceeded",
    ),
    (
        "POST /books/_search\n{\"query\":{\"term\":{\"title\":\"SECRET\"}},\"size\":5}",
        "200\n{\"took\":1,\"timed_out\":false,\"_shards\":{\"total\":1},\"hits\":{\"hits\":[\"SECRET\"]}}",
        "Elasticsearch search books {\"query\":{\"term\":{\"title\":?}},\"size\":?} ok",
    ),
    (
        "GET /books/_search\n",
        "404\n{\"error\":{\"root_cause\":[],\"type\":\"index_not_found_exception\",\"reason\":\"SECRET\"},\"status\":404}",
        "Elasticsearch search books - index_not_found_exception",
    ),
    (
        "POST /graphql\n{\"query\":\"query Find { user(name: \\\"SECRET\\\") { id } }\"}",
        "200\n{\"errors\":[{\"message\":\"SECRET\",\"extensions\":{\"code\":\"NOT_FOUND\"}}],\"data\":null}",
        "query Find NOT_FOUND",
    ),
    (
        "POST /books/_search\n{\"SECRET\":1}",
        "200\n<html>SECRET</html>",
        "plain",
    ),
];

fn line(told: &Told) -> String {
    let Told::Http(exchange) = told else {
        panic!("{told:?} of HTTP")
    };
    let text = |text: &Option<String>| text.clone().unwrap_or("-".to_owned());
    let count = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    let error = |error: &Option<String>| error.clone().unwrap_or("ok".to_owned());
    match exchange.application.as_deref() {
        None => "plain".to_owned(),
        Some(Application::GenAi(call)) => format!(
            "{} {} {} {} {}/{} {:?} {}",
            call.provider,
            call.operation,
            text(&call.request_model),
            text(&call.response_model),
            count(call.input_tokens),
            count(call.output_tokens),
            call.finish_reasons,
            error(&call.error),
        ),
        Some(Application::Search(operation)) => format!(
            "{:?} {} {} {} {}",
            operation.product,
            operation.name,
            text(&operation.index),
            text(&operation.text),
            error(&operation.error),
        ),
        Some(Application::GraphQl(operation)) => {
            format!("{} {}", operation.span_name(), error(&operation.error))
        }
    }
}

fn conversation(asked: &str, told: &str) -> Vec<Act> {
    let (request, asks) = asked.split_once('\n').expect("a body");
    let (status, tells) = told.split_once('\n').expect("a body");
    let chunk = |toward, head: &str, body: &str| {
        let mut text = format!("{head}\r\n");
        // Writing to a string cannot fail.
        let _infallible = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
        Act::Chunk {
            toward,
            bytes: text.into_bytes(),
            missing: 0,
        }
    };
    vec![
        chunk(
            Toward::Server,
            &format!("{request} HTTP/1.1\r\nHost: it"),
            asks,
        ),
        chunk(Toward::Client, &format!("HTTP/1.1 {status} X"), tells),
        Act::Close,
    ]
}

fn played(acts: &[Act]) -> Seen {
    replay(protocol("http"), acts, Since::Begin)
}

#[test]
fn tells_what_is_proved_in_whatever_pieces_it_comes() {
    for (asked, told, expected) in CONVERSATIONS {
        let acts = conversation(asked, told);
        assert_eq!(played(&acts).lines(line), format!("{expected}\n"));
        for size in [1, 2, 3, 7, 64] {
            let told = played(&in_pieces(&acts, size)).lines(line);
            assert_eq!(told, format!("{expected}\n"), "in pieces of {size}");
        }
    }
}

#[test]
fn whatever_is_cut_off_no_word_of_a_body_is_told() {
    for (asked, told, expected) in CONVERSATIONS {
        for (number, cut) in cuts(&conversation(asked, told)).enumerate() {
            for (_, part) in &played(&cut).told {
                let Told::Http(exchange) = part else { continue };
                let text = format!("{:?}", exchange.application);
                assert!(!text.contains("SECRET"), "{expected}, cut {number}: {text}");
            }
        }
    }
}

#[test]
fn a_hole_in_a_body_costs_what_was_in_it() {
    let (asked, told, _) = CONVERSATIONS[1];
    let mut acts = conversation(asked, told);
    let Act::Chunk { bytes, missing, .. } = &mut acts[1] else {
        panic!("a chunk")
    };
    // All behind the first event is there and was not captured.
    let kept = bytes.len() - 60;
    *missing = bytes.len() - kept;
    bytes.truncate(kept);
    assert_eq!(
        played(&acts).lines(line),
        "anthropic chat claude claude-x 8/1 [] ok\n"
    );
}
