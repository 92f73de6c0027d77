//! What is kept of heads: the allow list and its bounds.

use tapline_protocols::http1::{Chunk, Http1, Limits, Request, Toward, Unanswered};

use super::script::Seen;

fn read(head: &str, limits: Limits) -> Request {
    let mut seen = Seen::default();
    let mut reader = Http1::new(limits);
    feed(&mut reader, &mut seen, Toward::Server, head);
    seen.announced.remove(0).1
}

fn feed(reader: &mut Http1, seen: &mut Seen, toward: Toward, text: &str) {
    let (bytes, len) = (text.as_bytes(), text.len());
    reader.feed(
        Chunk {
            toward,
            at_ns: 1,
            bytes,
            len,
            tail: &[],
            thread: 3,
        },
        seen,
    );
}

fn with(fields: &str) -> Request {
    read(
        &format!("GET /a HTTP/1.1\r\n{fields}\r\n"),
        Limits::default(),
    )
}

#[test]
fn keeps_the_allow_list() {
    let headers = with(
        "User-Agent: curl/8\r\nContent-Type: text/plain\r\nTraceparent: 00-a\r\ntraceparent: 00-b\r\n\
         tracestate: a=1\r\nTRACESTATE: b=2\r\nbaggage: k=v\r\nBaggage: l=w\r\nX-Request-Id: 17\r\n\
         X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nX-Forwarded-Proto: https\r\n\
         Forwarded: for=3.3.3.3\r\n",
    )
    .headers;
    assert_eq!(headers.user_agent.as_deref(), Some("curl/8"));
    assert_eq!(headers.content_type.as_deref(), Some("text/plain"));
    assert_eq!(headers.traceparent, ["00-a", "00-b"]);
    assert_eq!(headers.tracestate, ["a=1", "b=2"]);
    assert_eq!(headers.baggage.as_deref(), Some("k=v,l=w"));
    assert_eq!(headers.request_id.as_deref(), Some("17"));
    assert_eq!(headers.forwarded_for.as_deref(), Some("1.1.1.1,2.2.2.2"));
    assert_eq!(headers.forwarded_proto.as_deref(), Some("https"));
    assert_eq!(headers.forwarded.as_deref(), Some("for=3.3.3.3"));
}

#[test]
fn forgets_every_other_value() {
    let request =
        with("Authorization: Bearer s3cr3t\r\nCookie: s3cr3t\r\n s3cr3t\r\nX-Api-Key: s3cr3t\r\n");
    assert!(!format!("{request:?}").contains("s3cr3t"));
}

#[test]
fn keeps_no_piece_of_a_password_wherever_the_target_is_cut() {
    let line = "GET http://user:s3cr3t@h/path HTTP/1.1\r\n\r\n";
    for kept in 0..line.len() {
        let mut seen = Seen::default();
        let bytes = &line.as_bytes()[..kept];
        let (toward, len) = (Toward::Server, line.len() + 100);
        let chunk = Chunk {
            toward,
            at_ns: 1,
            bytes,
            len,
            tail: &[],
            thread: 3,
        };
        Http1::new(Limits::default()).feed(chunk, &mut seen);
        for (_, request) in seen.announced {
            assert!(!request.target.contains("us"), "{}", request.target);
            assert!(request.host.is_none_or(|host| host == "h"));
        }
    }
}

#[test]
fn joins_folded_lines_to_the_value_they_continue() {
    let headers =
        with("User-Agent: a\r\n  b\r\nUser-Agent: c\r\n d\r\ntracestate: x=1,\r\n\ty=2\r\n")
            .headers;
    assert_eq!(headers.user_agent.as_deref(), Some("a b"));
    assert_eq!(headers.tracestate, ["x=1, y=2"]);
}

#[test]
fn bounds_every_value() {
    let long = "x".repeat(6000);
    let state = format!("tracestate: {long}\r\n");
    let fields = format!(
        "User-Agent: {long}\r\nHost: {long}\r\n{}{}",
        state.repeat(2),
        "traceparent: 0\r\n".repeat(9)
    );
    let request = read(
        &format!("GET /a HTTP/1.1\r\n{fields}\r\n"),
        Limits {
            head_bytes: 64 * 1024,
            ..Limits::default()
        },
    );
    assert_eq!(
        request.headers.user_agent.map(|value| value.len()),
        Some(512)
    );
    assert_eq!(request.host.map(|value| value.len()), Some(512));
    assert_eq!(request.headers.traceparent.len(), 4);
    assert_eq!(
        request
            .headers
            .tracestate
            .iter()
            .map(String::len)
            .sum::<usize>(),
        4096
    );
}

