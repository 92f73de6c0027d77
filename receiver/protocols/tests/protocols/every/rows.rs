//! The conversations, each with one exchange more of the same connection.

use tapline_protocols::conversation::Since;

use super::live::read;
use crate::script::{Act, Seen, acts, protocol, replay};

/// A conversation.
pub(super) struct Row {
    /// The name of its protocol.
    pub(super) protocol: &'static str,
    pub(super) name: &'static str,
    pub(super) script: &'static str,
    /// How many exchanges of it are answered.
    pub(super) exchanges: usize,
    /// One exchange that could come next, for the n-th time; nothing where the protocol was left.
    pub(super) next: fn(u8) -> String,
}

impl Row {
    pub(super) fn acts(&self) -> Vec<Act> {
        acts(self.script)
    }

    /// Returns the next exchange, `count` times.
    pub(super) fn more(&self, count: u8) -> Vec<Act> {
        (0..count).flat_map(|n| acts(&(self.next)(n))).collect()
    }

    /// Plays something that was damaged after its protocol was known.
    pub(super) fn play(&self, acts: &[Act]) -> Seen {
        replay(protocol(self.protocol), acts, Since::Begin)
    }

    /// Plays it as the receiver would, who does not know what it is.
    pub(super) fn join(&self, acts: &[Act]) -> Result<Seen, String> {
        let (seen, taken_for) = read(&timed(acts.to_vec()), Since::Later);
        let is_left = self.more(1).is_empty();
        match taken_for
            .iter()
            .find(|name| **name != self.protocol && !is_left)
        {
            Some(other) => Err(format!("is taken for {other}")),
            None => Ok(seen),
        }
    }
}

/// Puts a microsecond between acts.
pub(super) fn timed(acts: Vec<Act>) -> Vec<(u64, Act)> {
    (1..).map(|n| n * 1_000).zip(acts).collect()
}

const REDIS: &str = "> *2\\r\\n$3\\r\\nTTL\\r\\n$1\\r\\nk\\r\\n\n< :7\\r\\n";
const POSTGRESQL: &str =
    "> Q\\0\\0\\0\\x12DELETE FROM t\\0\n< C\\0\\0\\0\\rDELETE 3\\0Z\\0\\0\\0\\x05I";
const MYSQL: &str =
    "> \\x0e\\0\\0\\0\\x03DELETE FROM t\n< \\x07\\0\\0\\x01\\0\\x03\\0\\x02\\0\\0\\0";
const DNS: &str =
    "> \\0\\x19\\x12\\x34\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0\\x07another\\0\\0\\x01\\0\\x01
    < \\0\\x19\\x12\\x34\\x81\\x83\\0\\x01\\0\\0\\0\\0\\0\\0\\x07another\\0\\0\\x01\\0\\x01";
const CASSANDRA_4: &str =
    "> \\x04\\0\\0\\x21\\x07\\0\\0\\0\\x14\\0\\0\\0\\rDELETE FROM t\\0\\x01\\0
    < \\x84\\0\\0\\x21\\x08\\0\\0\\0\\x04\\0\\0\\0\\x01";
const MONGODB: &str = "> \\x31\\0\\0\\0\\x21\\x43\\0\\0\\0\\0\\0\\0\\xdd\\x07\\0\\0\\0\\0\\0\\0\\0\\x1c\\0\\0\\0\\x02drop\\0\\x02\\0\\0\\0t\\0\\x02$db\\0\\x02\\0\\0\\0d\\0\\0
    < \\x26\\0\\0\\0\\x22\\x43\\0\\0\\x21\\x43\\0\\0\\xdd\\x07\\0\\0\\0\\0\\0\\0\\0\\x11\\0\\0\\0\\x01ok\\0\\0\\0\\0\\0\\0\\0\\xf0?\\0";
const MEMCACHED: &str = "> decr k 1\\r\\n\n< 3\\r\\n";
const MEMCACHED_BINARY: &str = "> \\x80\\x1c\\0\\x01\\x04\\0\\0\\0\\0\\0\\0\\x05\\0\\0\\0\\x07\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\x0ak
    < \\x81\\x1c\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\x07\\0\\0\\0\\0\\0\\0\\0\\x01";
const AMQP: &str = "> \\x01\\0\\x01\\0\\0\\0\\x0c\\02\\0\\x1e\\0\\0\\x04jobs\\0\\xce\n< \\x01\\0\\x01\\0\\0\\0\\x08\\02\\0\\x1f\\0\\0\\0\\x03\\xce";
const NATS: &str = "> PING\\r\\n\n< PONG\\r\\n";
const MQTT_4: &str = "> \\x82\\x08\\0\\x2a\\0\\x03a/b\\x01\n< \\x90\\x03\\0\\x2a\\x01";
const MQTT_5: &str = "> \\x82\\x09\\0\\x2a\\0\\0\\x03a/b\\x01\n< \\x90\\x04\\0\\x2a\\0\\x01";
const KAFKA: &str = "> \\0\\0\\0\\x0c\\0\\x12\\0\\0\\0\\0\\x12\\x34\\0\\x02me\n< \\0\\0\\0\\x0a\\0\\0\\x12\\x34\\0\\x23\\0\\0\\0\\0";
const HTTP: &str = "> DELETE /it HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n\n< HTTP/1.1 404 No\\r\\nContent-Length: 2\\r\\n\\r\\nno";

