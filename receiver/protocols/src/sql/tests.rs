//! Statements in every dialect, and what is told of them.

use std::time::Instant;

use proptest::prelude::*;

use crate::propagation::Format;

use super::{Dialect, SUMMARY_BYTES_MAX, TEXT_BYTES_MAX, read, read_cut, read_until_nul};

const DIALECTS: [Dialect; 4] = [
    Dialect::Postgres,
    Dialect::Mysql,
    Dialect::MysqlPlain,
    Dialect::Cql,
];

/// Text, name, summary; in PostgreSQL and, where nothing is quoted, everywhere.
const STATEMENTS: &[(&str, &str, &str)] = &[
    ("SELECT 1", "SELECT", "SELECT"),
    (
        "select * from users where id = 42",
        "SELECT",
        "SELECT users",
    ),
    (
        "SELECT a FROM s.t AS x, \"My Table\" y WHERE 1=1",
        "SELECT",
        "SELECT s.t My Table",
    ),
    (
        "SELECT * FROM a JOIN b ON a.x=b.y LEFT JOIN c USING (z)",
        "SELECT",
        "SELECT a b c",
    ),
    (
        "SELECT * FROM (SELECT id FROM inner_t) x JOIN b ON true",
        "SELECT",
        "SELECT SELECT inner_t b",
    ),
    (
        "(SELECT a FROM t) UNION (SELECT a FROM u)",
        "SELECT",
        "SELECT t SELECT u",
    ),
    ("INSERT INTO t (a, b) VALUES (1, 'x')", "INSERT", "INSERT t"),
    (
        "INSERT INTO t SELECT * FROM u",
        "INSERT",
        "INSERT t SELECT u",
    ),
    (
        "UPDATE t SET a = 1 WHERE b = (SELECT max(c) FROM u)",
        "UPDATE",
        "UPDATE t SELECT u",
    ),
    ("DELETE FROM t WHERE a IN (1,2)", "DELETE", "DELETE t"),
    ("SELECT * FROM t FOR UPDATE", "SELECT", "SELECT t"),
    (
        "INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a=1",
        "INSERT",
        "INSERT t",
    ),
    (
        "WITH x AS (SELECT 1 FROM a), y (n) AS (SELECT n FROM x) SELECT * FROM x, y, b",
        "SELECT",
        "SELECT a SELECT SELECT b",
    ),
    (
        "WITH RECURSIVE r AS (SELECT 1) DELETE FROM t USING r",
        "DELETE",
        "SELECT DELETE t",
    ),
    (
        "WITH gone AS (DELETE FROM t RETURNING *) INSERT INTO old SELECT * FROM gone",
        "INSERT",
        "DELETE t INSERT old SELECT",
    ),
    ("SELECT extract(year FROM ts) FROM t", "SELECT", "SELECT t"),
    ("SELECT * FROM generate_series(1, 10)", "SELECT", "SELECT"),
    (
        "CREATE TABLE IF NOT EXISTS t (a int)",
        "CREATE",
        "CREATE TABLE t",
    ),
    (
        "CREATE TABLE t AS SELECT * FROM u",
        "CREATE",
        "CREATE TABLE t SELECT u",
    ),
    (
        "CREATE TABLE t (a int REFERENCES u ON DELETE CASCADE ON UPDATE SET NULL)",
        "CREATE",
        "CREATE TABLE t",
    ),
    ("CREATE UNIQUE INDEX i ON t (a)", "CREATE", "CREATE INDEX i"),
    (
        "CREATE MATERIALIZED VIEW v AS SELECT a FROM t",
        "CREATE",
        "CREATE MATERIALIZED VIEW v SELECT t",
    ),
    ("ALTER TABLE t ADD COLUMN c int", "ALTER", "ALTER TABLE t"),
    ("DROP TABLE t", "DROP", "DROP TABLE t"),
    ("DROP TABLE IF EXISTS a, b", "DROP", "DROP TABLE a b"),
    ("COPY t FROM STDIN", "COPY", "COPY t"),
    ("TRUNCATE TABLE a, b", "TRUNCATE", "TRUNCATE a b"),
    ("CALL shop.pay(1, 2)", "CALL", "CALL shop.pay"),
    ("GRANT SELECT, UPDATE ON t TO bob", "GRANT", "GRANT"),
    (
        "EXPLAIN ANALYZE SELECT * FROM t",
        "EXPLAIN",
        "EXPLAIN SELECT t",
    ),
    (
        "BEGIN; UPDATE t SET a=1; COMMIT",
        "BEGIN",
        "BEGIN UPDATE t COMMIT",
    ),
    (
        "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); INSERT INTO t VALUES (3);",
        "INSERT",
        "INSERT t",
    ),
    ("SET search_path TO 'x'", "SET", "SET"),
    ("hunter2", "_OTHER", ""),
    ("", "_OTHER", ""),
];

