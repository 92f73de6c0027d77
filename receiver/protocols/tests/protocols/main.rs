//! Conversations in every protocol that fits the frame, and what they come to.

mod amqp;
mod cassandra;
mod dns;
mod every;
mod fastcgi;
mod frame;
mod hostile;
mod http2;
mod kafka;
mod memcached;
mod messaging;
mod mongodb;
mod mqtt;
mod mysql;
mod nats;
mod over_http;
mod script;
mod websocket;
