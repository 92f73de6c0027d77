//! Redis from ring records to spans.

use crate::tape::Cut;
use crate::told::{attributes, histograms, told, told_losing};

const SET: &str = "*3\\r\\n$3\\r\\nSET\\r\\n$7\\r\\nuser:42\\r\\n$6\\r\\nsecret\\r\\n";
const GET: &str = "*2\\r\\n$3\\r\\nget\\r\\n$1\\r\\nk\\r\\n";
const WRONG: &str = "-WRONGTYPE Operation against a key\\r\\n";

/// redis-cli asks redis-server on the same machine: two sockets, two processes.
fn both_ends() -> String {
    format!(
        "exec 10 /usr/bin/redis-cli redis-cli
         exec 20 /usr/bin/redis-server redis-server
         open 1 client 10 127.0.0.1:40000 127.0.0.1:6379
         1 > {SET}{GET}
         open 2 server 20 127.0.0.1:6379 127.0.0.1:40000
         2 < {SET}{GET}
         2 > +OK\\r\\n{WRONG}
         1 < +OK\\r\\n{WRONG}
         close 1
         close 2 peer"
    )
}

#[test]
fn tells_commands_from_both_ends() {
    let mut lines: Vec<String> = told(&both_ends()).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "redis-cli client GET GET ? WRONGTYPE 4ms parent=-",
            "redis-cli client SET SET ? ?  4ms parent=-",
            "redis-server server GET GET ? WRONGTYPE 1ms parent=-",
            "redis-server server SET SET ? ?  1ms parent=-",
        ]
    );
}

#[test]
fn tells_what_the_conventions_ask_for_and_no_value() {
    let script = format!(
        "exec 10 /srv/app app
         open 1 client 10 127.0.0.1:40000 127.0.0.1:6379
         1 > {GET}
         1 < {WRONG}"
    );
    assert_eq!(
        attributes(&script),
        "db.system.name=redis
db.operation.name=GET
db.query.summary=GET
db.query.text=GET ?
db.namespace=0
db.response.status_code=WRONGTYPE
error.type=WRONGTYPE
server.address=127.0.0.1
server.port=6379
network.peer.address=127.0.0.1
network.peer.port=6379
tapline.db.key.count=1
"
    );
    let everything = attributes(&both_ends()) + &histograms(&both_ends());
    for secret in ["secret", "user:42", "Operation"] {
        assert!(!everything.contains(secret), "{everything}");
    }
}

#[test]
fn only_clients_have_durations() {
    let same = "db.namespace=0";
    let end = "server.address=127.0.0.1 server.port=6379";
    assert_eq!(
        histograms(&both_ends()),
        format!(
            "db.client.operation.duration s count=1 exemplars=1 db.system.name=redis \
             db.operation.name=GET {same} db.response.status_code=WRONGTYPE \
             error.type=WRONGTYPE {end}\n\
             db.client.operation.duration s count=1 exemplars=1 db.system.name=redis \
             db.operation.name=SET {same} {end}"
        )
    );
}

#[test]
fn an_older_connection_is_understood_from_its_next_command_on() {
    let script = format!(
        "exec 20 /usr/bin/redis-server redis-server
         open 1 unknown 20 127.0.0.1:6379 127.0.0.1:40000
         1 > +OK\\r\\n
         1 < {GET}
         1 > $-1\\r\\n"
    );
    assert_eq!(
        told(&script),
        "redis-server server GET GET ?  1ms parent=-\n"
    );
}

#[test]
fn an_inline_ping_is_believed_as_the_first_word_of_a_connection_only() {
    let opens = "exec 10 /srv/app app
         open 1 client 10 127.0.0.1:40000 127.0.0.1:4222
         1 > ";
    let first = format!("{opens}PING\\r\\n\n1 < +PONG\\r\\n");
    assert_eq!(told(&first), "app client PING 0  1ms parent=-\n");
    let later = format!("{opens}CONNECT x\\r\\n\n1 > PING\\r\\n\n1 < PONG\\r\\n");
    assert_eq!(told(&later), "");
}

#[test]
fn a_command_is_the_child_of_the_only_request_on_its_thread() {
    let script = format!(
        "exec 20 /srv/gate gate
         open 1 server 20 127.0.0.1:80 127.0.0.1:5000
         1 < GET /a HTTP/1.1\\r\\nHost: shop\\r\\n\\r\\n
         open 2 client 20 127.0.0.1:5001 127.0.0.1:6379
         2 > {GET}
         2 < $-1\\r\\n
         1 > HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n"
    );
    assert_eq!(
        told(&script),
        "gate server GET /a 200 4ms parent=-\ngate client GET GET ?  1ms parent=1\n"
    );
}

#[test]
fn loses_only_what_was_lost() {
    let whole = told(&both_ends()).lines().count();
    for lost in 0..10 {
        let left = told_losing(&both_ends(), Cut(usize::MAX), |number| number == lost);
        assert!(
            left.lines().count() + 2 >= whole / 2,
            "without {lost}: {left}"
        );
        assert!(
            !left.contains("SET SET ? ? WRONGTYPE"),
            "without {lost}: {left}"
        );
    }
}
