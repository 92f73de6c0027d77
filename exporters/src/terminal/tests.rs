//! Text in, text out: one line of attributes per record, one line on the terminal.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use tapline_pdata::{
    Batch, Signal,
    write::{self, Attributes, LogHead, Scope, SpanHead, SpanKind, Status},
};
use tapline_pipeline::Exporter;

use super::{Color, Config, Screen, build};

/// 12:34:56.789 UTC on some day.
const END_NS: u64 = 1_699_965_296_789_000_000;
const TRACE_ID: [u8; 16] = [0x7a, 0xf1, 0xc0, 0x3b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/// A terminal that the test can read.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().expect("one test"));
        String::from_utf8(bytes).expect("is text")
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("one test").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn terminal(config: &Config, is_terminal: bool, color_allowed: bool) -> (Paper, Arc<dyn Exporter>) {
    let paper = Paper::default();
    let screen = Screen {
        out: Box::new(paper.clone()),
        is_terminal,
        color_allowed,
    };
    (paper, build(config, screen).expect("builds"))
}

/// Makes a batch of one record from `KIND MICROSECONDS key=value...`; `log` is a failed connect.
/// `%20` and its like stand for bytes that the notation lacks.
fn batch(service: &str, text: &str) -> Batch {
    let mut words = text.split_whitespace();
    let kind = words.next().expect("a kind");
    let micros: u64 = words
        .next()
        .expect("a duration")
        .parse()
        .expect("is a number");
    let put = |attributes: &mut Attributes<'_>| {
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            match value.parse() {
                Ok(number) => attributes.int(key, number),
                Err(_) => attributes.str(key, &unescaped(value)),
            };
        }
    };
    let mut records = Vec::new();
    let signal = if kind == "log" {
        Signal::Logs
    } else {
        Signal::Traces
    };
    if signal == Signal::Logs {
        write::log_record(&mut records, &FAILED_CONNECT, put);
    } else {
        write::span(&mut records, &span_head(kind, micros), put);
    }
    let resource = write::resource(|attributes| {
        attributes.str("service.name", &unescaped(service));
    });
    let mut wire = Vec::new();
    let scope = Scope {
        name: "",
        version: "",
    };
    write::resource_block(&mut wire, signal, &resource, &scope, &records);
    Batch::written(signal, wire.into(), 1)
}

const FAILED_CONNECT: LogHead<'_> = LogHead {
    time_ns: 0,
    observed_ns: END_NS,
    severity_number: 13,
    severity_text: "WARN",
    body: "",
    event_name: "tapline.connect.failed",
    trace: None,
    flags: 0,
};

fn span_head(kind: &str, micros: u64) -> SpanHead<'static> {
    SpanHead {
        trace_id: TRACE_ID,
        span_id: [1; 8],
        parent_span_id: None,
        trace_state: "",
        flags: 0,
        name: "the name",
        kind: match kind {
            "server" => SpanKind::Server,
            "client" => SpanKind::Client,
            _ => SpanKind::Internal,
        },
        start_ns: END_NS - micros * 1_000,
        end_ns: END_NS,
        status: if kind == "failed" {
            Status::Error("")
        } else {
            Status::Unset
        },
    }
}

/// Undoes `%20`.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (hex, rest) = part.split_at(2);
        whole.push(char::from(u8::from_str_radix(hex, 16).expect("is hex")));
        whole.push_str(rest);
    }
    whole
}

async fn shown(config: &Config, records: &[(&str, &str)]) -> String {
    let (paper, terminal) = terminal(config, true, false);
    for (service, text) in records {
        terminal
            .export(batch(service, text))
            .await
            .expect("is shown");
    }
    paper.take()
}

const ORDER: &str = "server 12400 http.request.method=GET url.path=/orders/7 \
    http.response.status_code=200 http.request.body.size=0 http.response.body.size=1234 \
    client.address=10.0.0.7 client.port=51234";

