//! What is told of a connection whose bytes nobody can read: who spoke when, and how much.
//!
//! Plain data. Nothing here parses.

use std::sync::Arc;

use crate::tls::Session;

/// One pair of turns: somebody asked, and was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The handshake that hides the bytes, if there was one.
    pub tls: Option<Arc<Session>>,
    /// When the first byte of the request moved.
    pub started_ns: u64,
    /// When the first byte of the response moved.
    pub response_started_ns: u64,
    /// When the last byte of the response moved.
    pub ended_ns: u64,
    /// Who moved the first byte of the request.
    pub request_thread: u64,
    /// Bytes of the request on the wire.
    pub request_bytes: u64,
    /// Bytes of the response on the wire.
    pub response_bytes: u64,
}
