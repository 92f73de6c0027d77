//! PostgreSQL from ring records to spans.

use crate::tape::Cut;
use crate::told::{attributes, histograms, told, told_losing};

/// A message as a tape has it: type, length, body.
fn message(kind: &str, body: &str) -> String {
    let len = body.len() - body.matches("\\0").count() + 4;
    assert!(len < 128, "one byte of length, below what text cannot hold");
    format!("{kind}\\0\\0\\0\\x{len:02x}{body}")
}

fn startup() -> String {
    let body = "\\0\\x03\\0\\0user\\0me\\0database\\0shop\\0\\0";
    let len = body.len() - body.matches("\\0").count() - 3 * body.matches("\\x").count() + 4;
    format!("\\0\\0\\0\\x{len:02x}{body}")
}

fn query(sql: &str) -> String {
    message("Q", &format!("{sql}\\0"))
}

fn failed() -> String {
    message("E", "SERROR\\0C42P01\\0Mno hunter2\\0\\0") + &message("Z", "I")
}

fn done() -> String {
    message("C", "SELECT 1\\0") + &message("Z", "I")
}

/// An application asks a server on the same machine.
fn both_ends() -> String {
    let (startup, ready) = (startup(), message("Z", "I"));
    let (asked, answered) = (query("SELECT * FROM t WHERE a='hunter2'"), done());
    let (again, failed) = (query("DELETE FROM u"), failed());
    format!(
        "exec 10 /srv/app app
         exec 20 /usr/lib/postgresql/15/bin/postgres postgres
         open 1 client 10 127.0.0.1:40000 127.0.0.1:5432
         1 > {startup}
         open 2 server 20 127.0.0.1:5432 127.0.0.1:40000
         2 < {startup}
         2 > {ready}
         1 < {ready}
         1 > {asked}
         2 < {asked}
         2 > {answered}
         1 < {answered}
         1 > {again}
         2 < {again}
         2 > {failed}
         1 < {failed}
         close 1
         close 2 peer"
    )
}

#[test]
fn tells_statements_from_both_ends() {
    assert_eq!(
        told(&both_ends()),
        "app client SELECT t SELECT * FROM t WHERE a=?  3ms parent=-\n\
         postgres server SELECT t SELECT * FROM t WHERE a=?  1ms parent=-\n\
         app client DELETE u DELETE FROM u 42P01 3ms parent=-\n\
         postgres server DELETE u DELETE FROM u 42P01 1ms parent=-\n"
    );
}

#[test]
fn tells_what_the_conventions_ask_for_and_no_literal() {
    let all = attributes(&both_ends());
    let client = "db.system.name=postgresql
db.operation.name=DELETE
db.query.summary=DELETE u
db.query.text=DELETE FROM u
db.collection.name=u
db.namespace=shop
db.response.status_code=42P01
error.type=42P01
server.address=127.0.0.1
server.port=5432
network.peer.address=127.0.0.1
network.peer.port=5432
";
    assert!(all.contains(client), "{all}");
    let everything = all + &histograms(&both_ends());
    assert!(!everything.contains("hunter2"), "{everything}");
    assert!(
        everything.contains("db.client.operation.duration s count=1"),
        "{everything}"
    );
}

#[test]
fn an_older_connection_is_understood_from_its_next_statement_on() {
    let script = format!(
        "exec 20 /usr/bin/postgres postgres
         open 1 unknown 20 127.0.0.1:5432 127.0.0.1:40000
         1 > {}
         1 < {}
         1 > {}",
        done(),
        query("SELECT * FROM t"),
        done()
    );
    assert_eq!(
        told(&script),
        "postgres server SELECT t SELECT * FROM t  1ms parent=-\n"
    );
}

#[test]
fn loses_only_what_was_lost() {
    for lost in 2..16 {
        let left = told_losing(&both_ends(), Cut(usize::MAX), |number| number == lost);
        assert!(left.lines().count() >= 2, "without {lost}: {left}");
        assert!(!left.contains("WHERE a=? 42P01"), "without {lost}: {left}");
    }
}
