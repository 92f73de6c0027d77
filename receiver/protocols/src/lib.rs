//! Captured bytes in, requests out.
//!
//! What a probe saw of a connection is cut off, joined and holed; these parsers return what can
//! still be known. They never fail and never guess silently. They know nothing of sockets, eBPF,
//! OTLP or clocks: time is an argument.

pub mod amqp;
pub mod by_key;
pub mod cassandra;
pub mod conversation;
pub mod cutter;
pub mod database;
pub mod dns;
pub mod fastcgi;
pub mod http;
pub mod http1;
pub mod http2;
pub mod in_order;
pub mod kafka;
pub mod memcached;
pub mod messaging;
pub mod mongodb;
pub mod mqtt;
pub mod mysql;
pub mod nats;
pub mod over_http;
pub mod parser;
pub mod postgres;
pub mod propagation;
pub mod recognition;
pub mod redact;
pub mod redis;
pub mod rpc;
pub mod sql;
pub mod stream;
mod text;
pub mod tls;
pub mod wanted;
pub mod websocket;