/// The same in MySQL's own words.
const OF_MYSQL: &[(&str, &str, &str)] = &[
    (
        "SELECT * FROM `my db`.`my table` # from x\nWHERE a = \"from y\"",
        "SELECT",
        "SELECT my db.my table",
    ),
    (
        "REPLACE INTO t VALUES (REPLACE('a', 'b', 'c'))",
        "REPLACE",
        "REPLACE t",
    ),
    (
        "INSERT IGNORE t VALUES (INSERT('a', 1, 1, 'b'))",
        "INSERT",
        "INSERT t",
    ),
    (
        "UPDATE LOW_PRIORITY t JOIN u USING (a) SET b = 1",
        "UPDATE",
        "UPDATE t u",
    ),
    ("/*!40101 SET NAMES utf8mb4 */", "SET", "SET"),
    (
        "/*!50001 CREATE VIEW v AS SELECT 1 */ -- x",
        "CREATE",
        "CREATE VIEW v SELECT",
    ),
    (
        "CREATE DEFINER=`root`@`%` PROCEDURE p() SELECT 1",
        "CREATE",
        "CREATE PROCEDURE p SELECT",
    ),
    ("LOAD DATA LOCAL INFILE 'f' INTO TABLE t", "LOAD", "LOAD t"),
    ("SELECT 1--1 FROM t", "SELECT", "SELECT t"),
    ("SELECT a FROM t INTO OUTFILE 'f'", "SELECT", "SELECT t"),
    ("SELECT a INTO @v FROM t", "SELECT", "SELECT t"),
    ("SELECT * FROM a STRAIGHT_JOIN b", "SELECT", "SELECT a b"),
    ("SHOW COLUMNS FROM t", "SHOW", "SHOW"),
    ("USE shop", "USE", "USE shop"),
    ("DESCRIBE t", "DESCRIBE", "DESCRIBE t"),
];

const OF_CQL: &[(&str, &str, &str)] = &[
    (
        "SELECT a FROM ks.t WHERE id = 5f1e6c3a-8d1b-11ee-b9d1-0242ac120002",
        "SELECT",
        "SELECT ks.t",
    ),
    (
        "INSERT INTO t (a) VALUES (?) USING TTL 5",
        "INSERT",
        "INSERT t",
    ),
    (
        "UPDATE t USING TIMESTAMP 5 SET a = a + {1}",
        "UPDATE",
        "UPDATE t",
    ),
    (
        "BEGIN UNLOGGED BATCH INSERT INTO a (x) VALUES (1) UPDATE b SET y = 2 APPLY BATCH",
        "BEGIN",
        "BEGIN INSERT a UPDATE b",
    ),
    (
        "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy'}",
        "CREATE",
        "CREATE KEYSPACE ks",
    ),
    (
        "CREATE CUSTOM INDEX i ON t (a) USING 'x'",
        "CREATE",
        "CREATE INDEX i",
    ),
    ("USE ks", "USE", "USE ks"),
];

/// Text, and the text that is told.
const TEXTS: &[(Dialect, &str, &str)] = &[
    (
        Dialect::Postgres,
        "SELECT  a,\n b FROM t /* who */ WHERE a='x' AND b = -1.5e-3 AND c IN (1, 2,3) -- no",
        "SELECT a, b FROM t WHERE a=? AND b = -? AND c IN (?)",
    ),
    (
        Dialect::Postgres,
        "SELECT $$a$$, $b$c$b$, E'\\'', U&'x', \"Na me\" FROM t WHERE x=$1 AND y IN ($2,$3)",
        "SELECT ?, ?, ?, ?, \"Na me\" FROM t WHERE x=? AND y IN (?)",
    ),
    (
        Dialect::Postgres,
        "SELECT * FROM t WHERE a IN (SELECT b FROM u WHERE c IN ('x')) AND d IN (1, x, 2)",
        "SELECT * FROM t WHERE a IN (SELECT b FROM u WHERE c IN (?)) AND d IN (?, x, ?)",
    ),
    (
        Dialect::Postgres,
        "SELECT * FROM t WHERE a LIKE 'b' ESCAPE '\\' AND c = 1",
        "SELECT * FROM t WHERE a LIKE ? ESCAPE ? AND c = ?",
    ),
    (
        Dialect::Postgres,
        "SELECT * FROM t WHERE a = 'it\\'s secret' AND b = 'more'",
        "SELECT * FROM t WHERE a = ?",
    ),
    (
        Dialect::Mysql,
        "SELECT `a` FROM t WHERE b = \"it\\\"s\" AND c = 'it\\'s' AND d = 0xAF AND e = x'af'",
        "SELECT `a` FROM t WHERE b = ? AND c = ? AND d = ? AND e = ?",
    ),
    (
        Dialect::MysqlPlain,
        "SELECT * FROM t WHERE a = 'x\\' AND b = 'y'",
        "SELECT * FROM t WHERE a = ? AND b = ?",
    ),
    (
        Dialect::Cql,
        "UPDATE t SET a = 0xca, d = 1h30m, e = P1Y2M WHERE id = f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "UPDATE t SET a = ?, d = ?, e = ? WHERE id = ?",
    ),
    (Dialect::Mysql, "SELECT ? FROM t # x", "SELECT ? FROM t"),
];

