//! One line of NATS: its verb and words, and how many bytes follow it.

/// The longest word that is kept: subjects, inboxes, groups.
const WORDS_MAX: usize = 5;
/// Longer payloads are not believed; servers take 64 MiB at most.
const PAYLOAD_MAX: u64 = 1 << 30;

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Info,
    Connect,
    Ping,
    Pong,
    Pub,
    Hpub,
    Sub,
    Unsub,
    Msg,
    Hmsg,
    Ok,
    Err,
}

static VERBS: [(&str, Verb); 12] = [
    ("INFO", Verb::Info),
    ("CONNECT", Verb::Connect),
    ("PING", Verb::Ping),
    ("PONG", Verb::Pong),
    ("PUB", Verb::Pub),
    ("HPUB", Verb::Hpub),
    ("SUB", Verb::Sub),
    ("UNSUB", Verb::Unsub),
    ("MSG", Verb::Msg),
    ("HMSG", Verb::Hmsg),
    ("+OK", Verb::Ok),
    ("-ERR", Verb::Err),
];

/// A line, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) verb: Verb,
    /// What follows the verb.
    pub(super) rest: &'a [u8],
    /// The subject of a message or a subscription.
    pub(super) subject: &'a [u8],
    /// Where an answer is wanted, or who shares a subscription.
    pub(super) extra: &'a [u8],
    /// The number of the subscription.
    pub(super) subscription: &'a [u8],
    /// Bytes of the payload that are headers.
    pub(super) header_len: u64,
    /// Bytes of the payload, headers included.
    pub(super) payload_len: u64,
}

impl Verb {
    /// Returns whether a payload follows.
    pub(super) fn has_payload(self) -> bool {
        matches!(self, Self::Pub | Self::Hpub | Self::Msg | Self::Hmsg)
    }

    /// Returns whether a line may be longer than the protocol's limit, and need not be whole.
    pub(super) fn is_long(self) -> bool {
        matches!(self, Self::Info | Self::Connect)
    }
}

/// Returns the verb that a line begins with, and what follows.
pub(super) fn verb(line: &[u8]) -> Option<(Verb, &[u8])> {
    let end = line
        .iter()
        .position(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))?;
    let (word, rest) = line.split_at(end);
    let mut verbs = VERBS.iter();
    let (_, verb) = verbs.find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()))?;
    Some((*verb, rest.trim_ascii()))
}

/// Reads a line without its end; `None` if it makes no sense.
pub(super) fn read(line: &[u8]) -> Option<Line<'_>> {
    // A verb alone ends with its line.
    let (verb, rest) = verb(line).or_else(|| {
        let mut verbs = VERBS.iter();
        let alone = verbs.find(|(name, _)| line.eq_ignore_ascii_case(name.as_bytes()))?;
        Some((alone.1, &[][..]))
    })?;
    let mut read = Line {
        verb,
        rest,
        subject: &[],
        extra: &[],
        subscription: &[],
        header_len: 0,
        payload_len: 0,
    };
    let is_fine = match verb {
        Verb::Info | Verb::Connect => rest.first() == Some(&b'{'),
        Verb::Ping | Verb::Pong | Verb::Ok => rest.is_empty(),
        Verb::Err => rest.first() == Some(&b'\''),
        _ => words(rest).is_some_and(|(words, count)| fill(&mut read, &words[..count]).is_some()),
    };
    is_fine.then_some(read)
}

fn words(rest: &[u8]) -> Option<([&[u8]; WORDS_MAX], usize)> {
    let mut words: [&[u8]; WORDS_MAX] = [&[]; WORDS_MAX];
    let mut count = 0;
    let parts = rest.split(|byte| matches!(byte, b' ' | b'\t'));
    for word in parts.filter(|word| !word.is_empty()) {
        *words.get_mut(count)? = word;
        count += 1;
    }
    Some((words, count))
}

fn fill<'a>(read: &mut Line<'a>, words: &[&'a [u8]]) -> Option<()> {
    let (subscription, rest): (&[u8], Vec<&[u8]>) = match (read.verb, words) {
        (Verb::Sub, [subject, sid]) => (sid, vec![subject]),
        (Verb::Sub, [subject, group, sid]) => (sid, vec![subject, group]),
        (Verb::Unsub, [sid] | [sid, _]) => (sid, Vec::new()),
        (Verb::Msg | Verb::Hmsg, [subject, sid, rest @ ..]) => (sid, [&[*subject], rest].concat()),
        (Verb::Pub | Verb::Hpub, rest) => (&[], rest.to_vec()),
        _ => return None,
    };
    read.subscription = subscription;
    let names = match (read.verb, rest.as_slice()) {
        (Verb::Sub | Verb::Unsub, names) => names,
        (Verb::Pub | Verb::Msg, [names @ .., total]) => {
            read.payload_len = number(total)?;
            names
        }
        (Verb::Hpub | Verb::Hmsg, [names @ .., header, total]) => {
            (read.header_len, read.payload_len) = (number(header)?, number(total)?);
            names
        }
        _ => return None,
    };
    match names {
        [] if read.verb == Verb::Unsub => {}
        [subject] => read.subject = subject,
        [subject, extra] => (read.subject, read.extra) = (subject, extra),
        _ => return None,
    }
    let is_printable = read
        .subject
        .iter()
        .all(|byte| *byte > b' ' && *byte != 0x7f);
    (is_printable && read.header_len <= read.payload_len).then_some(())
}

fn number(word: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(word).ok()?;
    let is_plain = word.iter().all(u8::is_ascii_digit);
    text.parse()
        .ok()
        .filter(|len| is_plain && *len <= PAYLOAD_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_of_every_verb() {
        let line = read(b"PUB a.b  5").expect("a line");
        assert_eq!(
            (line.subject, line.extra, line.payload_len),
            (&b"a.b"[..], &b""[..], 5)
        );
        let line = read(b"hmsg a 7 _INBOX.x 12 20").expect("a line");
        assert_eq!((line.subject, line.extra), (&b"a"[..], &b"_INBOX.x"[..]));
        assert_eq!((line.header_len, line.payload_len), (12, 20));
        let line = read(b"SUB a workers 1").expect("a line");
        assert_eq!(
            (line.extra, line.subscription),
            (&b"workers"[..], &b"1"[..])
        );
        for fine in [
            &b"PING"[..],
            b"+OK",
            b"-ERR 'x'",
            b"UNSUB 1 5",
            b"INFO {",
            b"SUB a 1",
        ] {
            assert!(read(fine).is_some(), "{fine:?}");
        }
        for wrong in [
            &b"PUB a"[..],
            b"PUB a b c 5",
            b"PUB a 5x",
            b"PUB a +5",
            b"PUB a 99999999999",
            b"HPUB a 9 5",
            b"MSG a 1",
            b"INFO x",
            b"PING x",
            b"SUB",
            b"GET / HTTP/1.1",
            b"",
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
