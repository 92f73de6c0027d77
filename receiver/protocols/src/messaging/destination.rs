//! The name of a queue, topic, subject or exchange, and what of it is made up by a program.
//!
//! Names with generated parts would make a span name and a series of a metric for each. They are
//! told by their pattern, in which `*` stands for what is generated.

use super::{System, name};

/// The most parts of a name; further ones are not looked at, and told as one `*`.
const PARTS_MAX: usize = 16;
/// From this length on, letters mixed with several digits are taken for generated.
const MIXED_CHARS: usize = 16;
/// From this length on, hexadecimal digits are.
const HEX_CHARS: usize = 8;
const UUID_CHARS: usize = 36;

/// A queue, topic, subject or exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Its name, cut at 128 characters.
    pub name: String,
    /// Its name with `*` for generated parts, if it has any.
    pub template: Option<String>,
    /// It has no name of its own: the system made one up.
    pub is_anonymous: bool,
    /// It goes with who made it: a reply inbox, an exclusive queue.
    pub is_temporary: bool,
}

impl Destination {
    /// Reads a name; `None` if it is empty.
    pub fn new(system: System, text: &[u8]) -> Option<Self> {
        let name = name(text)?;
        let made_up = match system {
            System::Rabbitmq => of_rabbitmq(&name),
            System::Nats => of_nats(&name),
            System::Kafka | System::Mqtt => None,
        };
        let is_temporary = made_up.is_some_and(|(_, is_temporary)| is_temporary);
        let template = match made_up {
            Some((prefix, _)) => Some(format!("{prefix}*")),
            None => template(&name),
        };
        Some(Self {
            name,
            template,
            is_anonymous: is_temporary,
            is_temporary,
        })
    }

    /// Returns what to call it where few different names are wanted.
    pub fn low_cardinality(&self) -> &str {
        self.template.as_deref().unwrap_or(&self.name)
    }
}

/// The prefix of a name that the system makes up, and whether such a name is temporary.
fn of_rabbitmq(name: &str) -> Option<(&'static str, bool)> {
    ["amq.gen-", "amq.rabbitmq.reply-to.", "amq.ctag-", "reply_"]
        .into_iter()
        .find(|prefix| name.starts_with(prefix))
        .map(|prefix| (prefix, true))
}

/// Inboxes are temporary. Acknowledgements to `JetStream` name a message each, and requests for
/// the next ones a stream and a consumer, which is often made up.
fn of_nats(name: &str) -> Option<(&'static str, bool)> {
    const PREFIXES: [(&str, bool); 8] = [
        ("_INBOX.", true),
        ("_R_.", true),
        ("$JS.ACK.", false),
        ("$JS.FC.", false),
        ("$JS.API.CONSUMER.MSG.NEXT.", false),
        ("$JS.API.CONSUMER.CREATE.", false),
        ("$JS.API.CONSUMER.DURABLE.CREATE.", false),
        ("$JS.API.CONSUMER.DELETE.", false),
    ];
    let found = PREFIXES.into_iter().find(|(it, _)| name.starts_with(it));
    found.or_else(|| {
        let rest = name.strip_prefix("$JS.API.CONSUMER.INFO.")?;
        (!rest.is_empty()).then_some(("$JS.API.CONSUMER.INFO.", false))
    })
}

/// Puts `*` for the parts that look generated; `None` if none does.
fn template(name: &str) -> Option<String> {
    let is_mark = |char: char| matches!(char, '.' | '/' | ':');
    let mut out = String::with_capacity(name.len());
    let mut is_changed = false;
    for (number, part) in name.split_inclusive(is_mark).enumerate() {
        if number == PARTS_MAX {
            out.push('*');
            return Some(out);
        }
        let word = part.trim_end_matches(is_mark);
        if let Some(start) = uuid(part) {
            // Names such as `reply-550e8400-…` keep what stands before.
            is_changed = true;
            out.push_str(&part[..start]);
            out.push('*');
            out.push_str(&part[start + UUID_CHARS..]);
        } else if is_generated(word) {
            is_changed = true;
            out.push('*');
            out.push_str(&part[word.len()..]);
        } else {
            out.push_str(part);
        }
    }
    is_changed.then_some(out)
}

/// Returns where a UUID begins.
fn uuid(part: &str) -> Option<usize> {
    let starts = 0..part.len().saturating_sub(UUID_CHARS - 1);
    starts
        .into_iter()
        .find(|start| part.get(*start..*start + UUID_CHARS).is_some_and(is_uuid))
}

fn is_generated(word: &str) -> bool {
    let bytes = word.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_hex = bytes.iter().all(u8::is_ascii_hexdigit);
    let is_word = bytes
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let letters = bytes.iter().any(u8::is_ascii_alphabetic);
    (digits > 0 && digits == bytes.len())
        || (is_hex && digits > 0 && bytes.len() >= HEX_CHARS)
        || (is_word && letters && digits >= 3 && bytes.len() >= MIXED_CHARS && !has_words(word))
}

/// A name of words of letters alone and at most one number is somebody's, however long.
fn has_words(word: &str) -> bool {
    let parts = word.split(['_', '-']);
    let odd = parts.filter(|part| !part.bytes().all(|byte| byte.is_ascii_alphabetic()));
    word.contains(['_', '-']) && odd.count() <= 1
}

fn is_uuid(word: &str) -> bool {
    word.len() == UUID_CHARS
        && word.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(system: System, text: &str) -> (String, bool) {
        let destination = Destination::new(system, text.as_bytes()).expect("a name");
        let low = destination.low_cardinality().to_owned();
        (low, destination.is_temporary)
    }

    #[test]
    fn tells_made_up_names_by_their_pattern() {
        for (system, text, pattern, is_temporary) in [
            (System::Rabbitmq, "orders", "orders", false),
            (System::Rabbitmq, "amq.topic", "amq.topic", false),
            (System::Rabbitmq, "amq.gen-JzTY20BRgKO", "amq.gen-*", true),
            (System::Nats, "_INBOX.AbC.7", "_INBOX.*", true),
            (
                System::Nats,
                "$JS.ACK.ORDERS.c.1.2.3.4.5",
                "$JS.ACK.*",
                false,
            ),
            (
                System::Nats,
                "$JS.API.STREAM.INFO.ORDERS",
                "$JS.API.STREAM.INFO.ORDERS",
                false,
            ),
            (
                System::Mqtt,
                "home/42/temperature",
                "home/*/temperature",
                false,
            ),
            (System::Mqtt, "dev/ab12cd34ef/up", "dev/*/up", false),
            (System::Mqtt, "$share/g/a", "$share/g/a", false),
            (System::Kafka, "orders-v2", "orders-v2", false),
            (
                System::Kafka,
                "my-application-changelog-20",
                "my-application-changelog-20",
                false,
            ),
            (
                System::Kafka,
                "reply-550e8400-e29b-41d4-a716-446655440000",
                "reply-*",
                false,
            ),
        ] {
            assert_eq!(
                told(system, text),
                (pattern.to_owned(), is_temporary),
                "{text}"
            );
        }
    }

    #[test]
    fn bounds_names_and_their_parts() {
        let many = "a/".repeat(60);
        assert_eq!(told(System::Mqtt, &many).0, "a/".repeat(PARTS_MAX) + "*");
        let long = "é".repeat(1000);
        assert_eq!(told(System::Mqtt, &long).0.chars().count(), 128);
        assert_eq!(Destination::new(System::Kafka, b""), None);
    }
}