#[test]
fn percent_encodes_what_is_no_text() {
    let mut seen = Seen::default();
    let bytes = b"GET /\xff\xe4a HTTP/1.1\r\nUser-Agent: \xc3\xa9\xc3\r\n\r\n";
    let len = bytes.len();
    let chunk = Chunk {
        toward: Toward::Server,
        at_ns: 1,
        bytes,
        len,
        tail: &[],
        thread: 3,
    };
    Http1::new(Limits::default()).feed(chunk, &mut seen);
    assert_eq!(seen.announced[0].1.target, "/%FF%E4a");
    assert_eq!(
        seen.announced[0].1.headers.user_agent.as_deref(),
        Some("\u{e9}%C3")
    );
}

#[test]
fn skips_a_huge_head_to_its_end_and_keeps_what_came_first() {
    let limits = Limits::default();
    let filler = format!("X-Filler: {}\r\n", "y".repeat(1000)).repeat(40);
    let head = format!(
        "POST /a HTTP/1.1\r\nHost: h\r\n{filler}User-Agent: late\r\nContent-Length: 2\r\n\r\nab"
    );
    let mut reader = Http1::new(limits);
    let mut seen = Seen::default();
    feed(&mut reader, &mut seen, Toward::Server, &head);
    feed(
        &mut reader,
        &mut seen,
        Toward::Client,
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    );
    feed(
        &mut reader,
        &mut seen,
        Toward::Server,
        "GET /b HTTP/1.1\r\n\r\n",
    );
    let (first, second) = (&seen.announced[0].1, &seen.announced[1].1);
    assert_eq!(
        (
            first.target.as_str(),
            first.host.as_deref(),
            first.truncated
        ),
        ("/a", Some("h"), true)
    );
    assert_eq!(
        (first.headers.user_agent.as_deref(), second.truncated),
        (None, false)
    );
    assert_eq!(seen.exchanges[0].1.request_body_bytes, 2);
    assert_eq!(seen.exchanges[0].1.request_bytes, head.len() as u64);
}

#[test]
fn reports_the_oldest_when_too_many_wait_and_pairs_the_rest() {
    let mut reader = Http1::new(Limits {
        open_requests: 2,
        ..Limits::default()
    });
    let mut seen = Seen::default();
    for path in ["a", "b", "c"] {
        feed(
            &mut reader,
            &mut seen,
            Toward::Server,
            &format!("GET /{path} HTTP/1.1\r\n\r\n"),
        );
    }
    assert_eq!(reader.open_requests(), 2);
    for status in 200..203 {
        let response = format!("HTTP/1.1 {status} OK\r\nContent-Length: 0\r\n\r\n");
        feed(&mut reader, &mut seen, Toward::Client, &response);
    }
    assert_eq!(
        seen.lines(),
        [
            "GET /a -> too_many_open | 0 0",
            "GET /b -> 201 | 0 0",
            "GET /c -> 202 | 0 0",
        ]
    );
}

#[test]
fn gives_up_pairing_when_nothing_is_ever_answered() {
    let limits = Limits {
        open_requests: 2,
        ..Limits::default()
    };
    let mut reader = Http1::new(limits);
    let mut seen = Seen::default();
    for _ in 0..1000 {
        feed(
            &mut reader,
            &mut seen,
            Toward::Server,
            "GET /a HTTP/1.1\r\n\r\n",
        );
        assert!(reader.buffered_bytes() <= limits.buffered_bytes_max());
    }
    reader.close(2, Unanswered::Reset, &mut seen);
    assert_eq!(seen.exchanges.len(), 1000);
}

#[test]
fn finds_a_beginning_behind_a_piece_that_looked_like_one() {
    let mut reader = Http1::new(Limits::default());
    let mut seen = Seen::default();
    feed(&mut reader, &mut seen, Toward::Server, "END-OF-A-BODY");
    feed(
        &mut reader,
        &mut seen,
        Toward::Server,
        "GET /a HTTP/1.1\r\n\r\n",
    );
    feed(&mut reader, &mut seen, Toward::Client, "HTT");
    feed(
        &mut reader,
        &mut seen,
        Toward::Client,
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(seen.lines(), ["GET /a -> 200 | 0 0"]);
}

#[test]
fn says_when_the_connection_is_not_ours_any_more() {
    let mut reader = Http1::new(Limits::default());
    let mut seen = Seen::default();
    feed(
        &mut reader,
        &mut seen,
        Toward::Server,
        "CONNECT h:1 HTTP/1.1\r\n\r\n",
    );
    assert!(!reader.is_opaque());
    feed(
        &mut reader,
        &mut seen,
        Toward::Client,
        "HTTP/1.1 200 OK\r\n\r\n",
    );
    assert!(reader.is_opaque());
    assert_eq!((reader.open_requests(), reader.buffered_bytes()), (0, 0));
}
