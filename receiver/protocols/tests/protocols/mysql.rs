//! MySQL and MariaDB. The recorded conversations are those of real clients with MariaDB 10.11.

use tapline_protocols::conversation::{Outcome, Since, Toward};
use tapline_protocols::database::{Exchange, System};
use tapline_protocols::mysql::Mysql;
use tapline_protocols::parser::Told;

use super::script::{Act, acts, cuts, in_pieces, protocol, recognised, replay};

const CONNECTOR: &str = include_str!("recorded/mysql_connector.txt");
const PYMYSQL: &str = include_str!("recorded/mysql_pymysql.txt");
const NODE: &str = include_str!("recorded/mysql_mysql2.txt");
const CLI: &str = include_str!("recorded/mysql_cli.txt");

fn packet(toward: Toward, number: u8, body: &[u8]) -> Act {
    let len = u32::try_from(body.len()).expect("short").to_le_bytes();
    Act::Chunk {
        toward,
        bytes: [&len[..3], &[number], body].concat(),
        missing: 0,
    }
}

fn asks(body: &[u8]) -> Act {
    packet(Toward::Server, 0, body)
}

/// The packets of an answer.
fn answers(bodies: &[&[u8]]) -> Act {
    let mut all = Vec::new();
    for (number, body) in (1..).zip(bodies) {
        if let Act::Chunk { bytes, .. } = packet(Toward::Client, number, body) {
            all.extend(bytes);
        }
    }
    Act::Chunk {
        toward: Toward::Client,
        bytes: all,
        missing: 0,
    }
}

const OK: &[u8] = b"\0\0\0\x02\0\0\0";
/// The end of rows, where lists of columns have no end of their own.
const END: &[u8] = b"\xfe\0\0\x02\0\0\0";
const COLUMN: &[u8] = b"\x03def\0\0\0\x01a\0\x0c\x3f\0\x01\0\0\0\x03\x81\0\0\0\0";
const TLS: u32 = 1 << 11;
const COMPRESS: u32 = 1 << 5;

/// The greeting of MySQL 8, a login with some flags more, and its end.
fn newer(flags: u32) -> Vec<Act> {
    let greeting = [
        &b"\x0a8.0.36\0\x08\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xdf\x15"[..],
        b"\0\0\0\0\0\0\0\0\0\0abcdefghijkl\0caching_sha2_password\0",
    ];
    let login = [
        &(0x0b3f_a20d | flags).to_le_bytes()[..],
        b"\0\0\0\x01\x2d",
        &[0; 23],
        b"me\0\0db\0",
    ];
    vec![
        packet(Toward::Client, 0, &greeting.concat()),
        packet(Toward::Server, 1, &login.concat()),
        packet(Toward::Client, 2, b"\x01\x03"),
        packet(Toward::Client, 3, OK),
    ]
}

/// A conversation with MySQL 8.
fn told(more: Vec<Act>) -> String {
    lines(&[newer(0), more].concat(), Since::Begin)
}

fn database(told: &Told) -> &Exchange {
    let Told::Database(exchange) = told else {
        panic!("{told:?} of a database")
    };
    exchange
}

/// Name, summary, namespace, and how it ended.
fn line(told: &Told) -> String {
    let exchange = database(told);
    let operation = &exchange.operation;
    format!(
        "{}|{}|{}|{}|{:?}",
        operation.name,
        operation.summary.as_deref().unwrap_or_default(),
        operation.namespace.as_deref().unwrap_or_default(),
        exchange.error.as_deref().unwrap_or_default(),
        exchange.outcome
    )
    .replace("|Answered", "")
}

fn lines(acts: &[Act], since: Since) -> String {
    replay(protocol("mysql"), acts, since).lines(line)
}

/// What the recorded conversations come to.
const EXPECTED: &[(&str, &str)] = &[
    (
        PYMYSQL,
        "SET|SET|shop|
CREATE|CREATE TABLE items|shop|
INSERT|INSERT items|shop|
SELECT|SELECT items|shop|
SELECT|SELECT items|shop|1054
SELECT|SELECT UPDATE items SELECT items|shop|
LOAD|LOAD items|shop|
PING||shop|
USE|USE mysql|shop|
SELECT|SELECT shop.items|mysql|
",
    ),
    (
        CONNECTOR,
        "SET|SET|shop|
SET|SET|shop|
PING||shop|
PREPARE|PREPARE SELECT items|shop|
RESET STATEMENT||shop|
SELECT|SELECT items|shop|
RESET STATEMENT||shop|
SELECT|SELECT items|shop|
PREPARE|PREPARE DELETE items|shop|
RESET STATEMENT||shop|
DELETE|DELETE items|shop|
COMMIT|COMMIT|shop|
RESET CONNECTION||shop|
SET|SET|shop|
SET|SET|shop|
STATISTICS||shop|
CHANGE USER||shop|
SET|SET|mysql|
SET|SET|mysql|
",
    ),
    (
        NODE,
        "PREPARE|PREPARE SELECT items|shop|
SELECT|SELECT items|shop|
SELECT|SELECT items|shop|
SELECT|SELECT|shop|1054
",
    ),
    (
        CLI,
        "SELECT|SELECT|shop|
SHOW|SHOW|shop|
USE|USE mysql|shop|
",
    ),
];

