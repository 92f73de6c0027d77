//! The way from ring records to spans, without a kernel: text in, text out.

mod postgres;
mod privacy;
mod redis;
mod routes;
mod tape;
mod told;

use std::fmt::Write;

use tape::Cut;
use tapline_receiver::ebpf::cassette;
use told::{attributes, histograms, told, told_losing, told_tape};

const GET: &str = "GET /a HTTP/1.1\\r\\nHost: shop\\r\\n\\r\\n";
const OK: &str = "HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi";

/// curl asks a python server on the same machine: two sockets, two processes.
fn both_ends() -> String {
    format!(
        "exec 10 /usr/bin/curl curl http://shop/a
         exec 20 /usr/bin/python3 python3 -m http.server
         open 1 client 10 127.0.0.1:40000 127.0.0.1:8000
         1 > {GET}
         open 2 server 20 127.0.0.1:8000 127.0.0.1:40000
         2 < {GET}
         2 > {OK}
         1 < {OK}
         close 1
         close 2 peer"
    )
}

#[test]
fn tells_a_request_from_both_ends() {
    assert_eq!(
        told(&both_ends()),
        "curl client GET http://shop/a 200 4ms parent=-\n\
         http.server server GET /a 200 1ms parent=-\n"
    );
}

#[test]
fn tells_the_same_however_the_streams_are_cut() {
    let whole = told(&both_ends());
    for size in 1..80 {
        assert_eq!(
            told_losing(&both_ends(), Cut(size), |_| false),
            whole,
            "cut at {size}"
        );
    }
}

#[test]
fn a_client_request_is_the_child_of_the_only_request_on_its_thread() {
    let script = format!(
        "exec 20 /srv/gate gate
         open 1 server 20 127.0.0.1:80 127.0.0.1:5000
         1 <T21 {GET}
         open 2 client 20 127.0.0.1:5001 127.0.0.1:81
         2 >T21 {GET}
         2 <T21 {OK}
         open 3 client 20 127.0.0.1:5002 127.0.0.1:81
         3 >T22 {GET}
         3 <T22 {OK}
         1 >T21 {OK}"
    );
    assert_eq!(
        told(&script),
        "gate server GET /a 200 7ms parent=-\n\
         gate client GET http://shop/a 200 1ms parent=1\n\
         gate client GET http://shop/a 200 1ms parent=-\n"
    );
}

#[test]
fn does_not_guess_when_two_requests_are_open_on_the_thread() {
    let script = format!(
        "exec 20 /srv/gate gate
         open 1 server 20 127.0.0.1:80 127.0.0.1:5000
         1 < {GET}
         open 4 server 20 127.0.0.1:80 127.0.0.1:5009
         4 < {GET}
         open 2 client 20 127.0.0.1:5001 127.0.0.1:81
         2 > {GET}
         2 < {OK}
         1 > {OK}
         4 > {OK}"
    );
    let clients: Vec<String> = told(&script)
        .lines()
        .filter(|line| line.contains(" client "))
        .map(Into::into)
        .collect();
    assert_eq!(clients, ["gate client GET http://shop/a 200 1ms parent=-"]);
}

#[test]
fn the_header_wins_over_the_thread() {
    let header = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let with = GET.replace("\\r\\n\\r\\n", &format!("\\r\\n{header}\\r\\n\\r\\n"));
    let script = format!(
        "exec 20 /srv/gate gate
         open 1 server 20 127.0.0.1:80 127.0.0.1:5000
         1 < {GET}
         open 2 client 20 127.0.0.1:5001 127.0.0.1:81
         2 > {with}
         2 < {OK}
         1 > {OK}"
    );
    assert!(told(&script).contains("client GET http://shop/a 200 1ms parent=b7ad6b7169203331"));
}

#[test]
fn headers_of_every_tracer_name_the_parent_on_both_ends() {
    let (trace, span) = ("463ac35c9f6413ad48485a3953bb6124", "a2fb4a1d1a96d312");
    let sw8 = "sw8: 1-NDYzYWMzNWMtOWY2NC0xM2FkLTQ4NDgtNWEzOTUzYmI2MTI0-\
               NDYzYWMzNWM5ZjY0MTNhZDQ4NDg1YTM5NTNiYjYxMjQ=-3-YQ==-YQ==-YQ==-YQ==";
    for (headers, parent) in [
        (format!("b3: {trace}-{span}-1"), span),
        (
            format!("X-B3-TraceId: {trace}\\r\\nX-B3-SpanId: {span}"),
            span,
        ),
        (format!("uber-trace-id: {trace}:{span}:0:1"), span),
        (
            "x-datadog-trace-id: 7\\r\\nx-datadog-parent-id: 11744061942159299346".to_owned(),
            span,
        ),
        (
            format!(
                "X-Amzn-Trace-Id: Root=1-{}-{};Parent={span}",
                &trace[..8],
                &trace[8..]
            ),
            span,
        ),
        // The segment's halves over each other, and 3 of the index in the first byte.
        (sw8.to_owned(), "0d729965ccdf7289"),
        (format!("b3: {trace}-{span}-x"), "-"),
        (
            format!("traceparent: 00-{trace}-1112131415161718-00\\r\\nb3: {trace}-{span}-1"),
            "1112131415161718",
        ),
        (
            format!("traceparent: 00-{trace}\\r\\nb3: {trace}-{span}-1"),
            span,
        ),
    ] {
        let end = format!("\\r\\n{headers}\\r\\n\\r\\n");
        let script = both_ends().replace("shop\\r\\n\\r\\n", &format!("shop{end}"));
        let told = told(&script);
        assert_eq!(
            told.matches(&format!("parent={parent}\n")).count(),
            2,
            "{headers}: {told}"
        );
    }
}