#[tokio::test]
async fn a_request_is_a_line_and_lines_are_aligned() {
    let records = [
        ("checkout", ORDER),
        (
            "checkout",
            "client 1240000 http.request.method=POST server.address=payments server.port=8080 \
            url.full=http://payments:8080/charge?card=4711 http.response.status_code=503 error.type=503 \
            http.request.body.size=99999 network.peer.address=10.0.0.9 network.peer.port=8080",
        ),
        (
            "",
            "client 350 http.request.method=GET url.full=https://u:p@api.test/v1 http.response.status_code=404",
        ),
        ("db", "internal 0"),
        ("db", "failed 7 client.address=::1 client.port=9"),
        (
            "checkout",
            "client 90000000 http.request.method=PUT server.address=s3.test server.port=443 \
            url.path=/bucket error.type=timeout",
        ),
        (
            "checkout",
            "log 0 error.type=connection_refused server.address=db.internal server.port=5432 \
            network.peer.address=10.0.0.5 network.peer.port=5432",
        ),
        (
            "checkout",
            "log 0 network.peer.address=10.0.0.5 network.peer.port=5432",
        ),
    ];
    let expected = "\
12:34:56.789  checkout     ← GET /orders/7                 200  12.4ms  ↑0B    ↓1.2kB  7af1c03b…  10.0.0.7:51234
12:34:56.789  checkout     → POST payments:8080/charge     503   1.24s  ↑100kB ↓-      7af1c03b…  10.0.0.9:8080
12:34:56.789               → GET api.test/v1               404   350µs                 7af1c03b…
12:34:56.789  db           · the name                      -       0µs                 7af1c03b…
12:34:56.789  db           · the name                      error     7µs                 7af1c03b…  [::1]:9
12:34:56.789  checkout     → PUT s3.test/bucket            timeout   1m30s                 7af1c03b…  s3.test:443
12:34:56.789  checkout     → connect db.internal:5432      connection_refused                                    10.0.0.5:5432
12:34:56.789  checkout     → connect 10.0.0.5:5432         failed
";
    let text = shown(&Config::default(), &records).await;
    assert_eq!(text, expected, "\n{text}");
}

#[tokio::test]
async fn long_texts_lose_their_middle_and_the_status_never() {
    let records = [(
        "a-service-with-a-long-name",
        "server 1 http.request.method=GET http.response.status_code=200 error.type=body_truncated \
            url.path=/api/v1/customers/12345678/orders/12345678/items client.address=10.0.0.7",
    )];
    let expected = "\
12:34:56.789  a-serv…-name ← GET /api/v1/cu…2345678/items  200 body_truncated     1µs                 7af1c03b…  10.0.0.7
";
    let text = shown(&Config::default(), &records).await;
    assert_eq!(text, expected, "\n{text}");
    let wide = Config {
        wide: true,
        utc_offset: "-03:30".to_owned(),
        ..Config::default()
    };
    let text = shown(&wide, &records).await;
    assert!(
        text.starts_with("09:04:56.789  a-service-wi…a-long-name ← GET /api/v1/customers/"),
        "{text}"
    );
    assert!(
        text.contains("/orders/12345678/items  ")
            && text.contains("  7af1c03b000102030405060708090a0b  "),
        "{text}"
    );
}

