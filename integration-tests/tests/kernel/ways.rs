//! Every way that Linux has to move bytes on a socket: one exchange each, told by both sides to the
//! byte, and another one behind it on the same connection. `urings.rs` does the same for io_uring.

use tapline_integration_tests::{Program, Scratch};
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::Command;

use crate::{actors::compiled, daemon::Daemon, spans};

/// What `movers` can write with, over TCP, read with `recv`.
const WRITERS: [&str; 14] = [
    "send",
    "write",
    "sendto",
    "bytes",
    "writev",
    "writev100",
    "writev1000",
    "pwritev2",
    "sendmsg",
    "sendmmsg",
    "sendfile",
    "splice",
    "zerocopy",
    "int80",
];
/// What it can read with, over TCP, written with `send`.
const READERS: [&str; 12] = [
    "read", "recvfrom", "bytes", "readv", "preadv2", "recvmsg", "recvmmsg", "peek", "trunc",
    "waitall", "splice", "int80",
];
/// Sockets of every kind, and pairs of calls worth trying on them.
const SOCKETS: [&str; 8] = [
    "tcp6:send:recv",
    "mapped:send:recv",
    "unix:send:recv",
    "unix:writev100:bytes",
    "unix:sendmmsg:recvmmsg",
    "unix:sendfile:recvmsg",
    "socketpair:write:read",
    "seqpacket:send:recv",
];

/// What is read, not only counted, where bytes are noticed as calls end.
const SEEN_AS_THEY_END: [&str; 17] = [
    "tcp4:send:recv",
    "tcp4:write:recv",
    "tcp4:sendto:recv",
    "tcp4:bytes:recv",
    "tcp4:writev:recv",
    "tcp4:pwritev2:recv",
    "tcp4:zerocopy:recv",
    "tcp4:send:read",
    "tcp4:send:recvfrom",
    "tcp4:send:bytes",
    "tcp4:send:peek",
    "tcp4:send:trunc",
    "tcp4:send:waitall",
    "unix:send:recv",
    "unix:write:read",
    "socketpair:write:read",
    "seqpacket:send:recv",
];

pub(crate) async fn every_call_that_is_read_as_it_ends_is_told_to_the_byte() {
    assert_told(SEEN_AS_THEY_END.map(str::to_owned)).await;
}

pub(crate) async fn every_call_that_writes_is_told_to_the_byte() {
    assert_told(WRITERS.map(|way| format!("tcp4:{way}:recv"))).await;
}

pub(crate) async fn every_call_that_reads_is_told_to_the_byte() {
    assert_told(READERS.map(|way| format!("tcp4:send:{way}"))).await;
}

pub(crate) async fn sockets_of_every_kind_are_told_to_the_byte() {
    assert_told(SOCKETS.map(str::to_owned)).await;
}

/// An exchange: path, status, bytes sent, bytes received.
pub(crate) type Exchange = (String, &'static str, &'static str, &'static str);

async fn assert_told<const N: usize>(ways: [String; N]) {
    let exchanges = ways.iter().flat_map(|way| {
        [
            (format!("/f0b2/{way}/"), "200", "3000", "5000"),
            (format!("/f0b2-after/{way}/"), "201", "3", "4"),
        ]
    });
    let exchanges: Vec<Exchange> = exchanges.collect();
    assert_exchanges("movers", &ways, &exchanges).await;
}

/// Runs a program with such arguments, each of which it must say it has done, and wants both sides
/// of every exchange, exactly once.
pub(crate) async fn assert_exchanges(name: &str, ways: &[String], exchanges: &[Exchange]) {
    let scratch = Scratch::new();
    let program = compiled(name, &scratch).await;
    let daemon = Daemon::start().await;
    let mut command = Command::new(program);
    command.args(ways);
    let ended = Program::run(command).await;
    let done = ended.stdout.lines().filter(|line| line.starts_with("ok "));
    let said = format!("{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(done.count(), ways.len(), "{said}");
    let all = |seen: &Seen| {
        let count = |(path, ..): &Exchange| spans::count(seen, path);
        exchanges.iter().map(count).sum::<usize>() >= 2 * exchanges.len()
    };
    let told = daemon.stop_when(all).await;
    let wrong: Vec<String> = exchanges
        .iter()
        .flat_map(|exchange| wrong_sides(exchange, &told.seen))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn wrong_sides((path, status, sent, received): &Exchange, seen: &Seen) -> Vec<String> {
    let wanted = [
        ("http.response.status_code", *status),
        ("http.request.body.size", *sent),
        ("http.response.body.size", *received),
    ];
    let sides = [
        ("server", spans::servers(seen, path)),
        ("client", spans::clients(seen, path)),
    ];
    let is_right = |found: &[ReceivedSpan<'_>]| {
        let [span] = found else { return false };
        let is = |(key, value): &(&str, &str)| spans::shown(span, key).as_deref() == Some(*value);
        wanted.iter().all(is) && !spans::is_error(span)
    };
    let wrong = sides.into_iter().filter(|(_, found)| !is_right(found));
    wrong
        .map(|(side, found)| {
            let found: Vec<_> = found.iter().map(spans::describe).collect();
            format!("{path} at the {side}: {found:#?}")
        })
        .collect()
}