#[test]
fn an_older_connection_is_understood_from_its_next_request_on() {
    let script = format!(
        "exec 20 /srv/app app
         open 1 unknown 20 127.0.0.1:60000 127.0.0.1:1024
         1 > the rest of a response from before
         1 < {GET}
         1 > {OK}
         1 < {GET}
         1 > {OK}"
    );
    assert_eq!(
        told(&script),
        "app server GET /a 200 1ms parent=-\napp server GET /a 200 1ms parent=-\n"
    );
}

#[test]
fn a_request_without_an_answer_is_told_with_the_reason() {
    for (end, reason) in [
        ("close 1", "closed_by_client"),
        ("close 1 peer", "closed_by_server"),
        ("close 1 reset", "reset"),
        ("exec 11 /bin/true true", "timeout"),
    ] {
        let script = format!(
            "exec 10 /usr/bin/curl curl
             open 1 client 10 127.0.0.1:40000 127.0.0.1:8000
             1 > {GET}
             {end}"
        );
        let told = told(&script);
        assert!(
            told.starts_with(&format!("curl client GET http://shop/a {reason} ")),
            "{told}"
        );
    }
}

#[test]
fn a_failed_connect_is_a_log_record() {
    let script = "exec 10 /usr/bin/curl curl\nrefused 1 10 10.0.0.7:81";
    assert_eq!(
        told(script),
        "log tapline.connect.failed ECONNREFUSED: connect to 10.0.0.7:81 failed: connection refused\n"
    );
}

#[test]
fn a_named_service_keeps_its_name() {
    let script = format!(
        "exec 20 /usr/bin/python3 python3 app.py OTEL_SERVICE_NAME=cart
         open 1 server 20 127.0.0.1:80 127.0.0.1:5000
         1 < {GET}
         1 > {OK}"
    );
    assert!(told(&script).starts_with("cart server GET /a 200 "));
}

#[test]
fn bodies_that_were_not_copied_are_only_counted() {
    let script = format!(
        "exec 20 /srv/app app
         open 1 server 20 127.0.0.1:80 127.0.0.1:5000
         1 < {GET}
         1 > HTTP/1.1 200 OK\\r\\nContent-Length: 100000\\r\\n\\r\\n{{40000}}
         1 > x{{59999}}
         1 < {GET}
         1 > {OK}"
    );
    assert_eq!(
        told(&script),
        "app server GET /a 200 2ms parent=-\napp server GET /a 200 1ms parent=-\n"
    );
}

/// Each answer names the request it answers by its status, so a wrong pair would show.
#[test]
fn a_lost_record_never_pairs_the_wrong_answer() {
    let mut script =
        "exec 20 /srv/app app\nopen 1 server 20 127.0.0.1:80 127.0.0.1:5000\n".to_owned();
    for number in 0..20 {
        let status = 200 + number;
        let _ = writeln!(
            script,
            "1 < GET /{status} HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"
        );
        let head = format!("HTTP/1.1 {status} X\\r\\nContent-Length: 3\\r\\n\\r\\n");
        let _ = writeln!(script, "1 > {head}abc");
    }
    for lost in 2..42 {
        let told = told_losing(&script, Cut(usize::MAX), |number| number == lost);
        let mut right = 0;
        for line in told.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let (path, outcome) = (words[3], words[4]);
            assert!(
                path == format!("/{outcome}") || outcome == "lost_data" || outcome == "timeout",
                "record {lost} lost: {line}"
            );
            right += usize::from(path == format!("/{outcome}"));
        }
        assert!(right >= 14, "record {lost} lost, too much gone:\n{told}");
    }
}

const ASKED: &str = "POST /pay?card=4111&x HTTP/1.1\\r\\nHost: shop:8000\\r\\nUser-Agent: ua/1\\r\\n\
    X-Forwarded-For: 203.0.113.9, 10.0.0.1\\r\\nContent-Length: 4\\r\\n\\r\\nbody";
const FAILED: &str = "HTTP/1.1 503 No\\r\\nContent-Length: 2\\r\\n\\r\\nno";

