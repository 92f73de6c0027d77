//! Programs that speak TLS, and what must be told of them.

use std::{collections::BTreeMap, path::PathBuf, process::Command as Blocking};

use tapline_integration_tests::Scratch;
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::Command;

use crate::{
    actors::{node, script},
    spans,
};

/// Makes a certificate for loopback, with its key in the same file.
pub(crate) fn certificate(scratch: &Scratch) -> PathBuf {
    let path = scratch.path().join("pem");
    let made = Blocking::new("openssl")
        .args(["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-subj", "/CN=localhost", "-addext"])
        .arg("subjectAltName=DNS:localhost,IP:127.0.0.1")
        .arg("-keyout")
        .arg(scratch.path().join("key"))
        .arg("-out")
        .arg(scratch.path().join("certificate"))
        .output()
        .expect("openssl runs");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{said}");
    let read = |name: &str| {
        let path = scratch.path().join(name);
        std::fs::read_to_string(path).expect("openssl wrote it")
    };
    std::fs::write(&path, read("key") + &read("certificate")).expect("our own directory");
    path
}

/// Returns a server of Python's: `threads` or `asyncio`.
pub(crate) fn python_server(scratch: &Scratch, how: &str) -> Command {
    let mut command = script("tls_app");
    command.arg(certificate(scratch)).arg(how);
    command
}

/// Returns a server of Node's.
pub(crate) fn node_server(scratch: &Scratch) -> Command {
    let mut command = node("tls_web");
    command.arg(certificate(scratch));
    command
}

/// Returns a client of Python's.
pub(crate) fn python_client(port: u16, how: &str, plan: &Plan) -> Command {
    let mut command = script("tls_ask");
    command
        .args([&port.to_string(), how])
        .args(plan.arguments());
    command
}

/// Returns a client of Node's.
pub(crate) fn node_client(port: u16, plan: &Plan) -> Command {
    let mut command = node("tls_ask");
    command.arg(port.to_string()).args(plan.arguments());
    command
}

/// Connections that each ask for paths of their own.
pub(crate) struct Plan {
    pub(crate) connections: usize,
    pub(crate) requests: usize,
    pub(crate) prefix: &'static str,
}

impl Plan {
    pub(crate) fn arguments(&self) -> [String; 3] {
        let prefix = self.prefix.to_owned();
        [
            self.connections.to_string(),
            self.requests.to_string(),
            prefix,
        ]
    }

    /// Returns how many spans there must be, of both sides.
    pub(crate) fn spans(&self) -> usize {
        2 * self.connections * self.requests
    }

    /// Returns whether enough was told.
    pub(crate) fn is_told(&self, seen: &Seen) -> bool {
        spans::count(seen, &format!("/{}/", self.prefix)) >= self.spans()
    }

    /// Asserts that every request was told once by each side, and that all of one connection were
    /// told of one socket.
    pub(crate) fn assert_told(&self, seen: &Seen) {
        let prefix = format!("/{}/", self.prefix);
        let told = spans::count(seen, &prefix);
        assert_eq!(told, self.spans(), "{}", spans::all(seen));
        let clients = self.ports(&spans::clients(seen, &prefix), "url.full", "client");
        let servers = self.ports(&spans::servers(seen, &prefix), "url.path", "server");
        let theirs: Vec<&i64> = servers.values().collect();
        assert_eq!(theirs.len(), self.connections);
        let mut distinct = theirs.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(
            distinct.len(),
            self.connections,
            "a socket of two connections"
        );
        assert_eq!(clients.len(), self.connections);
    }

    /// Returns the remote port of each connection; on the client's side that of the server.
    fn ports(&self, found: &[ReceivedSpan<'_>], key: &str, side: &str) -> BTreeMap<String, i64> {
        let mut ports = BTreeMap::new();
        let mut paths = Vec::new();
        for span in found {
            let shown = spans::shown(span, key).expect("chosen by it");
            let at = shown.find(self.prefix).expect("chosen by it");
            let path = &shown[at..];
            let facts = [
                ("http.response.status_code", "200"),
                ("http.request.method", "GET"),
            ];
            spans::assert_attributes(span, &facts);
            assert_encrypted(span);
            let connection = path.split('/').nth(1).expect("the number").to_owned();
            let port = span
                .attr_int("network.peer.port")
                .expect("a TCP connection");
            let before = ports.insert(connection, port).unwrap_or(port);
            assert_eq!(before, port, "{side} spans of two sockets: {path}");
            paths.push(path.to_owned());
        }
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), self.connections * self.requests, "{side}");
        ports
    }
}

/// Asserts that a span says that it was encrypted, and not that it lost anything.
pub(crate) fn assert_encrypted(span: &ReceivedSpan<'_>) {
    let shown = |key| spans::shown(span, key);
    let scheme = shown("url.scheme").or_else(|| {
        let url = shown("url.full")?;
        url.split_once(':').map(|(scheme, _)| scheme.to_owned())
    });
    assert_eq!(
        scheme.as_deref(),
        Some("https"),
        "{}",
        spans::describe(span)
    );
    assert!(!spans::is_error(span), "{}", spans::describe(span));
}
