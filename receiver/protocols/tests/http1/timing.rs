//! Which chunk gives which time, and whose thread is whose.

use tapline_protocols::http1::{Chunk, Exchange, Http1, Limits, Outcome, Toward, Unanswered};

use super::script::Seen;

/// Feeds chunks of `(to the server, time, text, bytes not captured)`; the time is the thread, too.
fn read(chunks: &[(bool, u64, &str, usize)], end: impl Fn(&mut Http1, &mut Seen)) -> Vec<Exchange> {
    let mut reader = Http1::new(Limits {
        response_timeout_ns: 100,
        ..Limits::default()
    });
    let mut seen = Seen::default();
    for (server, at_ns, text, missing) in chunks {
        let toward = if *server {
            Toward::Server
        } else {
            Toward::Client
        };
        let (bytes, len, thread) = (text.as_bytes(), text.len() + missing, *at_ns);
        reader.feed(
            Chunk {
                toward,
                at_ns: *at_ns,
                bytes,
                len,
                tail: &[],
                thread,
            },
            &mut seen,
        );
    }
    end(&mut reader, &mut seen);
    seen.exchanges
        .into_iter()
        .map(|(_, exchange)| exchange)
        .collect()
}

fn times(exchange: &Exchange) -> (u64, u64, Option<u64>, u64) {
    let Exchange {
        started_ns,
        request_ended_ns,
        response_started_ns,
        ended_ns,
        ..
    } = exchange;
    (
        *started_ns,
        *request_ended_ns,
        *response_started_ns,
        *ended_ns,
    )
}

#[test]
fn takes_times_from_first_and_last_bytes() {
    let seen = read(
        &[
            (true, 1, "PO", 0),
            (true, 2, "ST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\na", 0),
            (true, 3, "bcd", 0),
            (false, 4, "HTTP/1.1 100 Continue\r\n\r\n", 0),
            (false, 5, "HTT", 0),
            (false, 6, "P/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", 0),
            (false, 7, "", 4),
        ],
        |_, _| {},
    );
    assert_eq!(times(&seen[0]), (1, 3, Some(5), 7));
    assert_eq!(
        (seen[0].request_thread, seen[0].response_thread),
        (2, Some(5))
    );
}

#[test]
fn ends_a_lost_body_with_its_last_byte() {
    let seen = read(
        &[
            (true, 1, "GET /a HTTP/1.1\r\n\r\n", 0),
            (
                false,
                2,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
                50,
            ),
            (false, 3, "more", 20),
            (true, 9, "GET /b HTTP/1.1\r\n\r\n", 0),
        ],
        |_, _| {},
    );
    assert_eq!(times(&seen[0]), (1, 1, Some(2), 3));
}

#[test]
fn ends_an_answer_at_once_whose_body_fits_behind_its_cut_head() {
    let seen = read(
        &[
            (true, 1, "GET /a HTTP/1.1\r\n\r\n", 0),
            (false, 2, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\nX", 90),
        ],
        |reader, _| assert_eq!(reader.open_requests(), 0),
    );
    assert_eq!(times(&seen[0]), (1, 1, Some(2), 2));
    assert_eq!(seen[0].response_body_bytes, 50);
}

#[test]
fn ends_an_early_answer_with_the_answer() {
    let seen = read(
        &[
            (true, 1, "POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\na", 0),
            (false, 2, "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n", 0),
            (true, 3, "bcd", 0),
        ],
        |_, _| {},
    );
    assert_eq!(times(&seen[0]), (1, 3, Some(2), 2));
}

#[test]
fn ends_what_is_unanswered_with_the_reason() {
    let request = [(true, 1, "GET /a HTTP/1.1\r\n\r\n", 0)];
    let closed = read(&request, |reader, seen| {
        reader.close(50, Unanswered::ClosedByServer, seen);
    });
    assert_eq!(times(&closed[0]), (1, 1, None, 50));
    let expired = read(&request, |reader, seen| {
        reader.expire(100, seen);
        assert_eq!(reader.open_requests(), 1, "not old enough");
        reader.expire(101, seen);
    });
    assert_eq!(times(&expired[0]), (1, 1, None, 101));
    assert_eq!(expired[0].outcome, Outcome::Unanswered(Unanswered::Timeout));
}

#[test]
fn lets_long_uploads_and_long_answers_live() {
    let seen = read(
        &[
            (true, 1, "POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\n", 0),
            (true, 90, "ab", 0),
        ],
        |reader, seen| {
            reader.expire(180, seen);
            assert_eq!(reader.open_requests(), 1, "the upload goes on");
            let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na";
            let (toward, len) = (Toward::Client, bytes.len());
            reader.feed(
                Chunk {
                    toward,
                    at_ns: 185,
                    bytes,
                    len,
                    tail: &[],
                    thread: 0,
                },
                seen,
            );
            reader.expire(500, seen);
            assert_eq!(reader.open_requests(), 1, "the answer goes on");
        },
    );
    assert_eq!(seen.len(), 0);
}

#[test]
fn ends_an_answer_until_close_with_its_last_byte() {
    let seen = read(
        &[
            (true, 1, "GET /a HTTP/1.0\r\n\r\n", 0),
            (false, 2, "HTTP/1.0 200 OK\r\n\r\ntext", 0),
        ],
        |reader, seen| reader.close(9, Unanswered::ClosedByPeer, seen),
    );
    assert_eq!(
        (times(&seen[0]), seen[0].outcome),
        ((1, 1, Some(2), 2), Outcome::Answered)
    );
}
