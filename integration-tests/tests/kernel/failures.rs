//! What goes wrong between asking and answering is told, with the reason.

use tapline_testkit::{ReceivedLog, ReceivedSpan, Seen};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    actors::{Server, curl, free_port, script},
    daemon::Daemon,
    spans,
};

pub(crate) async fn refused_connect_is_a_log_record() {
    let daemon = Daemon::start().await;
    let port = free_port();
    let ended = curl(&[], &format!("http://127.0.0.1:{port}/f1a2-refused")).await;
    assert!(!ended.status.success());
    let told = daemon
        .stop_when(|seen| !to_port(seen, port).is_empty())
        .await;
    let found = to_port(&told.seen, port);
    assert_eq!(found.len(), 1, "{found:?}");
    let log = &found[0];
    assert_eq!(log.record.event_name, "tapline.connect.failed");
    assert_eq!(log.attr_str("error.type"), Some("ECONNREFUSED"));
    assert_eq!(log.attr_str("server.address"), Some("127.0.0.1"));
    assert_eq!(log.resource_str("service.name"), Some("curl"));
    assert_eq!(spans::count(&told.seen, "/f1a2-refused"), 0);
}

pub(crate) async fn server_that_hangs_up_is_an_error_on_both_sides() {
    let (seen, _) = ask_rudely("/f1a2-close", &[]).await;
    assert_unanswered(&spans::client(&seen, "/f1a2-close"), &["closed_by_server"]);
    assert_unanswered(&spans::server(&seen, "/f1a2-close"), &["closed_by_server"]);
}

pub(crate) async fn server_that_resets_is_an_error_on_both_sides() {
    let (seen, _) = ask_rudely("/f1a2-reset", &[]).await;
    assert_unanswered(&spans::client(&seen, "/f1a2-reset"), &["reset"]);
    // Seen from its own side, the server did nothing but close.
    let own = ["reset", "closed_by_server"];
    assert_unanswered(&spans::server(&seen, "/f1a2-reset"), &own);
}

pub(crate) async fn client_that_gives_up_is_an_error_on_both_sides() {
    let (seen, lasted) = ask_rudely("/f1a2-silence", &["--max-time", "0.3"]).await;
    let asked = spans::client(&seen, "/f1a2-silence");
    assert_unanswered(&asked, &["closed_by_client"]);
    assert_unanswered(
        &spans::server(&seen, "/f1a2-silence"),
        &["closed_by_client"],
    );
    let told = asked.record.end_time_unix_nano - asked.record.start_time_unix_nano;
    assert!(
        u128::from(told) <= lasted.as_nanos(),
        "{}",
        spans::describe(&asked)
    );
    assert!(told > 200_000_000, "{}", spans::describe(&asked));
}

pub(crate) async fn bytes_that_are_no_text_neither_break_the_export_nor_make_a_query() {
    let server = Server::start(script("app")).await;
    let daemon = Daemon::start().await;
    let mut socket = TcpStream::connect(("127.0.0.1", server.port))
        .await
        .expect("it listens");
    let request = b"GET /f1a2-bytes/\xff\xfe/end HTTP/1.1\r\nHost: h\r\nUser-Agent: \xff\r\n\
          Connection: close\r\n\r\n";
    socket.write_all(request).await.expect("connected");
    let mut answer = Vec::new();
    socket
        .read_to_end(&mut answer)
        .await
        .expect("it answers and closes");
    // A backend refuses text that is no UTF-8, and everything that came with it.
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/f1a2-bytes") >= 2)
        .await;
    let answered = spans::server(&told.seen, "/f1a2-bytes");
    let described = spans::describe(&answered);
    assert!(answered.attr("url.query").is_none(), "{described}");
    let path = answered.attr_str("url.path").unwrap_or_default();
    assert!(path.ends_with("/end"), "{described}");
    assert_eq!(spans::clients(&told.seen, "/f1a2-bytes").len(), 1);
}

async fn ask_rudely(path: &str, args: &[&str]) -> (Seen, std::time::Duration) {
    let server = Server::start(script("rude")).await;
    let daemon = Daemon::start().await;
    let begun = std::time::Instant::now();
    let ended = curl(args, &server.url(path)).await;
    let lasted = begun.elapsed();
    assert!(!ended.status.success(), "there is no answer");
    let told = daemon.stop_when(|seen| spans::count(seen, path) >= 2).await;
    (told.seen, lasted)
}

fn assert_unanswered(span: &ReceivedSpan<'_>, reasons: &[&str]) {
    let described = spans::describe(span);
    assert!(spans::is_error(span), "{described}");
    let reason = span
        .attr_str("error.type")
        .unwrap_or_else(|| panic!("no reason: {described}"));
    assert!(reasons.contains(&reason), "{described}");
    assert!(
        span.attr("http.response.status_code").is_none(),
        "{described}"
    );
    let status = span.record.status.as_ref().expect("an error");
    assert!(!status.message.is_empty(), "{described}");
}

fn to_port(seen: &Seen, port: u16) -> Vec<ReceivedLog<'_>> {
    let mut logs = seen.logs();
    logs.retain(|log| log.attr_int("server.port") == Some(i64::from(port)));
    logs
}
