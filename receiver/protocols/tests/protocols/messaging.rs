//! What holds for every messaging protocol alike: pieces change nothing, damage never pairs
//! wrongly, and no bytes break a parser.

use proptest::prelude::*;
use tapline_protocols::{
    amqp::Amqp,
    conversation::{Chunk, Limits, Outcome, Since, Toward, Unanswered},
    kafka::Kafka,
    messaging::Exchange,
    mqtt::Mqtt,
    nats::Nats,
    parser::Told,
    recognition::Beginning,
};

use super::script::{Act, Seen, acts, cuts, in_pieces, protocol, recognised, replay};

/// Returns the exchange of a messaging protocol.
pub(crate) fn exchange(told: &Told) -> &Exchange {
    match told {
        Told::Messaging(exchange) => exchange,
        other => panic!("{other:?} of a messaging system"),
    }
}

/// Tells an exchange in a line.
pub(crate) fn line(told: &Told) -> String {
    let Exchange {
        operation,
        error,
        outcome,
        ..
    } = exchange(told);
    let mut line = operation.name.to_owned();
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            line.extend([" ", key, "=", &value]);
        }
    };
    let destination = operation.destination.as_ref();
    add("to", destination.map(|to| to.low_cardinality().to_owned()));
    add("of", operation.destinations.map(|n| n.to_string()));
    add("partition", operation.partition.map(|n| n.to_string()));
    add("group", operation.group.clone());
    add("client", operation.client_id.clone());
    add("in", operation.namespace.clone());
    add("key", operation.routing_key.clone());
    add("tag", operation.delivery_tag.map(|n| n.to_string()));
    add("id", operation.message_id.clone());
    add("about", operation.conversation_id.clone());
    add("messages", operation.messages.map(|n| n.to_string()));
    add("body", operation.body_bytes.map(|n| n.to_string()));
    add("qos", operation.qos.map(|n| n.to_string()));
    add("wait", operation.max_wait_ms.map(|n| n.to_string()));
    add("settled", operation.settled.map(str::to_owned));
    add("error", error.as_ref().map(ToString::to_string));
    if operation.is_push {
        line += " push";
    }
    if operation.is_one_way {
        line += " one-way";
    }
    if let Outcome::Unanswered(why) = outcome {
        line.extend([" ", why.error_type()]);
    }
    line
}

/// Plays a conversation and compares what it comes to; then plays it in all kinds of bad ways.
pub(crate) fn tells(name: &str, script: &str, expected: &str) {
    let all = acts(script);
    let whole = replay(protocol(name), &all, Since::Begin);
    let expected: Vec<&str> = expected.lines().map(str::trim).collect();
    let expected = expected.join("\n");
    assert_eq!(whole.lines(line).trim(), expected.trim());
    for size in 1..=3 {
        let pieces = replay(protocol(name), &in_pieces(&all, size), Since::Begin);
        assert_eq!(
            pieces.lines(line).trim(),
            expected.trim(),
            "pieces of {size}"
        );
    }
    for cut in cuts(&all) {
        holds(&replay(protocol(name), &cut, Since::Begin), &whole);
    }
    for index in 0..all.len() {
        let late = replay(protocol(name), &all[index..], Since::Later);
        holds(&late, &whole);
        for len in [None, Some(len_of(&all[index]))] {
            let mut holed = all.clone();
            if let Act::Chunk { toward, .. } = holed[index] {
                holed[index] = Act::Gap(toward, len);
                holds(&replay(protocol(name), &holed, Since::Begin), &whole);
            }
        }
    }
    for toward_known in [true, false] {
        assert_eq!(
            recognised(&all, toward_known).map(|it| it.0),
            Some(name),
            "{script}"
        );
    }
}

fn len_of(act: &Act) -> u64 {
    match act {
        Act::Chunk { bytes, missing, .. } => (bytes.len() + missing) as u64,
        _ => 0,
    }
}

