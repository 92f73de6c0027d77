//! Memcached, text and binary.

use tapline_protocols::{conversation::Since, memcached::Memcached};

use super::script::{acts, cuts, in_pieces, operation, protocol, recognised, replay};

fn told(name: &str, script: &str) -> String {
    replay(protocol(name), &acts(script), Since::Begin).lines(operation)
}

const TEXT: &str = r"
> set k 0 0 5\r\nhello\r\n
< STORED\r\n
> get k absent\r\n
< VALUE k 0 5\r\nhello\r\nEND\r\n
> incr n 1\r\nadd k 0 0 1\r\nx\r\ndelete k noreply\r\nversion\r\n
< 8\r\nNOT_STORED\r\nVERSION 1.6.18\r\n
> gat 60 k\r\nstats\r\n
< END\r\nSTAT pid 1\r\nSTAT up 2\r\nEND\r\n
> incr k 1\r\n
< CLIENT_ERROR cannot increment or decrement non-numeric value\r\n
> mg k v q\r\nmg j v q\r\nms k 2 q\r\nab\r\nmn\r\n
< VA 5\r\nhello\r\nMN\r\n
> mg k v\r\n
< EN\r\n
";

#[test]
fn reads_commands_with_their_replies() {
    let expected = "\
set keys=1 -> ok 20/8
get keys=2 -> ok 14/25
incr keys=1 -> ok 10/3
add keys=1 -> ok 16/12
delete keys=1 -> ok 18/0
version -> ok 9/16
gat keys=1 -> ok 10/5
stats -> ok 7/28
incr keys=1 -> CLIENT_ERROR 10/62
mn batch=4 -> ok 38/17
mg keys=1 -> ok 8/4
";
    assert_eq!(told("memcached", TEXT), expected);
    for size in 1..4 {
        let seen = replay(
            protocol("memcached"),
            &in_pieces(&acts(TEXT), size),
            Since::Begin,
        );
        assert_eq!(seen.lines(operation), expected, "in pieces of {size}");
    }
}

#[test]
fn values_that_were_not_captured_cost_nothing() {
    let script = r"
> set k 0 0 5000\r\nabc...{4999}
< STORED\r\n
> get k\r\n
< VALUE k 0 5000\r\nabc...{4999}
< END\r\n
";
    let expected = "set keys=1 -> ok 5018/8\nget keys=1 -> ok 7/5023\n";
    assert_eq!(told("memcached", script), expected);
}

#[test]
fn after_a_loss_only_what_cannot_be_anything_else_is_paired() {
    let script = r"
> get a\r\n
! gap client 10
< END\r\n
> incr a 1\r\nincr b 1\r\n
! gap client 10
< SERVER_ERROR busy\r\n
> incr c 1\r\n
< CLIENT_ERROR c\r\n
";
    // Who waits for one reply gets it; of two, nobody can say which one is missing.
    let expected = "\
get keys=1 -> ok 7/5
incr keys=1 -> !lost_data 10/0
incr keys=1 -> !lost_data 10/0
incr keys=1 -> CLIENT_ERROR 10/16
";
    assert_eq!(told("memcached", script), expected);
}

#[test]
fn no_reply_in_time_is_an_error_and_a_late_one_is_nobody_elses() {
    let script = r"
> get a\r\n
! expire
< END\r\n
> incr n 1\r\n
< 5\r\n
";
    let expected = "get keys=1 -> !timeout 7/0\nincr keys=1 -> ok 10/3\n";
    assert_eq!(told("memcached", script), expected);
}

#[test]
fn joins_in_the_middle_and_needs_both_ends() {
    let both = acts("> get k\\r\\n\n< END\\r\\n");
    assert_eq!(recognised(&both, false), Some(("memcached", 1)));
    let alone = acts("> get k\\r\\n\n< what is that?\\r\\n");
    assert_eq!(recognised(&alone, true), None);
    let middle = acts("< \\xffrest of a value\\r\\nEND\\r\\n\n> get k\\r\\n\n< END\\r\\n");
    let seen = replay(protocol("memcached"), &middle, Since::Later);
    assert_eq!(seen.lines(operation), "get keys=1 -> ok 7/5\n");
}

/// Heads of the binary protocol: magic, operation, key, extras, 0, status, body, opaque, cas.
const BINARY: &str = r"
> \x80\x0d\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0a\x80\x0d\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0\0b\x80\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0
< \x81\x0d\0\x01\x04\0\0\0\0\0\0\x06\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0b!\x81\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0
> \x80\x04\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x04\0\0\0\0\0\0\0\0a
< \x81\x04\0\0\0\0\0\x84\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\0
";

#[test]
fn reads_binary_operations_with_their_answers() {
    let expected = "\
get keys=1 -> ok 25/0
get keys=1 -> ok 25/30
noop -> ok 24/24
delete keys=1 -> INTERNAL_ERROR 25/24
";
    assert_eq!(told("memcached-binary", BINARY), expected);
    for size in 1..4 {
        let pieces = in_pieces(&acts(BINARY), size);
        let seen = replay(protocol("memcached-binary"), &pieces, Since::Begin);
        assert_eq!(seen.lines(operation), expected, "in pieces of {size}");
    }
    assert_eq!(
        recognised(&acts(BINARY), false),
        Some(("memcached-binary", 1))
    );
}

#[test]
fn never_pairs_wrongly_wherever_it_is_cut() {
    // Every command is answered by an error of its own kind.
    let script = r"
> get a\r\n
< SERVER_ERROR a\r\n
> set b 0 0 2\r\nxy\r\n
< STORED\r\n
> incr c 1\r\n
< CLIENT_ERROR c\r\n
";
    for cut in cuts(&acts(script)) {
        let seen = replay(protocol("memcached"), &cut, Since::Begin);
        for line in seen.lines(operation).lines() {
            let wrong = line.starts_with("get") && line.contains("CLIENT_ERROR")
                || line.starts_with("set") && line.contains("_ERROR")
                || line.starts_with("incr") && line.contains("SERVER_ERROR");
            assert!(!wrong, "{line} of {cut:?}");
        }
    }
}

#[test]
fn holds_no_more_than_its_bound() {
    let ask = "> ".to_owned() + &"get k\\r\\n".repeat(2000);
    let seen = replay(protocol("memcached"), &acts(&ask), Since::Begin);
    assert!(seen.announced.len() == 2000 && seen.told.len() == 2000 - 512);
    assert!(Memcached::buffered_bytes_max() < 512 * 1024);
}