#[test]
fn tells_verbs_and_tables() {
    let of = |dialect, cases: &'static [_]| cases.iter().map(move |case| (dialect, case));
    let cases = of(Dialect::Postgres, STATEMENTS)
        .chain(of(Dialect::Mysql, OF_MYSQL))
        .chain(of(Dialect::Cql, OF_CQL))
        .chain(DIALECTS.into_iter().flat_map(|dialect| {
            let plain = STATEMENTS.iter().filter(move |(text, _, _)| {
                !(text.contains('"') || dialect == Dialect::Cql && text.contains("USING"))
            });
            plain.map(move |case| (dialect, case))
        }));
    for (dialect, (text, name, summary)) in cases {
        let statement = read(text.as_bytes(), dialect);
        let told = (statement.name.as_ref(), statement.summary.as_str());
        assert_eq!(told, (*name, *summary), "{dialect:?} {text}");
    }
}

#[test]
fn tells_the_text_without_values() {
    for (dialect, text, expected) in TEXTS {
        let statement = read(text.as_bytes(), *dialect);
        assert_eq!(statement.text.as_deref(), Some(*expected), "{text}");
    }
    assert_eq!(read(b"hunter2", Dialect::Mysql).text, None);
}

#[test]
fn literals_never_leave_however_they_are_written_and_cut() {
    for (dialects, text) in [
        (
            &DIALECTS[..1],
            "SELECT 'secret' FROM t WHERE a = 'it''s secret' AND b = E'\\'secret'",
        ),
        (
            &DIALECTS[..1],
            "SELECT $$secret$$, $x$ from secret $x$ FROM t",
        ),
        (
            &DIALECTS[..1],
            "SELECT /* from secret /* from secret */ from secret */ 1 FROM t -- from secret",
        ),
        (
            &DIALECTS[..3],
            "INSERT INTO t VALUES (B'101', X'secret', 1e5, N'secret', 'a' 'secret')",
        ),
        (
            &DIALECTS[1..2],
            "INSERT INTO t VALUES ('\\'secret', \"secret\", _utf8'secret\\\\') # secret",
        ),
        (
            &DIALECTS[2..3],
            "INSERT INTO t VALUES ('\\', 'secret', \"secret\\\", 'secret')",
        ),
        (
            &DIALECTS[3..],
            "INSERT INTO t (a) VALUES ($$secret$$, 'secret''') // secret",
        ),
    ] {
        for dialect in dialects {
            for end in 0..=text.len() {
                let statement = read_cut(&text.as_bytes()[..end], *dialect);
                let told = format!("{statement:?}");
                assert!(!told.contains("secret"), "{text} {end}: {told}");
            }
        }
    }
}

#[test]
fn a_name_that_was_cut_is_not_told() {
    for (text, summary) in [
        ("SELECT * FROM users WHERE", "SELECT users"),
        ("SELECT * FROM use", "SELECT"),
        ("SELECT * FROM \"my us", "SELECT"),
        ("SELECT * FROM s.\"my us", "SELECT s"),
    ] {
        let statement = read_until_nul(text.as_bytes(), Dialect::Postgres);
        assert_eq!(statement.summary, summary, "{text}");
        assert!(statement.is_cut);
    }
    assert!(!read_until_nul(b"SELECT 1\0", Dialect::Postgres).is_cut);
}

#[test]
fn names_the_table_if_there_is_one() {
    let collection = |text: &str| read(text.as_bytes(), Dialect::Mysql).collection;
    assert_eq!(collection("SELECT * FROM t").as_deref(), Some("t"));
    assert_eq!(collection("SELECT * FROM t JOIN t").as_deref(), Some("t"));
    assert_eq!(collection("SELECT * FROM t, u"), None);
    assert_eq!(collection("CALL p()"), None);
    assert_eq!(
        read(b"USE `my db`", Dialect::Mysql).used.as_deref(),
        Some("my db")
    );
}

