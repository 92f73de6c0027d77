//! Prints what the tap sees for a few seconds: `cargo run -p tapline-ebpf --example dump`.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a tool for a person at a terminal"
)]

use std::time::{Duration, Instant};

use tapline_ebpf::{Bounds, Capture, Event, Source, Tap};

fn main() {
    let packets = std::env::args().any(|argument| argument == "packet");
    let capture = if packets {
        Capture::By(Source::Packet)
    } else {
        Capture::Auto
    };
    let mut tap = Tap::load(Bounds::default(), capture).expect("the tap loads");
    println!("{} sockets existed before", tap.existing.len());
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        tap.ring.wait(Duration::from_millis(5));
        while let Some(record) = tap.ring.take() {
            match Event::parse(record) {
                Ok(Event::Data(head, bytes)) => println!(
                    "data {} {}/{} dir {} at {} len {} seq {} {:?}",
                    head.cookie,
                    head.tgid,
                    head.tid,
                    head.direction,
                    head.offset,
                    head.len,
                    head.tcp_end_seq,
                    String::from_utf8_lossy(&bytes[..bytes.len().min(60)])
                ),
                Ok(Event::Exec(exec)) => println!(
                    "exec {} of {} {:?} {:?} env {}",
                    exec.tgid,
                    exec.parent_tgid,
                    String::from_utf8_lossy(exec.filename),
                    String::from_utf8_lossy(exec.args),
                    exec.env.len()
                ),
                other => println!("{other:?}"),
            }
        }
    }
    println!("{:?}", tap.losses.read());
}
