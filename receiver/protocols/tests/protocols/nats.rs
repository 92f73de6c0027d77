//! NATS conversations, recorded of nats-py with the real server, and written by hand.

use tapline_protocols::conversation::Since;

use super::{
    messaging::{line, tells},
    script::{acts, protocol, recognised, replay},
};

fn told(script: &str) -> String {
    let seen = replay(protocol("nats"), &acts(script), Since::Later);
    seen.lines(line).trim().to_owned()
}

#[test]
fn who_answers_requests() {
    tells(
        "nats",
        include_str!("recorded/nats_responder.txt"),
        "connect client=h5-responder
         ping client=h5-responder
         ping client=h5-responder
         subscribe to=svc.echo group=workers client=h5-responder one-way
         deliver to=svc.echo group=workers client=h5-responder messages=1 body=11 push one-way
         publish to=_INBOX.* client=h5-responder messages=1 body=11 one-way
         ping client=h5-responder
         unsubscribe client=h5-responder one-way
         ping client=h5-responder",
    );
}

#[test]
fn who_asks_publishes_and_subscribes() {
    tells(
        "nats",
        include_str!("recorded/nats_requests.txt"),
        "connect client=h5-asker
         ping client=h5-asker
         subscribe to=_INBOX.* client=h5-asker one-way
         request to=svc.echo client=h5-asker messages=1 body=11
         ping client=h5-asker
         publish to=orders.*.created client=h5-asker messages=1 body=5 one-way
         subscribe to=loop client=h5-asker one-way
         publish to=loop client=h5-asker messages=1 body=300 one-way
         deliver to=loop client=h5-asker messages=1 body=300 push one-way
         unsubscribe client=h5-asker one-way
         request to=nobody.home client=h5-asker messages=1 body=0 error=NO_RESPONDERS
         ping client=h5-asker
         unsubscribe client=h5-asker one-way
         ping client=h5-asker",
    );
}

#[test]
fn a_stream_with_acknowledgements() {
    tells(
        "nats",
        include_str!("recorded/nats_jetstream.txt"),
        "connect client=h5-js
         ping client=h5-js
         subscribe to=_INBOX.* client=h5-js one-way
         request to=$JS.API.STREAM.CREATE.S client=h5-js messages=1 body=276
         request to=s.one client=h5-js messages=1 body=6
         request to=s.two client=h5-js messages=1 body=6
         request to=$JS.API.STREAM.NAMES client=h5-js messages=1 body=18
         request to=$JS.API.CONSUMER.INFO.* client=h5-js messages=1 body=0
         request to=$JS.API.CONSUMER.CREATE.* client=h5-js messages=1 body=231
         subscribe to=_INBOX.* client=h5-js one-way
         publish to=$JS.API.CONSUMER.MSG.NEXT.* client=h5-js messages=1 body=52 one-way
         deliver to=s.one client=h5-js messages=1 body=6 settled=ack push
         deliver to=s.two client=h5-js messages=1 body=6 settled=ack push
         ping client=h5-js",
    );
}

#[test]
fn confirms_every_line_in_verbose_mode() {
    let script = r#"
        < INFO {"server_id":"x"}\r\n
        > CONNECT {"verbose":true,"user":"u","pass":"secret","name":"me"}\r\n
        < +OK\r\n
        > PUB a 1\r\nx\r\nSUB b 1\r\nPUB denied 1\r\nx\r\n
        < +OK\r\n+OK\r\n-ERR 'Permissions Violation for Publish to "denied"'\r\n"#;
    tells(
        "nats",
        script,
        "connect client=me
         publish to=a client=me messages=1 body=1
         subscribe to=b client=me
         publish to=denied client=me messages=1 body=1 error=PERMISSIONS_VIOLATION",
    );
}

#[test]
fn an_error_of_nothing_that_waits_is_told_alone() {
    let script = r"
        > PUB a 1\r\nx\r\n
        < -ERR 'Maximum Payload Violation'\r\n
        ! close";
    let expected = "publish to=a messages=1 body=1 one-way\n\
                    error error=MAXIMUM_PAYLOAD_VIOLATION push";
    assert_eq!(told(script), expected);
}

#[test]
fn a_message_that_is_refused_says_so_and_one_that_nobody_settles_does_not_fail() {
    let script = r"
        < MSG s 1 $JS.ACK.S.d.1.1.1.5.0 1\r\nx\r\nMSG s 1 $JS.ACK.S.d.1.2.2.5.0 1\r\nx\r\n
        > PUB $JS.ACK.S.d.1.1.1.5.0 4\r\n-NAK\r\n
        > PUB $JS.ACK.S.d.1.2.2.5.0 4\r\n+WPI\r\n
        > PUB _INBOX.1 _INBOX.2 1\r\nx\r\n
        ! expire";
    let expected = "deliver to=s messages=1 body=1 settled=nack push\n\
                    deliver to=s messages=1 body=1 push one-way\n\
                    request to=_INBOX.* messages=1 body=1 timeout";
    assert_eq!(told(script), expected);
}

#[test]
fn joins_late_at_pings_that_both_ends_know() {
    for script in ["> PING\\r\\n\n< PONG\\r\\n", "< PING\\r\\n\n> PONG\\r\\n"] {
        let found = recognised(&acts(script), true);
        assert_eq!(found, Some(("nats", 1)), "{script}");
    }
    assert_eq!(recognised(&acts("> PING\\r\\n\n< +PONG\\r\\n"), true), None);
    assert_eq!(
        recognised(&acts("> PUB a quarter to five\\r\\n"), true),
        None
    );
}
