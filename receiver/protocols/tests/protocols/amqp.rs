//! AMQP 0.9.1 conversations, recorded of pika with RabbitMQ, and written by hand.

use tapline_protocols::conversation::Since;

use super::{
    messaging::{line, tells},
    script::{acts, protocol, recognised, replay},
};

fn told(script: &str) -> String {
    let seen = replay(protocol("amqp"), &acts(script), Since::Later);
    seen.lines(line).trim().to_owned()
}

#[test]
fn everything_that_pika_says_to_rabbitmq() {
    let me = "client=h5-publisher in=/";
    let expected = format!(
        "connect {me}
         channel.open {me}
         exchange.declare to=ex {me}
         queue.declare to=orders {me}
         queue.bind to=orders {me} key=key
         publish to=ex {me} key=key messages=1 body=18 one-way
         confirm.select {me}
         publish to=ex {me} key=key id=m1 about=c1 messages=1 body=18
         publish to=ex {me} key=nowhere messages=1 body=4 error=NO_ROUTE
         queue.declare to=missing {me} error=NOT_FOUND
         channel.open {me}
         get to=orders {me} key=key tag=1 messages=1 body=18
         nack {me} tag=1 one-way
         consume to=orders {me}
         deliver to=orders {me} key=key tag=2 messages=1 body=18 settled=ack push
         deliver to=orders {me} key=key tag=3 id=m1 about=c1 messages=1 body=18 settled=reject push
         deliver to=orders {me} key=key tag=4 id=m1 about=c1 messages=1 body=18 settled=reject push
         cancel {me}
         publish to=orders {me} messages=1 body=0 one-way
         queue.declare {me}
         publish to=amq.gen-* {me} messages=1 body=5 one-way
         consume to=amq.gen-* {me}
         deliver to=amq.gen-* {me} tag=5 messages=1 body=5 push one-way
         cancel {me}
         get to=amq.gen-* {me} messages=0"
    );
    tells("amqp", include_str!("recorded/amqp_pika.txt"), &expected);
}

/// Two publications to `q` on channel 1, without bodies.
const TWO: &str = r"
    > \x01\0\x01\0\0\0\x05\0U\0\x0a\0\xce
    < \x01\0\x01\0\0\0\x04\0U\0\x0b\xce
    > \x01\0\x01\0\0\0\x0a\0<\0(\0\0\0\x01q\0\xce\x02\0\x01\0\0\0\x0e\0<\0\0\0\0\0\0\0\0\0\0\0\0\xce
    > \x01\0\x01\0\0\0\x0a\0<\0(\0\0\0\x01q\0\xce\x02\0\x01\0\0\0\x0e\0<\0\0\0\0\0\0\0\0\0\0\0\0\xce";

#[test]
fn one_confirmation_may_be_of_several_publications() {
    let acked = TWO.to_owned()
        + "\n< \\x01\\0\\x01\\0\\0\\0\\x0d\\0<\\0P\\0\\0\\0\\0\\0\\0\\0\\x02\\x01\\xce";
    let expected = "confirm.select\n\
                    publish to=q messages=1 body=0\n\
                    publish to=q messages=1 body=0";
    assert_eq!(told(&acked), expected);
    let refused = TWO.to_owned()
        + "\n< \\x01\\0\\x01\\0\\0\\0\\x0d\\0<\\0x\\0\\0\\0\\0\\0\\0\\0\\x01\\0\\xce\n! close";
    let expected = "confirm.select\n\
                    publish to=q messages=1 body=0 error=NACK\n\
                    publish to=q messages=1 body=0 closed_by_client";
    assert_eq!(told(&refused), expected);
}

#[test]
fn after_a_loss_no_confirmation_is_paired() {
    let lost = TWO.to_owned()
        + r"
        ! gap server ?
        > \x01\0\x01\0\0\0\x0a\0<\0(\0\0\0\x01r\0\xce\x02\0\x01\0\0\0\x0e\0<\0\0\0\0\0\0\0\0\0\0\0\0\xce
        < \x01\0\x01\0\0\0\x0d\0<\0P\0\0\0\0\0\0\0\x02\x01\xce";
    assert!(told(&lost).ends_with("publish to=r messages=1 body=0 one-way"));
}

#[test]
fn a_channel_that_ends_says_why() {
    let unconfirmed = r"
        > \x01\0\x01\0\0\0\x0a\0<\0(\0\0\0\x01q\0\xce\x02\0\x01\0\0\0\x0e\0<\0\0\0\0\0\0\0\0\0\0\0\0\xce
        < \x01\0\x01\0\0\0\x0b\0\x14\0(\x01\x93\0\0<\0(\xce";
    let expected = "publish to=q messages=1 body=0 one-way\n\
                    channel.close error=ACCESS_REFUSED push";
    assert_eq!(told(unconfirmed), expected);
}

#[test]
fn a_delivery_that_nobody_settles_is_no_failure() {
    let late = r"
        < \x01\0\x01\0\0\0\x13\0<\0<\x01c\0\0\0\0\0\0\0\x09\0\x01e\x01k\xce
        < \x02\0\x01\0\0\0\x0e\0<\0\0\0\0\0\0\0\0\0\x02\0\0\xce
        < \x03\0\x01\0\0\0\x02xx\xce
        ! expire
        > \x01\0\x01\0\0\0\x0d\0<\0P\0\0\0\0\0\0\0\x09\0\xce";
    let expected = "deliver to=e key=k tag=9 messages=1 body=2 push one-way\nack tag=9 one-way";
    assert_eq!(told(late), expected);
}

#[test]
fn joins_late_at_a_method_that_one_end_sends_and_at_heartbeats_of_both() {
    for script in [
        "> \\x01\\0\\x01\\0\\0\\0\\x0a\\0<\\0(\\0\\0\\0\\x01q\\0\\xce",
        "< \\x01\\0\\x01\\0\\0\\0\\x04\\0U\\0\\x0b\\xce",
        "> \\x08\\0\\0\\0\\0\\0\\0\\xce\n< \\x08\\0\\0\\0\\0\\0\\0\\xce",
    ] {
        let found = recognised(&acts(script), true);
        assert_eq!(found.map(|found| found.0), Some("amqp"), "{script}");
    }
    for script in [
        r"> AMQP\0\x01\0\0",
        r"> AMQP\x03\x01\0\0",
        r"> \x01\0\x01\0\0\0\x0a\0<\0(\0\0\0\x01q\0\0",
        r"> \x08\0\0\0\0\0\0\xce",
    ] {
        let found = recognised(&acts(script), true);
        assert_eq!(found, None, "{script}");
    }
}

#[test]
fn keeps_nothing_of_credentials_and_messages() {
    let script = include_str!("recorded/amqp_pika.txt");
    assert!(script.contains("guest") && script.contains("secret"));
    let seen = format!(
        "{:?}",
        replay(protocol("amqp"), &acts(script), Since::Begin)
    );
    assert!(!seen.contains("guest") && !seen.contains("secret"));
}
