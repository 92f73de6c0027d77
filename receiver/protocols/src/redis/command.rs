//! The commands of Redis: their names, which of them have a second word, and where their keys are.
//!
//! A name that is not here is told as it was sent, because modules bring their own; keys are
//! counted only where the table says how. Values never come here.

use std::borrow::Cow;

use super::word::Word;
use crate::database::OTHER;

/// Where the keys of a command are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// It has none, or nobody can tell how many.
    None,
    /// The first argument.
    First,
    /// The first two arguments.
    Two,
    /// Every argument.
    All,
    /// Every argument but the last.
    AllButLast,
    /// Every other argument.
    Pairs,
    /// As many as the argument of this number says, which is 1 or 2.
    Counted(usize),
    /// The second word belongs to the name.
    Container,
}

use Keys::{All, AllButLast, Container, Counted, First, None as No, Pairs, Two};

/// Every command that is looked up, in the order of its bytes.
const COMMANDS: &[(&str, Keys)] = &[
    ("ACL", Container),
    ("APPEND", First),
    ("AUTH", No),
    ("BGREWRITEAOF", No),
    ("BGSAVE", No),
    ("BITCOUNT", First),
    ("BITFIELD", First),
    ("BITPOS", First),
    ("BLMOVE", Two),
    ("BLPOP", AllButLast),
    ("BRPOP", AllButLast),
    ("BRPOPLPUSH", Two),
    ("BZPOPMAX", AllButLast),
    ("BZPOPMIN", AllButLast),
    ("CLIENT", Container),
    ("CLUSTER", Container),
    ("COMMAND", Container),
    ("CONFIG", Container),
    ("COPY", Two),
    ("DBSIZE", No),
    ("DEBUG", Container),
    ("DECR", First),
    ("DECRBY", First),
    ("DEL", All),
    ("DISCARD", No),
    ("DUMP", First),
    ("ECHO", No),
    ("EVAL", Counted(2)),
    ("EVALSHA", Counted(2)),
    ("EVALSHA_RO", Counted(2)),
    ("EVAL_RO", Counted(2)),
    ("EXEC", No),
    ("EXISTS", All),
    ("EXPIRE", First),
    ("EXPIREAT", First),
    ("FCALL", Counted(2)),
    ("FCALL_RO", Counted(2)),
    ("FLUSHALL", No),
    ("FLUSHDB", No),
    ("FUNCTION", Container),
    ("GEOADD", First),
    ("GEODIST", First),
    ("GEOPOS", First),
    ("GEOSEARCH", First),
    ("GET", First),
    ("GETBIT", First),
    ("GETDEL", First),
    ("GETEX", First),
    ("GETRANGE", First),
    ("GETSET", First),
    ("HDEL", First),
    ("HELLO", No),
    ("HEXISTS", First),
    ("HGET", First),
    ("HGETALL", First),
    ("HINCRBY", First),
    ("HINCRBYFLOAT", First),
    ("HKEYS", First),
    ("HLEN", First),
    ("HMGET", First),
    ("HMSET", First),
    ("HSCAN", First),
    ("HSET", First),
    ("HSETNX", First),
    ("HVALS", First),
    ("INCR", First),
    ("INCRBY", First),
    ("INCRBYFLOAT", First),
    ("INFO", No),
    ("KEYS", No),
    ("LASTSAVE", No),
    ("LATENCY", Container),
    ("LINDEX", First),
    ("LINSERT", First),
    ("LLEN", First),
    ("LMOVE", Two),
    ("LMPOP", Counted(1)),
    ("LPOP", First),
    ("LPOS", First),
    ("LPUSH", First),
    ("LPUSHX", First),
    ("LRANGE", First),
    ("LREM", First),
    ("LSET", First),
    ("LTRIM", First),
    ("MEMORY", Container),
    ("MGET", All),
    ("MODULE", Container),
    ("MONITOR", No),
    ("MSET", Pairs),
    ("MSETNX", Pairs),
    ("MULTI", No),
    ("OBJECT", Container),
    ("PERSIST", First),
    ("PEXPIRE", First),
    ("PFADD", First),
    ("PFCOUNT", All),
    ("PFMERGE", All),
    ("PING", No),
    ("PSETEX", First),
    ("PSUBSCRIBE", No),
    ("PSYNC", No),
    ("PTTL", First),
    ("PUBLISH", No),
    ("PUBSUB", Container),
    ("PUNSUBSCRIBE", No),
    ("QUIT", No),
    ("READONLY", No),
    ("RENAME", Two),
    ("RENAMENX", Two),
    ("REPLCONF", No),
    ("RESET", No),
    ("RESTORE", First),
    ("ROLE", No),
    ("RPOP", First),
    ("RPOPLPUSH", Two),
    ("RPUSH", First),
    ("RPUSHX", First),
    ("SADD", First),
    ("SAVE", No),
    ("SCAN", No),
    ("SCARD", First),
    ("SCRIPT", Container),
    ("SDIFF", All),
    ("SDIFFSTORE", All),
    ("SELECT", No),
    ("SET", First),
    ("SETBIT", First),
    ("SETEX", First),
    ("SETNX", First),
    ("SETRANGE", First),
    ("SHUTDOWN", No),
    ("SINTER", All),
    ("SINTERCARD", Counted(1)),
    ("SINTERSTORE", All),
    ("SISMEMBER", First),
    ("SLOWLOG", Container),
    ("SMEMBERS", First),
    ("SMISMEMBER", First),
    ("SMOVE", Two),
    ("SORT", First),
    ("SPOP", First),
    ("SPUBLISH", No),
    ("SRANDMEMBER", First),
    ("SREM", First),
    ("SSCAN", First),
    ("SSUBSCRIBE", No),
    ("STRLEN", First),
    ("SUBSCRIBE", No),
    ("SUNION", All),
    ("SUNIONSTORE", All),
    ("SUNSUBSCRIBE", No),
    ("SWAPDB", No),
    ("SYNC", No),
    ("TIME", No),
    ("TOUCH", All),
    ("TTL", First),
    ("TYPE", First),
    ("UNLINK", All),
    ("UNSUBSCRIBE", No),
    ("UNWATCH", No),
    ("WAIT", No),
    ("WATCH", All),
    ("XACK", First),
    ("XADD", First),
    ("XAUTOCLAIM", First),
    ("XCLAIM", First),
    ("XDEL", First),
    ("XGROUP", Container),
    ("XINFO", Container),
    ("XLEN", First),
    ("XPENDING", First),
    ("XRANGE", First),
    ("XREAD", No),
    ("XREADGROUP", No),
    ("XREVRANGE", First),
    ("XTRIM", First),
    ("ZADD", First),
    ("ZCARD", First),
    ("ZCOUNT", First),
    ("ZDIFF", Counted(1)),
    ("ZINCRBY", First),
    ("ZINTER", Counted(1)),
    ("ZINTERSTORE", First),
    ("ZMSCORE", First),
    ("ZPOPMAX", First),
    ("ZPOPMIN", First),
    ("ZRANDMEMBER", First),
    ("ZRANGE", First),
    ("ZRANGEBYSCORE", First),
    ("ZRANK", First),
    ("ZREM", First),
    ("ZREMRANGEBYSCORE", First),
    ("ZREVRANGE", First),
    ("ZREVRANK", First),
    ("ZSCAN", First),
    ("ZSCORE", First),
    ("ZUNION", Counted(1)),
    ("ZUNIONSTORE", First),
];

