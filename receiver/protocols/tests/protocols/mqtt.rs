//! MQTT conversations, recorded of paho with mosquitto, and written by hand.

use tapline_protocols::conversation::Since;

use super::{
    messaging::{line, tells},
    script::{acts, protocol, recognised, replay},
};

fn told(script: &str, since: Since) -> String {
    let seen = replay(protocol("mqtt"), &acts(script), since);
    seen.lines(line).trim().to_owned()
}

#[test]
fn version_5_with_every_quality_of_service_in_both_directions() {
    tells(
        "mqtt",
        include_str!("recorded/mqtt_v5.txt"),
        "connect client=h5-five
         subscribe to=h5/+/temp client=h5-five
         publish to=h5/*/temp client=h5-five messages=1 body=7 qos=0 one-way
         deliver to=h5/*/temp client=h5-five messages=1 body=7 qos=0 push one-way
         publish to=h5/*/temp client=h5-five messages=1 body=7 qos=1
         deliver to=h5/*/temp client=h5-five messages=1 body=7 qos=1 settled=ack push
         publish to=h5/*/temp client=h5-five messages=1 body=7 qos=2
         deliver to=h5/*/temp client=h5-five messages=1 body=7 qos=2 settled=ack push
         unsubscribe to=h5/+/temp client=h5-five
         publish to=nobody/here client=h5-five messages=1 body=1 qos=1
         ping client=h5-five",
    );
}

#[test]
fn version_3_1_1_with_every_quality_of_service_in_both_directions() {
    tells(
        "mqtt",
        include_str!("recorded/mqtt_v4.txt"),
        "connect client=h5-four
         subscribe to=h5/+/temp client=h5-four
         publish to=h5/*/temp client=h5-four messages=1 body=7 qos=0 one-way
         deliver to=h5/*/temp client=h5-four messages=1 body=7 qos=0 push one-way
         publish to=h5/*/temp client=h5-four messages=1 body=7 qos=1
         deliver to=h5/*/temp client=h5-four messages=1 body=7 qos=1 settled=ack push
         publish to=h5/*/temp client=h5-four messages=1 body=7 qos=2
         deliver to=h5/*/temp client=h5-four messages=1 body=7 qos=2 settled=ack push
         unsubscribe to=h5/+/temp client=h5-four
         ping client=h5-four",
    );
}

const CONNECTED: &str = r"
    > \x10\x11\0\x04MQTT\x05\0\0<\0\0\x04five
    < \x20\x03\0\0\0";

#[test]
fn what_a_broker_refuses_has_its_reason() {
    let script = CONNECTED.to_owned()
        + r"
        > 2\x06\0\x01t\0\x01\0
        < @\x03\0\x01\x87
        > 4\x06\0\x01t\0\x02\0
        < P\x03\0\x02\x97
        > \x82\x0d\0\x03\0\0\x01a\0\0\x03b/c\x01
        < \x90\x05\0\x03\0\0\x8f
        < \xe0\x02\x8e\0";
    let expected = "connect client=five\n\
                    publish to=t client=five messages=1 body=0 qos=1 error=NOT_AUTHORIZED\n\
                    publish to=t client=five messages=1 body=0 qos=2 error=QUOTA_EXCEEDED\n\
                    subscribe of=2 client=five error=TOPIC_FILTER_INVALID\n\
                    disconnect client=five error=SESSION_TAKEN_OVER push";
    assert_eq!(told(&script, Since::Begin), expected);
    let refused = r"
        > \x10\x0f\0\x04MQTT\x04\0\0<\0\x03old
        < \x20\x02\0\x05";
    assert_eq!(
        told(refused, Since::Begin),
        "connect client=old error=NOT_AUTHORIZED"
    );
}

#[test]
fn an_alias_stands_for_the_topic_that_it_came_with() {
    let script = CONNECTED.to_owned()
        + r"
        > 0\x09\0\x01t\x03#\0\x07xx
        > 0\x08\0\0\x03#\0\x07xx
        < 0\x08\0\0\x03#\0\x07xx";
    let expected = "connect client=five\n\
                    publish to=t client=five messages=1 body=2 qos=0 one-way\n\
                    publish to=t client=five messages=1 body=2 qos=0 one-way\n\
                    deliver client=five messages=1 body=2 qos=0 push one-way";
    assert_eq!(told(&script, Since::Begin), expected);
}

#[test]
fn a_shared_subscription_has_its_group() {
    let script = CONNECTED.to_owned()
        + r"
        > \x82\x12\0\x03\0\0\x0c$share/g/a/b\0
        < \x90\x04\0\x03\0\0";
    let expected = "connect client=five\nsubscribe to=a/b group=g client=five";
    assert_eq!(told(&script, Since::Begin), expected);
}

#[test]
fn joins_late_where_both_ends_show_it() {
    let script = r"
        > 2\x08\0\x01t\0\x07xyz
        < @\x02\0\x07";
    assert_eq!(told(script, Since::Later), "publish to=t messages=1 qos=1");
    for script in [
        script,
        "> \\xc0\\0\n< \\xd0\\0",
        "> 0\\x04\\0\\x01tx\n> \\xc0\\0\n< \\xd0\\0",
    ] {
        let found = recognised(&acts(script), true);
        assert_eq!(found.map(|found| found.0), Some("mqtt"), "{script}");
    }
    assert_eq!(
        recognised(&acts("> 250 ok\\r\\n\n< @\\x02\\0\\x07"), true),
        None
    );
}

#[test]
fn keeps_nothing_of_users_and_wills() {
    let script = include_str!("recorded/mqtt_v4.txt");
    assert!(script.contains("hunter2") && script.contains("willsecret"));
    let seen = format!(
        "{:?}",
        replay(protocol("mqtt"), &acts(script), Since::Begin)
    );
    assert!(!seen.contains("hunter2") && !seen.contains("will") && !seen.contains("secret"));
}