#[tokio::test]
async fn nothing_that_a_stranger_sent_is_obeyed() {
    let records = [
        (
            "%1b]0;owned%07",
            "server 1 http.request.method=GET%0d url.path=/%1b[2J http.response.status_code=200 \
            client.address=%1b[31m client.port=1",
        ),
        ("shop", "log 0 error.type=%1b[5m%0a server.address=%9b1m"),
    ];
    let expected = "\
12:34:56.789  \\x1b]0…d\\x07 ← GET\\x0d /\\x1b[2J              200     1µs                 7af1c03b…  \\x1b[31m:1
12:34:56.789  shop         → connect \\x9b1m                \\x1b[5m\\x0a
";
    let text = shown(&Config::default(), &records).await;
    assert_eq!(text, expected, "\n{text}");
    let mut all = String::new();
    for byte in (0..=0xff_u8).filter(|byte| *byte != b'=') {
        let path = format!("server 1 http.request.method=G url.path=/x%{byte:02x}x");
        all.push_str(&shown(&Config::default(), &[("s", &path)]).await);
    }
    assert_eq!(all.lines().count(), 255);
    assert!(!all.chars().any(|c| c.is_control() && c != '\n'));
}

#[tokio::test]
async fn colours_need_a_terminal_and_permission_or_an_order() {
    let always = Config {
        color: Color::Always,
        ..Config::default()
    };
    let never = Config {
        color: Color::Never,
        ..Config::default()
    };
    let auto = Config::default();
    for (config, is_terminal, color_allowed, colored) in [
        (&auto, true, true, true),
        (&auto, true, false, false),
        (&auto, false, true, false),
        (&always, false, false, true),
        (&never, true, true, false),
    ] {
        let (paper, terminal) = terminal(config, is_terminal, color_allowed);
        terminal
            .export(batch("shop", ORDER))
            .await
            .expect("is shown");
        assert_eq!(
            paper.take().contains('\x1b'),
            colored,
            "{config:?} {is_terminal} {color_allowed}"
        );
    }
}

#[tokio::test]
async fn colours_tell_how_it_ended() {
    for (ending, expected) in [
        ("http.response.status_code=200", "\x1b[32m200\x1b[0m"),
        ("http.response.status_code=302", "  302  "),
        (
            "http.response.status_code=404 error.type=404",
            "\x1b[33m404\x1b[0m",
        ),
        ("http.response.status_code=500", "\x1b[31m500\x1b[0m"),
        (
            "http.response.status_code=200 error.type=reset",
            "\x1b[31m200 reset\x1b[0m",
        ),
        ("error.type=timeout", "\x1b[31mtimeout\x1b[0m"),
    ] {
        let (paper, terminal) = terminal(&Config::default(), true, true);
        let text = format!("server 1 http.request.method=GET {ending}");
        terminal
            .export(batch("shop", &text))
            .await
            .expect("is shown");
        let line = paper.take();
        assert!(
            line.contains(expected) && line.contains("\x1b[2m7af1c03b…\x1b[0m"),
            "{line:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_is_a_summary_said_once() {
    let (paper, terminal) = terminal(&Config::default(), false, false);
    for (service, text) in [
        ("shop", ORDER),
        ("shop", ORDER),
        (
            "db",
            "server 99000 http.request.method=GET http.response.status_code=500",
        ),
        ("db", "log 0 error.type=timeout server.address=x"),
        ("db", "internal 1"),
    ] {
        terminal
            .export(batch(service, text))
            .await
            .expect("is shown");
    }
    terminal
        .export(Batch::written(Signal::Metrics, b"".as_slice().into(), 0))
        .await
        .expect("is ignored");
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(paper.take().lines().count(), 5);
    terminal.close().await;
    let expected =
        "\n3 requests in 1m01s: 1 error, 1 failed connect, 2 services, p50 12.3ms, p95 98.6ms\n";
    assert_eq!(paper.take(), expected);
    terminal.close().await;
    assert_eq!(paper.take(), "");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_run_says_so() {
    let (paper, terminal) = terminal(&Config::default(), true, true);
    tokio::time::advance(Duration::from_secs(3)).await;
    terminal.close().await;
    assert_eq!(paper.take(), "\nno requests seen in 3.00s\n");
}

/// A terminal on which somebody pressed Ctrl-S.
struct Stopped(std::sync::mpsc::Receiver<()>);

impl Write for Stopped {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_has_to_wait_for_a_stopped_terminal() {
    let (_never_continued, stopped) = std::sync::mpsc::sync_channel(0);
    let screen = Screen {
        out: Box::new(Stopped(stopped)),
        is_terminal: true,
        color_allowed: false,
    };
    let terminal = build(&Config::default(), screen).expect("builds");
    let wait = Duration::from_secs(1);
    let summary = tokio::time::timeout(wait, terminal.close()).await;
    assert!(
        summary.is_err(),
        "it is still not shown, but nobody is held"
    );
    assert!(tokio::time::timeout(wait, terminal.close()).await.is_ok());
}