/// A request of few words on a stream of its own, that needs no table of headers.
fn http2(n: u8) -> String {
    format!(
        "> \\0\\0\\x03\\x01\\x05\\0\\0\\0\\x{id:02x}\\x83\\x86\\x84\n< \\0\\0\\x01\\x01\\x05\\0\\0\\0\\x{id:02x}\\x8d",
        id = 2 * n + 0x31
    )
}

/// The record of an answer of a web page, as nginx asks for one and PHP answers.
fn fastcgi(_: u8) -> String {
    let params = r"\x0e\x06REQUEST_METHODDELETE\x0b\x03REQUEST_URI/it";
    format!(
        "> \\x01\\x01\\0\\x01\\0\\x08\\0\\0\\0\\x01\\x01\\0\\0\\0\\0\\0\\x01\\x04\\0\\x01\\0\\x26\\0\\0{params}\\x01\\x04\\0\\x01\\0\\0\\0\\0\\x01\\x05\\0\\x01\\0\\0\\0\\0\n< \\x01\\x06\\0\\x01\\0\\x0f\\0\\0Status: 404\\r\\n\\r\\n\\x01\\x03\\0\\x01\\0\\x08\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0"
    )
}

macro_rules! row {
    ($protocol:literal, $name:literal, $path:literal, $exchanges:literal, $next:expr) => {
        Row {
            protocol: $protocol,
            name: $name,
            script: include_str!($path),
            exchanges: $exchanges,
            next: $next,
        }
    };
}

pub(super) static ROWS: &[Row] = &[
    row!(
        "http",
        "curl and nginx",
        "../recorded/http1_curl.txt",
        6,
        |_| HTTP.to_owned()
    ),
    row!(
        "http",
        "an upgrade to HTTP/2",
        "../../../testdata/http2/upgrade.txt",
        2,
        |_| String::new()
    ),
    row!(
        "http2",
        "grpcio",
        "../../../testdata/http2/grpcio.txt",
        9,
        http2
    ),
    row!(
        "http2",
        "node",
        "../../../testdata/http2/node.txt",
        7,
        http2
    ),
    row!(
        "http2",
        "nginx",
        "../../../testdata/http2/nginx.txt",
        1,
        http2
    ),
    row!("redis", "redis-py", "../recorded/redis_py.txt", 17, |_| {
        REDIS.to_owned()
    }),
    row!(
        "postgresql",
        "psycopg",
        "../recorded/postgresql_psycopg.txt",
        9,
        |_| POSTGRESQL.to_owned()
    ),
    row!(
        "dns",
        "dig and unbound",
        "../recorded/dns_dig.txt",
        4,
        |_| DNS.to_owned()
    ),
    row!("mysql", "mysql", "../recorded/mysql_cli.txt", 3, |_| MYSQL
        .to_owned()),
    row!(
        "mysql",
        "pymysql",
        "../recorded/mysql_pymysql.txt",
        10,
        |_| MYSQL.to_owned()
    ),
    row!("mysql", "mysql2", "../recorded/mysql_mysql2.txt", 4, |_| {
        MYSQL.to_owned()
    }),
    row!(
        "cassandra",
        "version 3",
        "../recorded/cassandra_3none.txt",
        11,
        |_| {
            CASSANDRA_4
                .replace("\\x04\\0\\0\\x21", "\\x03\\0\\0\\x21")
                .replace("\\x84", "\\x83")
        }
    ),
    row!(
        "cassandra",
        "version 4",
        "../recorded/cassandra_4none.txt",
        11,
        |_| CASSANDRA_4.to_owned()
    ),
    row!(
        "cassandra",
        "version 4, LZ4",
        "../recorded/cassandra_4lz4.txt",
        11,
        |_| CASSANDRA_4.to_owned()
    ),
    row!(
        "mongodb",
        "pymongo, zlib",
        "../recorded/mongodb_pymongo.txt",
        9,
        |_| MONGODB.to_owned()
    ),
    row!(
        "fastcgi",
        "nginx and PHP",
        "../recorded/fastcgi_nginx.txt",
        3,
        fastcgi
    ),
    row!(
        "memcached",
        "pymemcache",
        "../recorded/memcached_pymemcache.txt",
        14,
        |_| MEMCACHED.to_owned()
    ),
    row!(
        "memcached-binary",
        "bmemcached",
        "../recorded/memcached_bmemcached.txt",
        11,
        |_| MEMCACHED_BINARY.to_owned()
    ),
    row!(
        "amqp",
        "pika and RabbitMQ",
        "../recorded/amqp_pika.txt",
        25,
        |_| AMQP.to_owned()
    ),
    row!(
        "nats",
        "requests",
        "../recorded/nats_requests.txt",
        14,
        |_| NATS.to_owned()
    ),
    row!(
        "nats",
        "JetStream",
        "../recorded/nats_jetstream.txt",
        14,
        |_| NATS.to_owned()
    ),
    row!(
        "mqtt",
        "version 3.1.1",
        "../recorded/mqtt_v4.txt",
        10,
        |_| MQTT_4.to_owned()
    ),
    row!("mqtt", "version 5", "../recorded/mqtt_v5.txt", 11, |_| {
        MQTT_5.to_owned()
    }),
    row!(
        "kafka",
        "a producer",
        "../recorded/kafka_producer.txt",
        4,
        |_| KAFKA.to_owned()
    ),
    row!(
        "kafka",
        "a consumer",
        "../recorded/kafka_consumer.txt",
        10,
        |_| KAFKA.to_owned()
    ),
    row!(
        "kafka",
        "a group",
        "../recorded/kafka_group.txt",
        10,
        |_| KAFKA.to_owned()
    ),
];