#[test]
fn a_server_span_has_what_the_conventions_ask_for() {
    let script = format!(
        "exec 20 /srv/app app
         open 2 server 20 10.0.0.2:8000 10.0.0.1:40000
         2 < {ASKED}
         2 > {FAILED}"
    );
    assert_eq!(
        attributes(&script),
        "http.request.method=POST\n\
         url.path=/pay\n\
         url.query=card=REDACTED&REDACTED\n\
         url.scheme=http\n\
         http.route=/pay\n\
         http.response.status_code=503\n\
         error.type=503\n\
         network.protocol.version=1.1\n\
         server.address=shop\n\
         server.port=8000\n\
         client.address=203.0.113.9\n\
         network.peer.address=10.0.0.1\n\
         network.peer.port=40000\n\
         user_agent.original=ua/1\n\
         http.request.body.size=4\n\
         http.response.body.size=2\n"
    );
}

#[test]
fn a_client_span_has_what_the_conventions_ask_for() {
    let script = format!(
        "exec 20 /srv/app app
         open 2 client 20 [::1]:40000 [::1]:8000
         2 > {ASKED}
         2 < {FAILED}"
    );
    assert_eq!(
        attributes(&script),
        "http.request.method=POST\n\
         url.full=http://shop:8000/pay?card=REDACTED&REDACTED\n\
         url.template=/pay\n\
         http.response.status_code=503\n\
         error.type=503\n\
         network.protocol.version=1.1\n\
         server.address=shop\n\
         server.port=8000\n\
         network.peer.address=::1\n\
         network.peer.port=8000\n\
         user_agent.original=ua/1\n\
         http.request.body.size=4\n\
         http.response.body.size=2\n"
    );
}

#[test]
fn an_unknown_method_is_other_and_keeps_its_name_beside() {
    let script = "exec 20 /srv/app app
         open 2 server 20 10.0.0.2:8000 10.0.0.1:40000
         2 < BREW /pot HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n
         2 > HTTP/1.1 418 T\\r\\nContent-Length: 0\\r\\n\\r\\n";
    let shown = attributes(script);
    assert!(shown.starts_with("http.request.method=_OTHER\nhttp.request.method_original=BREW\n"));
    assert!(
        !shown.contains("error.type"),
        "a server is not at fault for 418"
    );
    assert!(
        told(script).starts_with("app server HTTP /pot 418 "),
        "{}",
        told(script)
    );
}

#[test]
fn durations_are_histograms_by_the_attributes_of_the_conventions() {
    let script = format!(
        "exec 20 /srv/app app
         open 1 server 20 10.0.0.2:8000 10.0.0.1:40000
         1 < {GET}
         1 > {OK}
         1 < {GET}
         1 > {OK}
         1 < {ASKED}
         1 > {FAILED}
         open 2 client 20 10.0.0.2:40000 10.0.0.3:81
         2 > {GET}
         2 < {OK}"
    );
    assert_eq!(
        histograms(&script),
        "http.client.request.duration s count=1 exemplars=1 http.request.method=GET \
         server.address=shop server.port=80 http.response.status_code=200 network.protocol.version=1.1\n\
         http.server.request.duration s count=1 exemplars=1 http.request.method=POST url.scheme=http \
         http.route=/pay http.response.status_code=503 error.type=503 network.protocol.version=1.1\n\
         http.server.request.duration s count=2 exemplars=1 http.request.method=GET url.scheme=http \
         http.route=/a http.response.status_code=200 network.protocol.version=1.1"
    );
}

/// `tapline record` on Linux 6.18: curl asks nginx in front of Python's `http.server`, once without
/// and once with a `traceparent`; a refused connect; five requests of a Node client to a Node
/// server over one connection.
const PROXY: &[u8] = include_bytes!("cassettes/proxy.tape");

#[test]
fn a_recorded_proxy_is_told_as_it_was() {
    let expected = include_str!("cassettes/proxy.txt");
    let told = told_tape(PROXY, |_| false);
    assert_eq!(told, expected, "told:\n{told}");
}

/// Without their duration, parent and number: what a lost record must not change into something
/// else.
fn answers(told: &str) -> Vec<String> {
    let words = told
        .lines()
        .map(|line| line.split(' ').take(5).collect::<Vec<_>>().join(" "));
    words.collect()
}

#[test]
fn a_lost_record_of_a_recording_makes_nothing_up() {
    let whole = answers(&told_tape(PROXY, |_| false));
    for lost in 0..75 {
        for line in answers(&told_tape(PROXY, |number| number == lost)) {
            let unknown = ["lost_data", "timeout", "reset", "closed"];
            let is_open = unknown.iter().any(|reason| line.contains(reason));
            // Without its exec record a process has no name.
            let nameless = line.replace("unknown_service", "");
            let known = whole.iter().any(|answer| answer.ends_with(&nameless));
            assert!(is_open || known, "record {lost} lost: {line}");
        }
    }
}

#[test]
fn a_cut_off_recording_is_an_error_and_no_panic() {
    let mut whole = 0;
    for end in (0..PROXY.len()).step_by(7) {
        whole += usize::from(cassette::replay(&PROXY[..end], |_| false).is_ok());
    }
    assert!(whole < 20, "only cuts between two records are whole");
    assert!(cassette::replay(b"not a tape".as_slice(), |_| false).is_err());
}