#[test]
fn tells_every_command_of_real_clients() {
    for (script, expected) in EXPECTED {
        assert_eq!(lines(&acts(script), Since::Begin), *expected, "{script}");
    }
}

#[test]
fn pieces_make_no_difference() {
    for (script, expected) in EXPECTED {
        for size in [1, 2, 3, 4, 100] {
            let pieces = in_pieces(&acts(script), size);
            assert_eq!(lines(&pieces, Since::Begin), *expected, "{size} {script}");
        }
    }
}

#[test]
fn tells_mariadb_from_mysql_and_statements_without_values() {
    let seen = replay(protocol("mysql"), &acts(PYMYSQL), Since::Begin);
    let texts: Vec<_> = seen.told.iter().map(|(_, told)| database(told)).collect();
    assert_eq!(texts[3].operation.system, System::Mariadb);
    let text = texts[3].operation.text.as_deref();
    assert_eq!(text, Some("SELECT * FROM items WHERE name=?"));
    assert!(!format!("{seen:?}").contains("secret"));
    let ping = vec![asks(b"\x0e"), answers(&[OK])];
    let seen = replay(protocol("mysql"), &[newer(0), ping].concat(), Since::Begin);
    assert_eq!(database(&seen.told[0].1).operation.system, System::Mysql);
}

#[test]
fn recognises_a_connection_from_its_beginning_or_from_a_command_and_its_answer() {
    for (script, _) in EXPECTED {
        let all = acts(script);
        for known in [true, false] {
            assert_eq!(recognised(&all, known), Some(("mysql", 0)));
            assert_eq!(recognised(&all[1..], known), Some(("mysql", 0)), "a login");
            let found = recognised(&all[3..], known);
            assert_eq!(found, Some(("mysql", 1)), "a command: {script}");
        }
    }
}

#[test]
fn a_connection_with_a_past_is_understood_from_its_next_command_on() {
    for (script, expected) in EXPECTED {
        let all = acts(script);
        let whole: Vec<&str> = expected.lines().collect();
        for begin in 3..all.len() {
            let told = lines(&all[begin..], Since::Later);
            let late: Vec<&str> = told.lines().collect();
            assert!(late.len() <= whole.len());
            let errors = |lines: &[&str]| -> Vec<String> {
                let split = lines
                    .iter()
                    .map(|line| line.split('|').nth(3).unwrap_or_default());
                split.map(str::to_owned).collect()
            };
            let rest = &whole[whole.len() - late.len()..];
            assert_eq!(errors(&late), errors(rest), "{begin} {told}");
            assert!(!told.contains("Unanswered"), "{begin} {told}");
        }
    }
}

#[test]
fn reads_the_newer_answers_without_ends_of_columns() {
    let rows = [&b"\x01"[..], COLUMN, b"\x011", b"\xfb", END];
    let more = [&b"\xfe\0\0\x0a\0\0\0"[..], OK];
    let two = [&rows[..4], &more].concat();
    let cursor = [&b"\x01"[..], COLUMN, b"\xfe\0\0\x42\0\0\0"];
    let told = told(vec![
        asks(b"\x03\0\x01SELECT a FROM t"),
        answers(&rows),
        asks(b"\x03\0\x01SELECT a FROM t; SET @x = 1"),
        answers(&two),
        asks(b"\x16SELECT a FROM t WHERE b = ?"),
        answers(&[b"\0\x07\0\0\0\x01\0\x01\0\0\0\0\x01", COLUMN, COLUMN]),
        asks(b"\x17\x07\0\0\0\x01\x01\0\0\0"),
        answers(&cursor),
        asks(b"\x1c\x07\0\0\0\x64\0\0\0"),
        answers(&[b"\0\0\x01", END]),
        asks(b"\x03\0\x01SELECT b FROM u"),
        answers(&[b"\xff\x7a\x04#42S02no"]),
    ]);
    let expected = "SELECT|SELECT t|db|\nSELECT|SELECT t SET|db|\nPREPARE|PREPARE SELECT t|db|\n\
                    SELECT|SELECT t|db|\nFETCH|FETCH SELECT t|db|\nSELECT|SELECT u|db|1146\n";
    assert_eq!(told, expected);
}

