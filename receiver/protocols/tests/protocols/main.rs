//! Conversations in every protocol that fits the frame, and what they come to.

mod cassandra;
mod dns;
mod fastcgi;
mod frame;
mod hostile;
mod http2;
mod memcached;
mod mongodb;
mod mysql;
mod script;
mod websocket;
