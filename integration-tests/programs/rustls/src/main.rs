//! A server and clients over rustls, as people build them: hyper and tokio, or threads.
//!
//! `serve PEM`: answers every path with itself, over HTTP/1.1 and HTTP/2.
//! `ask PORT CONNECTIONS REQUESTS PREFIX h1|h2|threads`: asks, on connections at once, for
//! `/PREFIX/CONNECTION/REQUEST`. `threads` are two that make one connection after another.
//! Ends with a failure when an answer is not what was asked for.

#![expect(
    clippy::disallowed_methods,
    reason = "a program that is watched: its tasks end with it"
)]
#![expect(
    clippy::print_stdout,
    reason = "whoever starts it wants to know the port"
)]

mod ask;
mod serve;
mod trust;

use std::error::Error;

/// Whatever goes wrong ends the program.
type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", pem] => serve::serve(pem).await,
        ["ask", port, connections, requests, prefix, how] => {
            let plan = ask::Plan {
                port: port.parse()?,
                connections: connections.parse()?,
                requests: requests.parse()?,
                prefix: prefix.to_owned(),
            };
            ask::ask(plan, how).await
        }
        _ => Err("serve or ask".into()),
    }
}