#[test]
fn a_client_that_executes_before_it_knows_the_number_is_understood() {
    let both = |a: Act, b: Act| match (a, b) {
        (Act::Chunk { toward, bytes, .. }, Act::Chunk { bytes: more, .. }) => Act::Chunk {
            toward,
            bytes: [bytes, more].concat(),
            missing: 0,
        },
        _ => unreachable!("chunks"),
    };
    let told = told(vec![
        both(
            asks(b"\x16DELETE FROM t WHERE a = ?"),
            asks(b"\x17\xff\xff\xff\xff\0\x01\0\0\0\0\x01\x03\0\x01\0\0\0"),
        ),
        both(
            answers(&[b"\0\x07\0\0\0\0\0\x01\0\0\0\0\x01", COLUMN]),
            answers(&[b"\xff\x28\x04#23000no"]),
        ),
        asks(b"\x19\x07\0\0\0"),
        asks(b"\x17\x07\0\0\0\0\x01\0\0\0"),
        answers(&[b"\xff\xdb\x04#HY000no"]),
    ]);
    let expected = "PREPARE|PREPARE DELETE t|db|\nDELETE|DELETE t|db|1064\nEXECUTE||db|1243\n";
    assert_eq!(told, expected);
}

#[test]
fn attributes_before_a_query_are_passed_over_and_may_name_the_trace() {
    let parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let query = [
        &b"\x03\x02\x01\0\x01\x08\0\x01n\xfe\0\x0btraceparent\x01\0\0\0\0\0\0\0\x37"[..],
        parent,
        b"UPDATE t SET a = 1",
    ];
    let acts = [newer(0), vec![asks(&query.concat()), answers(&[OK])]].concat();
    let seen = replay(protocol("mysql"), &acts, Since::Begin);
    assert_eq!(seen.lines(line), "UPDATE|UPDATE t|db|\n");
}

#[test]
fn what_cannot_be_read_is_left_alone() {
    let ping = || vec![asks(b"\x0e"), answers(&[OK])];
    for (flags, login_bytes) in [(COMPRESS, 0), (TLS, 32)] {
        let mut acts = newer(flags);
        if let (Act::Chunk { bytes, .. }, true) = (&mut acts[1], login_bytes > 0) {
            bytes.truncate(4 + login_bytes);
            bytes[0] = 32;
        }
        let all = [acts, ping()].concat();
        assert_eq!(lines(&all, Since::Begin), "", "{flags}");
    }
    let dump = vec![asks(b"\x12\x04\0\0\0\0\0\x01\0\0\0"), answers(&[OK, OK])];
    assert_eq!(told([ping(), dump, ping()].concat()), "PING||db|\n");
}

#[test]
fn rows_that_were_not_captured_cost_only_their_end() {
    let rows = |missing| match answers(&[b"\x01", COLUMN, b"\x05hello"]) {
        Act::Chunk { toward, bytes, .. } => Act::Chunk {
            toward,
            bytes,
            missing,
        },
        other => other,
    };
    let acts = vec![
        asks(b"\x03SELECT a FROM t"),
        rows(100_000),
        Act::Chunk {
            toward: Toward::Client,
            bytes: vec![1; 50],
            missing: 9000,
        },
        asks(b"\x03SELECT b FROM u"),
        answers(&[b"\xff\x7a\x04#42S02no"]),
    ];
    assert_eq!(told(acts), "SELECT|SELECT t|db|\nSELECT|SELECT u|db|1146\n");
    let unseen = Act::Chunk {
        toward: Toward::Client,
        bytes: vec![],
        missing: 900,
    };
    let acts = vec![
        asks(b"\x03SELECT a FROM t"),
        unseen,
        asks(b"\x03SELECT b FROM u"),
        answers(&[b"\xff\x7a\x04#42S02no"]),
    ];
    let expected = "SELECT|SELECT t|db||Unanswered(LostData)\nSELECT|SELECT u|db|1146\n";
    assert_eq!(told(acts), expected);
}

#[test]
fn a_long_statement_is_told_as_far_as_it_was_seen() {
    let mut long = b"\x03INSERT INTO t VALUES ('".to_vec();
    long.extend(vec![b'x'; 16_000]);
    long.extend(b"')");
    let mut all = vec![asks(&long), answers(&[OK])];
    assert_eq!(told(all.clone()), "INSERT|INSERT t|db|\n");
    if let Act::Chunk { bytes, missing, .. } = &mut all[0] {
        *missing = bytes.len() - 512;
        bytes.truncate(512);
    }
    let seen = replay(protocol("mysql"), &all, Since::Later);
    let exchange = database(&seen.told[0].1);
    assert!(exchange.operation.truncated);
    assert_eq!(exchange.request_bytes, 16_000 + 27 + 3);
}

