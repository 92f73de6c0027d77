//! A TCP connection with both ends in this thread, over which messages of 300 bytes go to and fro.
//!
//! Every message turns the direction, which is when the tap looks at bytes: nothing is cheaper for
//! it than this, and nothing more usual.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};

const MESSAGE_BYTES: usize = 300;
const BODY_BYTES: usize = 100;
/// Loopback answers at once or never.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the messages look like.
#[derive(Clone, Copy)]
pub(super) enum Content {
    /// Like HTTP, so they are captured and parsed.
    Http,
    /// Like nothing known, so they are left alone.
    Binary,
}

/// Both ends of a connection.
pub(super) struct Pair {
    client: TcpStream,
    server: TcpStream,
    request: Vec<u8>,
    response: Vec<u8>,
    exchanges: u64,
}

impl Pair {
    /// An exchange is two messages, so two sends and two receives.
    pub(super) const PER_EXCHANGE: f64 = 2.0;

    pub(super) fn new(content: Content) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (server, _) = listener.accept()?;
        for end in [&client, &server] {
            end.set_nodelay(true)?;
            end.set_read_timeout(Some(PATIENCE))?;
        }
        let (request, response) = match content {
            Content::Http => (request(), response()),
            Content::Binary => (binary(), binary()),
        };
        Ok(Self {
            client,
            server,
            request,
            response,
            exchanges: 0,
        })
    }

    /// Sends `count` requests and as many responses, one after the other.
    pub(super) fn exchange(&mut self, count: u64) -> Result<()> {
        let mut received = [0; MESSAGE_BYTES];
        let mut done = 0;
        // Not a range: without optimisation its iterator would be a part of the result.
        while done < count {
            self.client.write_all(&self.request)?;
            self.server.read_exact(&mut received)?;
            self.server.write_all(&self.response)?;
            self.client
                .read_exact(&mut received)
                .context("the socket pair is stuck")?;
            done += 1;
        }
        self.exchanges += count;
        Ok(())
    }

    /// Returns how many exchanges there were.
    pub(super) fn exchanges(&self) -> u64 {
        self.exchanges
    }
}

fn request() -> Vec<u8> {
    padded("GET /bench HTTP/1.1\r\nHost: localhost\r\n", MESSAGE_BYTES)
}

fn response() -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY_BYTES}\r\n");
    let mut message = padded(&head, MESSAGE_BYTES - BODY_BYTES);
    message.resize(MESSAGE_BYTES, b'b');
    message
}

/// Ends a head with a header that makes it `size_bytes` long.
fn padded(head: &str, size_bytes: usize) -> Vec<u8> {
    const NAME: &str = "X-Padding: ";
    const END: &str = "\r\n\r\n";
    let padding = "p".repeat(size_bytes - head.len() - NAME.len() - END.len());
    [head, NAME, &padding, END].concat().into_bytes()
}

fn binary() -> Vec<u8> {
    (0..MESSAGE_BYTES)
        .map(|at| 0x80 | (at % 128) as u8)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_size_they_are_named_for() {
        for message in [request(), response(), binary()] {
            assert_eq!(message.len(), MESSAGE_BYTES);
        }
    }

    #[test]
    fn the_response_has_the_body_it_announces() {
        let text = String::from_utf8(response()).expect("ascii");
        let (head, body) = text.split_once("\r\n\r\n").expect("a whole head");
        assert!(head.contains("Content-Length: 100\r\n"), "{head}");
        assert_eq!(body.len(), BODY_BYTES);
    }

    #[test]
    fn counts_what_it_exchanged() {
        let mut pair = Pair::new(Content::Http).expect("loopback");
        pair.exchange(3).expect("loopback");
        pair.exchange(2).expect("loopback");
        assert_eq!(pair.exchanges(), 5);
    }
}
