//! WebSocket, after the upgrade.

use tapline_protocols::{
    conversation::Outcome,
    http::Request,
    parser::{Asked, Parser, Sink, Told},
    websocket::{Traffic, WebSocket},
};

use super::script::{Act, Seen, acts, cuts, in_pieces, play};

fn after(acts: &[Act]) -> Seen {
    let mut seen = Seen::default();
    seen.request(9, Asked::default());
    let mut parser = WebSocket::new(9, Request::default(), 500);
    let mut at_ns = 1000;
    for act in acts {
        at_ns += 1000;
        play(&mut parser, act, &mut at_ns, &mut seen);
    }
    assert_eq!(parser.open_requests(), 1 - seen.told.len());
    seen
}

fn line(told: &Told) -> String {
    let Told::WebSocket(exchange) = told else {
        panic!("{told:?} of WebSocket")
    };
    let show = |traffic: Traffic| {
        let Traffic {
            messages,
            bytes,
            pings,
        } = traffic;
        format!("{messages}m {bytes}b {pings}p")
    };
    let close = exchange
        .close
        .map(|(code, toward)| format!(" {code} {toward:?}"));
    let holed = if exchange.is_holed { " holed" } else { "" };
    let why = match exchange.outcome {
        Outcome::Answered => String::new(),
        Outcome::Unanswered(why) => format!(" !{}", why.error_type()),
    };
    format!(
        "{} / {}{}{holed}{why}",
        show(exchange.to_server),
        show(exchange.to_client),
        close.unwrap_or_default()
    )
}

/// A masked text, a ping, a message of two frames, a long message that was cut, a close each way.
const CONVERSATION: &str = r"
> \x81\x82abcd\x08\x0b
< \x89\x01x\x01\x02he\x80\x03llo
< \x82\x7e\x10\x00abc...{4093}
> \x8a\x80abcd
< \x88\x02\x03\xe8
> \x88\x82abcd\x62\x8a
! close
";

#[test]
fn counts_messages_and_bytes_each_way() {
    let expected = "1m 22b 0p / 2m 4116b 1p 1000 Client\n";
    assert_eq!(after(&acts(CONVERSATION)).lines(line), expected);
    let whole = r"
> \x81\x82abcd\x08\x0b\x88\x82abcd\x62\x8a
< \x89\x01x\x01\x02he\x80\x03llo
! close
";
    let expected = "1m 16b 0p / 1m 12b 1p 1000 Server\n";
    assert_eq!(after(&acts(whole)).lines(line), expected);
    for size in 1..4 {
        let pieces = in_pieces(&acts(whole), size);
        assert_eq!(after(&pieces).lines(line), expected, "pieces of {size}");
    }
}

#[test]
fn an_end_without_a_close_is_no_orderly_one() {
    let expected = "1m 8b 0p / 0m 0b 0p !closed_by_client\n";
    let script = "> \\x81\\x82abcd\\x08\\x0b\n! close";
    assert_eq!(after(&acts(script)).lines(line), expected);
}

#[test]
fn says_when_messages_may_have_been_missed_and_goes_on() {
    for cut in cuts(&acts(CONVERSATION)) {
        let seen = after(&cut);
        assert_eq!(seen.told.len(), 1);
        let Told::WebSocket(exchange) = &seen.told[0].1 else {
            panic!("of WebSocket")
        };
        let messages = (exchange.to_server.messages, exchange.to_client.messages);
        assert!(messages == (1, 2) || exchange.is_holed, "{exchange:?}");
        assert!(messages.0 <= 1 && messages.1 <= 2, "{exchange:?}");
    }
}