#[test]
fn a_comment_tells_the_trace_and_nothing_else() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let text = format!("SELECT 1 /*action='%2Fsecret',traceparent='{parent}',tracestate='a%3D1'*/");
    for dialect in DIALECTS {
        let statement = read(text.as_bytes(), dialect);
        let trace = statement.trace.expect("a trace");
        let parent = trace.chosen(&Format::ALL).expect("a parent");
        let span_id = parent.span_id.expect("a span");
        assert_eq!((span_id[0], trace.state()), (0xb7, "a=1"));
        assert_eq!(statement.text.as_deref(), Some("SELECT ?"));
    }
    let malformed = read(b"SELECT 1 /*traceparent='x'*/", Dialect::Mysql).trace;
    let malformed = malformed.expect("it is counted");
    assert_eq!(
        (malformed.chosen(&Format::ALL), malformed.malformed()),
        (None, 1)
    );
}

#[test]
fn bounds_what_it_tells() {
    let names = vec!["a_long_name_of_a_table"; 500].join(", ");
    let statement = read(format!("SELECT * FROM {names}").as_bytes(), Dialect::Cql);
    assert!(statement.summary.len() <= SUMMARY_BYTES_MAX);
    assert!(
        statement
            .text
            .is_some_and(|text| text.len() <= TEXT_BYTES_MAX)
    );
    assert_eq!(
        read("(".repeat(10_000).as_bytes(), Dialect::Mysql).summary,
        ""
    );
}

/// One value as its dialect writes it, around a word that must not be seen.
fn literal(dialect: Dialect, way: usize, words: &str) -> String {
    match (dialect, way % 5) {
        (_, 0) => format!("'{words}xyzzy'"),
        (_, 1) => format!("'{words}''xyzzy'"),
        (Dialect::Postgres | Dialect::Cql, 2) => format!("$$ {words}'xyzzy $$"),
        (Dialect::Postgres, 3) => format!("E'\\'{words}xyzzy\\\\'"),
        (Dialect::Mysql, 2) => format!("\"{words}'\\\"xyzzy\""),
        (Dialect::Mysql, 3) => format!("'\\'{words}\\\\\\'xyzzy'"),
        (Dialect::MysqlPlain, 2) => format!("\"{words}'xyzzy\\\""),
        (Dialect::Cql, 3) => "f47ac10b-58cc-4372-a567-0e02b2c3d479".to_owned(),
        (_, _) => "/* xyzzy */ 0xf47ac10b".to_owned(),
    }
}

proptest! {
    #[test]
    fn no_literal_of_a_statement_survives(
        dialect in prop::sample::select(&DIALECTS[..]),
        ways in prop::collection::vec((0_usize..5, "[a-z ,();]{0,8}"), 1..6),
        shape in 0_usize..3,
        cut in 0_usize..40,
    ) {
        let values: Vec<String> =
            ways.iter().map(|(way, words)| literal(dialect, *way, words)).collect();
        let list = values.join(", ");
        let text = match shape {
            0 => format!("INSERT INTO t (a) VALUES ({list})"),
            1 => format!("SELECT a FROM t WHERE a IN ({list}) AND b = {}", values[0]),
            _ => format!("UPDATE t SET a = {} WHERE b > {}", values[0], list),
        };
        let whole = read(text.as_bytes(), dialect);
        let cut = read_cut(&text.as_bytes()[..text.len().saturating_sub(cut)], dialect);
        for told in [format!("{whole:?}"), format!("{cut:?}")] {
            prop_assert!(!told.contains("xyzzy"), "{text}: {told}");
            prop_assert!(!told.contains("f47ac10b"), "{text}: {told}");
        }
        prop_assert!(whole.summary.ends_with(" t"), "{whole:?}");
    }

    #[test]
    fn no_bytes_hurt(text in prop::collection::vec(any::<u8>(), 0..200)) {
        for dialect in DIALECTS {
            let statement = read(&text, dialect);
            prop_assert!(statement.summary.len() <= SUMMARY_BYTES_MAX * 3);
            read_cut(&text, dialect);
        }
    }
}

/// `cargo test --release -p tapline-protocols costs -- --ignored --nocapture`
#[test]
#[ignore = "measures: cargo test --release -p tapline-protocols costs -- --ignored --nocapture"]
#[expect(clippy::print_stdout, reason = "it is what the test is for")]
fn what_a_statement_costs() {
    for text in [
        "SELECT c FROM sbtest1 WHERE id = 4711",
        "INSERT INTO orders (id, customer, total) VALUES (1, 'someone', 12.5)",
        "SELECT o.id, c.name FROM orders o JOIN customers c ON o.c = c.id WHERE o.id IN (1, 2, 3)",
    ] {
        let started = Instant::now();
        for _ in 0..1_000_000 {
            std::hint::black_box(read(std::hint::black_box(text.as_bytes()), Dialect::Mysql));
        }
        println!("{} ns: {text}", started.elapsed().as_nanos() / 1_000_000);
    }
}
