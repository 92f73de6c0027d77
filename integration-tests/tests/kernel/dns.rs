//! DNS: unbound answers, and what asks it is dig, and the resolver of glibc. Over UDP and TCP, over
//! IPv4 and IPv6, on a port that says nothing and on the well-known one; told by both sides.

use std::fmt::Write;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tapline_integration_tests::{Program, Scratch};
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::{net::UdpSocket, process::Command};

use crate::{actors::free_port, daemon::Daemon, needs::python_path, spans};

/// A loopback address of our own, for the well-known port.
const ADDRESS: &str = "127.0.0.77";

const ZONE: &str = r#"
  local-zone: "c0d1.test." static
  local-data: "www.c0d1.test. A 192.0.2.7"
  local-data: "www.c0d1.test. A 192.0.2.8"
  local-data: "www.c0d1.test. AAAA 2001:db8::7"
  local-data: "alias.c0d1.test. CNAME www.c0d1.test."
  local-data: "text.c0d1.test. TXT 'a secret'"
  local-zone: "refused.test." always_refuse
"#;

struct Unbound {
    _program: Program,
    _scratch: Scratch,
    port: u16,
}

impl Unbound {
    async fn start() -> Self {
        let (scratch, port) = (Scratch::new(), free_port());
        let interfaces = [
            format!("127.0.0.1@{port}"),
            format!("::1@{port}"),
            format!("{ADDRESS}@53"),
        ];
        let mut config = String::from(
            "server:\n  do-daemonize: no\n  use-syslog: no\n  logfile: \"\"\n  verbosity: 1\n  \
             username: \"\"\n  chroot: \"\"\n  pidfile: \"\"\n  num-threads: 1\n  \
             module-config: \"iterator\"\n  access-control: 127.0.0.0/8 allow\n  \
             access-control: ::1 allow\n",
        );
        for interface in &interfaces {
            // Writing to a string cannot fail.
            let _infallible = writeln!(config, "  interface: {interface}");
        }
        config.push_str(ZONE);
        config.push_str("remote-control:\n  control-enable: no\n");
        let mut command = Command::new("unbound");
        command.arg("-d").arg("-c");
        command.arg(scratch.file("unbound.conf", &config));
        let program = Program::start(command);
        program
            .error_line(|line| line.contains("start of service"))
            .await;
        Self {
            _program: program,
            _scratch: scratch,
            port,
        }
    }
}

/// Runs dig; returns what it says, one record a line.
async fn dig(port: u16, args: &[&str]) -> String {
    let mut command = Command::new("dig");
    let port = port.to_string();
    command.args(["-p", &port, "+short", "+tries=1", "+time=2"]);
    command.args(args);
    Program::run(command).await.stdout
}

pub(crate) async fn queries_over_udp_and_tcp_are_told_by_both_sides() {
    let server = Unbound::start().await;
    let daemon = Daemon::start().await;
    for (number, how) in ["@127.0.0.1", "@::1"].into_iter().enumerate() {
        for transport in ["+notcp", "+tcp"] {
            let said = dig(server.port, &[how, transport, "www.c0d1.test", "A"]).await;
            assert_eq!(said.lines().count(), 2, "{how} {transport}: {said}");
        }
        let other = ["alias.c0d1.test", "text.c0d1.test"][number];
        let kind = ["AAAA", "TXT"][number];
        dig(server.port, &[how, other, kind]).await;
        dig(server.port, &[how, "Gone.c0d1.test", "A"]).await;
        dig(server.port, &[how, "refused.test", "MX"]).await;
    }
    let told = daemon
        .stop_when(|seen| named(seen, SpanKind::Server).len() >= 10)
        .await;
    let both = "192.0.2.7,192.0.2.8";
    let port = server.port;
    for (kind, missing) in [
        (SpanKind::Client, "error=NXDOMAIN"),
        (SpanKind::Server, "error=-"),
    ] {
        let mut wanted = Vec::new();
        for address in ["127.0.0.1", "::1"] {
            for transport in ["udp", "tcp"] {
                wanted.push(format!(
                    "DNS A www.c0d1.test NOERROR {both} error=- {transport} {address}:{port}"
                ));
            }
            let at = format!("udp {address}:{port}");
            wanted.push(format!("DNS A gone.c0d1.test NXDOMAIN - {missing} {at}"));
            wanted.push(format!("DNS MX refused.test REFUSED - error=REFUSED {at}"));
        }
        wanted.push(format!(
            "DNS AAAA alias.c0d1.test NOERROR - error=- udp 127.0.0.1:{port}"
        ));
        wanted.push(format!(
            "DNS TXT text.c0d1.test NOERROR - error=- udp ::1:{port}"
        ));
        wanted.sort();
        let mut lines: Vec<_> = named(&told.seen, kind).iter().map(line).collect();
        lines.sort();
        assert_eq!(lines, wanted, "{}", spans::all(&told.seen));
    }
    let services = |kind, service: &str| {
        let found = named(&told.seen, kind);
        assert!(found.iter().all(|span| spans::service(span) == service));
    };
    services(SpanKind::Client, "dig");
    services(SpanKind::Server, "unbound");
    let metrics = told.seen.metrics();
    let is_duration = |name: &str| name == "dns.lookup.duration";
    assert!(
        metrics
            .iter()
            .any(|metric| is_duration(&metric.record.name))
    );
    assert!(!spans::all(&told.seen).contains("a secret"));
}

