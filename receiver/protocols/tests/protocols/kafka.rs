//! Kafka conversations, recorded of real clients with the broker that librdkafka imitates, and
//! written by hand where none would say it.

use tapline_protocols::conversation::{Outcome, Since, Unanswered};

use super::{
    messaging::{exchange, line, tells},
    script::{acts, protocol, recognised, replay},
};

fn told(script: &str) -> String {
    let seen = replay(protocol("kafka"), &acts(script), Since::Later);
    seen.lines(line).trim().to_owned()
}

#[test]
fn a_producer_of_librdkafka() {
    tells(
        "kafka",
        include_str!("recorded/kafka_producer.txt"),
        "api_versions client=h5-producer error=UNSUPPORTED_VERSION
         api_versions client=h5-producer
         produce to=orders partition=0 client=h5-producer messages=3
         get_telemetry_subscriptions client=h5-producer",
    );
}

#[test]
fn a_member_of_a_group() {
    tells(
        "kafka",
        include_str!("recorded/kafka_group.txt"),
        "api_versions client=h5-consumer error=UNSUPPORTED_VERSION
         api_versions client=h5-consumer
         metadata client=h5-consumer
         join_group group=h5-group client=h5-consumer
         metadata to=orders client=h5-consumer
         sync_group group=h5-group client=h5-consumer
         heartbeat group=h5-group client=h5-consumer
         offset_fetch group=h5-group client=h5-consumer
         offset_commit to=orders partition=0 group=h5-group client=h5-consumer
         leave_group group=h5-group client=h5-consumer",
    );
}

#[test]
fn a_consumer_that_names_topics_by_their_ids() {
    tells(
        "kafka",
        include_str!("recorded/kafka_consumer.txt"),
        "api_versions client=h5-consumer error=UNSUPPORTED_VERSION
         api_versions client=h5-consumer
         metadata to=orders client=h5-consumer
         find_coordinator group=h5-group client=h5-consumer
         get_telemetry_subscriptions client=h5-consumer
         list_offsets client=h5-consumer
         list_offsets client=h5-consumer
         list_offsets client=h5-consumer
         list_offsets client=h5-consumer
         fetch to=orders client=h5-consumer messages=3 wait=500",
    );
}

#[test]
fn a_client_of_kafkajs() {
    tells(
        "kafka",
        include_str!("recorded/kafka_js.txt"),
        "api_versions client=js-client
         metadata to=jst client=js-client
         find_coordinator group=jsg client=js-client
         join_group group=jsg client=js-client
         metadata to=jst client=js-client
         sync_group group=jsg client=js-client
         offset_fetch group=jsg client=js-client
         list_offsets client=js-client
         heartbeat group=jsg client=js-client
         offset_commit to=jst partition=2 group=jsg client=js-client
         offset_commit to=jst partition=1 group=jsg client=js-client
         heartbeat group=jsg client=js-client
         heartbeat group=jsg client=js-client
         heartbeat group=jsg client=js-client
         heartbeat group=jsg client=js-client",
    );
}

/// Version 7 of Produce, to topic `t`, without records; its answer says that nobody leads it.
const REFUSED: &str = r"
    > \0\0\0\x27\0\0\0\x07\0\0\0\x05\0\x02me\xff\xff\xff\xff\0\0\0\x09\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x03\0\0\0\0
    < \0\0\0\x31\0\0\0\x05\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x03\0\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

#[test]
fn an_error_has_its_name() {
    let expected = "produce to=t partition=3 client=me messages=0 error=NOT_LEADER_OR_FOLLOWER";
    assert_eq!(told(REFUSED), expected);
}

#[test]
fn a_producer_that_wants_no_answer_gets_none() {
    let unacknowledged = REFUSED.lines().nth(1).expect("a request");
    let unacknowledged = unacknowledged.replacen(r"\xff\xff\xff\xff", r"\xff\xff\0\0", 1);
    let expected = "produce to=t partition=3 client=me messages=0 one-way";
    assert_eq!(told(&unacknowledged), expected);
}

#[test]
fn several_topics_are_counted_and_not_guessed() {
    let two = r"> \0\0\0\x16\0\x03\0\x01\0\0\0\x06\0\x02me\0\0\0\x02\0\x01a\0\x01b
        ! close";
    assert_eq!(told(two), "metadata of=2 client=me closed_by_client");
}

#[test]
fn a_topic_whose_id_nobody_named_has_no_name() {
    let fetch = r"> \0\0\0\x5d\0\x01\0\x0d\0\0\0\x07\0\x02me\0\xff\xff\xff\xff\0\0\0\x64\0\0\0\x01\0\0\0\x40\0\0\0\0\0\0\0\0\0\x02aaaabbbbccccdddd\x02\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\x01\0
        ! close";
    let expected = "fetch partition=4 client=me wait=100 closed_by_client";
    assert_eq!(told(fetch), expected);
}

#[test]
fn an_answer_that_was_lost_is_not_the_next_one() {
    let script = r"
        > \0\0\0\x0c\0\x12\0\0\0\0\0\x01\0\x02me
        ! gap client ?
        > \0\0\0\x0c\0\x12\0\0\0\0\0\x02\0\x02me
        < \0\0\0\x0a
        < \0\0\0\x02\0\x23\0\0\0\0
        ! close";
    let seen = replay(protocol("kafka"), &acts(script), Since::Later);
    let outcomes: Vec<_> = seen
        .told
        .iter()
        .map(|(id, told)| (*id, exchange(told).outcome))
        .collect();
    let lost = Outcome::Unanswered(Unanswered::ClosedByClient);
    assert_eq!(outcomes, [(1, Outcome::Answered), (0, lost)]);
    assert!(told(script).ends_with("api_versions client=me error=UNSUPPORTED_VERSION"));
}

#[test]
fn tokens_of_sasl_are_passed_over_and_kept_nowhere() {
    let script = r"
        > \0\0\0\x13\0\x11\0\0\0\0\0\x01\0\x02me\0\x05PLAIN
        < \0\0\0\x0a\0\0\0\x01\0\0\0\0\0\0
        > \0\0\0\x0c\0user\0secret
        < \0\0\0\0
        > \0\0\0\x0c\0\x12\0\0\0\0\0\x02\0\x02me
        < \0\0\0\x0a\0\0\0\x02\0\0\0\0\0\0";
    let seen = replay(protocol("kafka"), &acts(script), Since::Begin);
    assert_eq!(
        seen.lines(line),
        "sasl_handshake client=me\napi_versions client=me\n"
    );
    assert!(!format!("{seen:?}").contains("secret"));
}

#[test]
fn what_only_looks_like_a_request_is_not_believed() {
    for script in [
        // ZooKeeper: a session is opened, a node is read.
        r"> \0\0\0\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x75\x30\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        r"> \0\0\0\x0f\0\0\0\x03\0\0\0\x04\0\0\0\x02/a\0
          < \0\0\0\x10\0\0\0\x03\0\0\0\0\0\0\0\x05\0\0\0\0",
        // PostgreSQL and HTTP/2 begin with lengths too.
        r"> \0\0\0\x10\0\x03\0\0user\0me\0",
        r"> \0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0d\0\x04\0\xa0\0\0\0\x02\0\0\0\0",
    ] {
        let found = recognised(&acts(script), true);
        assert_ne!(found.map(|found| found.0), Some("kafka"), "{script}");
    }
}