/// Finds a command, however it is written.
fn find(name: &[u8]) -> Option<&'static (&'static str, Keys)> {
    let upper = name.iter().map(u8::to_ascii_uppercase);
    let found = COMMANDS.binary_search_by(|(known, _)| known.bytes().cmp(upper.clone()));
    found.ok().map(|index| &COMMANDS[index])
}

/// Returns whether this is the name of a command, so surely that nothing else need be seen.
pub(super) fn is_known(name: &[u8]) -> bool {
    find(name).is_some()
}

/// Returns whether a command is answered by a confirmation for each of its channels.
pub(super) fn is_subscription(name: &[u8]) -> bool {
    let kinds: [&[u8]; 6] = [
        b"SUBSCRIBE",
        b"PSUBSCRIBE",
        b"SSUBSCRIBE",
        b"UNSUBSCRIBE",
        b"PUNSUBSCRIBE",
        b"SUNSUBSCRIBE",
    ];
    kinds.iter().any(|kind| name.eq_ignore_ascii_case(kind))
}

/// Returns the name of a command by its first two words.
pub(super) fn name(words: &[Word]) -> Cow<'static, str> {
    let Some(first) = words.first().and_then(Word::get) else {
        return Cow::Borrowed(OTHER);
    };
    match find(first) {
        Some((name, Container)) => match words.get(1).and_then(Word::get) {
            Some(second) if is_plain(second) => {
                let mut whole = (*name).to_owned();
                whole.push(' ');
                whole.extend(second.iter().map(|byte| upper(*byte)));
                Cow::Owned(whole)
            }
            _ => Cow::Borrowed(name),
        },
        Some((name, _)) => Cow::Borrowed(name),
        None if is_plain(first) => Cow::Owned(first.iter().map(|byte| upper(*byte)).collect()),
        None => Cow::Borrowed(OTHER),
    }
}