pub(crate) async fn the_resolver_of_glibc_is_told_with_both_its_queries() {
    let _server = Unbound::start().await;
    let scratch = Scratch::new();
    let resolver = scratch.file("resolv.conf", &format!("nameserver {ADDRESS}\n"));
    let names = scratch.file("hosts", "127.0.0.1 localhost\n");
    let order = scratch.file("nsswitch.conf", "hosts: files dns\n");
    let daemon = Daemon::start().await;
    let mut command = Command::new("unshare");
    let script = format!(
        "mount --bind {} /etc/resolv.conf && mount --bind {} /etc/hosts && \
         (mount --bind {} /etc/nsswitch.conf || true) && exec {} -c \"import socket; \
         print(len(socket.getaddrinfo('www.c0d1.test', 80, type=socket.SOCK_STREAM)))\"",
        resolver.display(),
        names.display(),
        order.display(),
        python_path().display(),
    );
    command.args(["--mount", "sh", "-c", &script]);
    let ended = Program::run(command).await;
    assert_eq!(ended.stdout.trim(), "3", "{}", ended.stderr);
    let told = daemon
        .stop_when(|seen| named(seen, SpanKind::Server).len() >= 2)
        .await;
    let at = format!("error=- udp {ADDRESS}:53");
    for kind in [SpanKind::Client, SpanKind::Server] {
        let mut lines: Vec<_> = named(&told.seen, kind).iter().map(line).collect();
        lines.sort();
        let wanted = [
            format!("DNS A www.c0d1.test NOERROR 192.0.2.7,192.0.2.8 {at}"),
            format!("DNS AAAA www.c0d1.test NOERROR 2001:db8::7 {at}"),
        ];
        assert_eq!(lines, wanted, "{}", spans::all(&told.seen));
    }
}

pub(crate) async fn a_query_without_an_answer_is_a_timeout() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let port = silent.local_addr().expect("it is bound").port();
    let daemon = Daemon::start_with("response_timeout: 1s").await;
    dig(port, &["@127.0.0.1", "+time=1", "silent.c0d1.test", "A"]).await;
    let told = daemon
        .stop_when(|seen| !named(seen, SpanKind::Client).is_empty())
        .await;
    let lines: Vec<_> = named(&told.seen, SpanKind::Client)
        .iter()
        .map(line)
        .collect();
    let wanted = format!("DNS A silent.c0d1.test - - error=timeout udp 127.0.0.1:{port}");
    assert_eq!(lines, [wanted], "{}", spans::all(&told.seen));
}

/// Returns the spans of our names.
fn named(seen: &Seen, kind: SpanKind) -> Vec<ReceivedSpan<'_>> {
    spans::select(seen, kind, |span| {
        let name = span.attr_str("dns.question.name").unwrap_or_default();
        name.ends_with("c0d1.test") || name == "refused.test"
    })
}

/// `NAME QUESTION CODE ANSWERS error=ERROR TRANSPORT SERVER`.
fn line(span: &ReceivedSpan<'_>) -> String {
    let shown = |key| spans::shown(span, key).unwrap_or("-".to_owned());
    format!(
        "{} {} {} {} error={} {} {}:{}",
        span.record.name,
        shown("dns.question.name"),
        shown("tapline.dns.response.code"),
        answers(span).unwrap_or("-".to_owned()),
        shown("error.type"),
        shown("network.transport"),
        shown("server.address"),
        shown("server.port"),
    )
}

fn answers(span: &ReceivedSpan<'_>) -> Option<String> {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;

    let Value::ArrayValue(array) = span.attr("dns.answers")? else {
        return None;
    };
    let texts = array.values.iter().filter_map(|value| match &value.value {
        Some(Value::StringValue(text)) => Some(text.as_str()),
        _ => None,
    });
    let mut texts: Vec<_> = texts.collect();
    texts.sort_unstable();
    Some(texts.join(","))
}