/// What a damaged conversation pairs must be a pair of the whole one too, if with more known of
/// it. A delivery whose subscription was not seen may have another name.
fn holds(damaged: &Seen, whole: &Seen) {
    for (_, told) in &damaged.told {
        let less = exchange(told);
        let is_alone = less.operation.is_one_way || less.operation.is_push;
        if less.outcome != Outcome::Answered || is_alone && less.operation.settled.is_none() {
            continue;
        }
        let is_known = whole.told.iter().any(|(_, told)| {
            let more = exchange(told);
            let (less_is, more_is) = (&less.operation, &more.operation);
            less_is.name == more_is.name
                && within(less.error.as_ref(), more.error.as_ref())
                && (less_is.is_push
                    || within(less_is.destination.as_ref(), more_is.destination.as_ref()))
                && within(less_is.delivery_tag.as_ref(), more_is.delivery_tag.as_ref())
                && within(less_is.body_bytes.as_ref(), more_is.body_bytes.as_ref())
        });
        assert!(is_known, "{} is not of\n{}", line(told), whole.lines(line));
    }
}

fn within<T: PartialEq>(less: Option<&T>, more: Option<&T>) -> bool {
    less.is_none() || less == more
}

/// Feeds anything, and holds the bounds that a parser names.
fn feed_anything(name: &str, bytes_max: usize, chunks: &[(bool, Vec<u8>, usize)]) {
    let nothing = Beginning {
        bytes: &[],
        len: 0,
        toward: None,
        since: Since::Later,
        port: 0,
    };
    let mut parser = (protocol(name).parser)(&nothing, Limits::default());
    let mut seen = Seen::default();
    for (at_ns, (to_server, bytes, missing)) in (1u64..).zip(chunks) {
        let toward = if *to_server {
            Toward::Server
        } else {
            Toward::Client
        };
        if bytes.is_empty() {
            parser.gap(toward, at_ns, Some(*missing as u64), &mut seen);
            continue;
        }
        let chunk = Chunk {
            toward,
            at_ns,
            bytes,
            len: bytes.len() + missing,
            tail: &[],
            thread: 1,
        };
        parser.feed(chunk, &mut seen);
        assert!(parser.buffered_bytes() <= bytes_max, "{name}");
    }
    parser.close(u64::MAX, Unanswered::Closed, &mut seen);
    assert_eq!(parser.open_requests(), 0, "{name}");
    assert_eq!(seen.announced.len(), seen.told.len(), "{name}");
}

fn every_parser(chunks: &[(bool, Vec<u8>, usize)]) {
    feed_anything("nats", Nats::buffered_bytes_max(), chunks);
    feed_anything("mqtt", Mqtt::buffered_bytes_max(), chunks);
    feed_anything("amqp", Amqp::buffered_bytes_max(), chunks);
    feed_anything("kafka", Kafka::buffered_bytes_max(), chunks);
}

const RECORDED: [&str; 8] = [
    include_str!("recorded/amqp_pika.txt"),
    include_str!("recorded/mqtt_v5.txt"),
    include_str!("recorded/mqtt_v4.txt"),
    include_str!("recorded/nats_requests.txt"),
    include_str!("recorded/nats_jetstream.txt"),
    include_str!("recorded/kafka_producer.txt"),
    include_str!("recorded/kafka_group.txt"),
    include_str!("recorded/kafka_consumer.txt"),
];

proptest! {
    #[test]
    fn no_bytes_break_a_parser(
        chunks in prop::collection::vec(
            (any::<bool>(), prop::collection::vec(any::<u8>(), 0..40), 0usize..4),
            0..20,
        ),
    ) {
        every_parser(&chunks);
    }

    #[test]
    fn no_damage_to_a_real_conversation_breaks_a_parser(
        which in 0..RECORDED.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        missing in 0usize..9,
    ) {
        let mut chunks: Vec<(bool, Vec<u8>, usize)> = acts(RECORDED[which])
            .into_iter()
            .filter_map(|act| match act {
                Act::Chunk { toward, bytes, .. } => Some((toward == Toward::Server, bytes, 0)),
                _ => None,
            })
            .collect();
        for (place, byte) in damage {
            let index = place.index(chunks.len());
            let chunk = &mut chunks[index];
            let at = usize::from(byte) % chunk.1.len().max(1);
            if let Some(damaged) = chunk.1.get_mut(at) {
                *damaged = byte;
            }
            chunk.2 = missing * usize::from(byte % 2);
        }
        every_parser(&chunks);
    }
}