#[test]
fn a_statement_of_more_than_sixteen_megabytes_is_one() {
    let huge = |missing| Act::Chunk {
        toward: Toward::Server,
        bytes: b"\xff\xff\xff\0\x03INSERT INTO t VALUES ('".to_vec(),
        missing,
    };
    let told = told(vec![
        huge(0xff_ffff - 24),
        packet(Toward::Server, 1, b"\x03DROP TABLE u')"),
        answers(&[OK]),
        asks(b"\x0e"),
        answers(&[OK]),
    ]);
    assert_eq!(told, "INSERT|INSERT t|db|\nPING||db|\n");
}

/// A client that waits; what number n asks fails with the code 1000 + n.
fn turns(count: u16) -> Vec<Act> {
    let mut acts = newer(0);
    for number in 0..count {
        let verb = ["\x03\0\x01DELETE FROM", "\x16SELECT a FROM"][usize::from(number % 2)];
        acts.push(asks(format!("{verb} t{number}").as_bytes()));
        let code = (1000 + number).to_le_bytes();
        acts.push(answers(&[&[&[0xff][..], &code, b"#42000no"].concat()]));
    }
    acts
}

/// Asserts that whatever is told as answered got its own error; returns how many did.
fn assert_pairs(acts: &[Act], how: &str) -> usize {
    let seen = replay(protocol("mysql"), acts, Since::Begin);
    let mut pairs = 0;
    for (_, told) in &seen.told {
        let exchange = database(told);
        let table = exchange.operation.collection.as_deref().unwrap_or_default();
        let number = table.trim_start_matches('t').parse::<u16>();
        let code = exchange
            .error
            .as_deref()
            .and_then(|code| code.parse::<u16>().ok());
        if let (Outcome::Answered, Ok(number), Some(code)) = (exchange.outcome, number, code) {
            assert_eq!(code, number + 1000, "{how}");
            pairs += 1;
        }
    }
    pairs
}

#[test]
fn never_pairs_wrongly_when_a_chunk_is_cut_off_or_lost() {
    let acts = turns(6);
    assert_eq!(assert_pairs(&acts, "whole"), 6);
    for (number, cut) in cuts(&acts).enumerate() {
        let pairs = assert_pairs(&cut, &format!("cut {number}"));
        assert!(pairs >= 4, "cut {number}: {pairs} {cut:?}");
    }
    for (index, act) in acts.iter().enumerate() {
        let Act::Chunk { toward, bytes, .. } = act else {
            continue;
        };
        for len in [None, Some(bytes.len() as u64)] {
            let mut lossy = acts.clone();
            lossy[index] = Act::Gap(*toward, len);
            let pairs = assert_pairs(&lossy, &format!("without {index}"));
            assert!(pairs >= 4, "without {index}: {pairs}");
        }
    }
}

#[test]
fn a_client_that_does_not_wait_is_never_paired_wrongly() {
    let waits = turns(12);
    let (mut asked, mut answered) = (
        waits.iter().skip(4).step_by(2),
        waits.iter().skip(5).step_by(2),
    );
    let mut acts = waits[..4].to_vec();
    acts.extend(asked.by_ref().take(2).cloned());
    for (asked, answered) in asked.zip(answered.by_ref()) {
        acts.extend([answered.clone(), asked.clone()]);
    }
    acts.extend(answered.cloned());
    assert_eq!(assert_pairs(&acts, "whole"), 12);
    // What it does is seen with its third command.
    for index in 8..acts.len() {
        let Act::Chunk { toward, .. } = acts[index] else {
            continue;
        };
        let mut lossy = acts.clone();
        lossy[index] = Act::Gap(toward, None);
        assert_pairs(&lossy, &format!("without {index}"));
    }
    for (number, cut) in cuts(&acts[8..]).enumerate() {
        let cut = [acts[..8].to_vec(), cut].concat();
        assert_pairs(&cut, &format!("cut {number}"));
    }
}

#[test]
fn holds_no_more_than_its_bound() {
    let mut acts = newer(0);
    for number in 0..2_000u32 {
        let text = format!(
            "\x16SELECT a FROM t{number} WHERE {}",
            "b = ? AND ".repeat(300)
        );
        acts.push(asks(text.as_bytes()));
        let id = number.to_le_bytes();
        acts.push(answers(&[&[&[0][..], &id, &[0; 7]].concat()]));
    }
    acts.extend((0..1_000).map(|_| asks(b"\x03SELECT 1")));
    let seen = replay(protocol("mysql"), &acts, Since::Begin);
    assert!(
        seen.held_max <= Mysql::buffered_bytes_max(),
        "{}",
        seen.held_max
    );
    assert!(Mysql::buffered_bytes_max() <= 2 * 1024 * 1024);
}