/// Returns how many of the arguments are keys, if the table tells.
pub(super) fn keys(words: &[Word], arguments: u32) -> Option<u32> {
    let (_, keys) = find(words.first()?.get()?)?;
    let count = match keys {
        Keys::None | Container => return None,
        First => 1,
        Two => 2,
        All => arguments,
        AllButLast => arguments.saturating_sub(1),
        Pairs => arguments / 2,
        Counted(at) => {
            let text = std::str::from_utf8(words.get(*at)?.get()?).ok()?;
            text.parse().ok()?
        }
    };
    Some(count.min(arguments))
}

/// A word like those that commands have: nothing that could be a secret of any length.
fn is_plain(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_alphabetic)
        && word
            .iter()
            .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_' | b'.'))
}

fn upper(byte: u8) -> char {
    char::from(byte.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        text.split(' ')
            .map(|word| Word::new(word.as_bytes()))
            .collect()
    }

    #[test]
    fn is_sorted_so_that_every_command_is_found() {
        assert!(COMMANDS.is_sorted_by(|one, next| one.0 < next.0));
        for (name, _) in COMMANDS {
            assert!(is_known(name.to_lowercase().as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_commands_and_never_their_arguments() {
        for (text, expected) in [
            ("get secret", "GET"),
            ("Config Get", "CONFIG GET"),
            ("config 0x17", "CONFIG"),
            ("json.get doc", "JSON.GET"),
            ("hunter2 x", "_OTHER"),
            ("", "_OTHER"),
            ("averyveryverylongwordthatisnocommand", "_OTHER"),
        ] {
            assert_eq!(name(&words(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn counts_keys_where_they_can_be_told() {
        for (text, arguments, expected) in [
            ("GET k", 1, Some(1)),
            ("MGET a b", 2, Some(2)),
            ("MSET a 1", 4, Some(2)),
            ("BLPOP a", 3, Some(2)),
            ("EVAL script 2", 6, Some(2)),
            ("EVAL script -1", 6, None),
            ("ZINTER 9", 3, Some(3)),
            ("PING", 0, None),
            ("FT.SEARCH i q", 2, None),
        ] {
            assert_eq!(keys(&words(text), arguments), expected, "{text:?}");
        }
    }
}
