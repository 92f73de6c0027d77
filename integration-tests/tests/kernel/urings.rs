//! Bytes moved by io_uring, whoever runs the request: the submitting call, a worker, the polling
//! thread of the kernel, or the thread that later finds the socket ready.

use crate::ways::{Exchange, assert_exchanges};

/// Who runs the requests.
const CONTEXTS: [&str; 4] = ["inline", "async", "sqpoll", "defer"];
/// Ways to write, read with `recv`, and to read, written with `send`.
const WAYS: [&str; 14] = [
    "send:recv",
    "write:recv",
    "writev:recv",
    "sendmsg:recv",
    "sendmsg1:recv",
    "zerocopy:recv",
    "linked:recv",
    "send:read",
    "send:readv",
    "send:recvmsg",
    "send:selected",
    "send:multishot",
    "send:waitall",
    "sendmsg:recvmsg",
];

pub(crate) async fn every_request_that_moves_bytes_is_told_to_the_byte() {
    let ways: Vec<String> = CONTEXTS
        .iter()
        .flat_map(|context| WAYS.map(|way| format!("{context}:{way}")))
        .collect();
    let exchanges = ways.iter().flat_map(|way| {
        let exchange = |number| (format!("/f0b3/{way}/{number}"), "200", "3000", "5000");
        [exchange(1), exchange(2)]
    });
    let exchanges: Vec<Exchange> = exchanges.collect();
    assert_exchanges("urings", &ways, &exchanges).await;
}
