//! Servers that anybody can reach: on every interface or a public address, without TLS or
//! authentication.
//!
//! `health_check` and the page of own metrics are left out: they take nothing, tell little, and
//! have to be reached by those who ask. A name instead of an address is left alone too, because
//! what it means is known where it is looked up.

use std::net::IpAddr;

use tapline_config::{ComponentId, Kind, Layout, Located, Node, Problem, Problems, Section};

use crate::names;

/// The components that listen, by section and name of today, and where in their settings.
const SERVERS: &[(&str, &str, &[&[&str]])] = &[
    (
        "receivers",
        "otlp",
        &[&["protocols", "grpc"], &["protocols", "http"]],
    ),
    ("extensions", "zpages", &[&[]]),
];

/// Warns of every server in use that is open to anybody.
pub(super) fn look(layout: &Layout, problems: &mut Problems) {
    let pipelines = layout.service.pipelines.iter();
    let receivers: Vec<_> = pipelines.flat_map(|at| &at.receivers).collect();
    let extensions: Vec<_> = layout.service.extensions.iter().collect();
    look_in("receivers", &layout.receivers, &receivers, problems);
    look_in("extensions", &layout.extensions, &extensions, problems);
}

fn look_in(
    section: &str,
    written: &Section,
    used: &[&Located<ComponentId>],
    problems: &mut Problems,
) {
    for (id, node) in written {
        if !used.iter().any(|other| other.value == id.value) {
            continue;
        }
        let name = names::canonical(section, &id.value.kind);
        let known = SERVERS
            .iter()
            .find(|(at, of, _)| *at == section && Some(*of) == name);
        for path in known.map_or(&[][..], |(.., paths)| paths) {
            let server = path.iter().try_fold(node, |node, key| node.get(key));
            if let Some(problem) = server.and_then(|server| open(section, &id.value, server)) {
                problems.push(problem);
            }
        }
    }
}

/// Returns what there is to say about a server, if it is open.
fn open(section: &str, id: &ComponentId, server: &Node) -> Option<Problem> {
    let is_off = server
        .get("enabled")
        .is_some_and(|on| on.kind == Kind::Bool(false));
    let endpoint = server.get("endpoint").filter(|_| !is_off)?;
    let Kind::String(text) = &endpoint.kind else {
        return None;
    };
    let is_unix = server
        .get("transport")
        .is_some_and(|transport| matches!(&transport.kind, Kind::String(text) if text == "unix"));
    if is_unix || is_on(server.get("tls")) || is_on(server.get("auth")) {
        return None;
    }
    let reach = reach(text)?;
    let what = section.trim_end_matches('s');
    let message = format!("{what} `{id}` listens on {reach}, without TLS or authentication");
    let port = text.rsplit_once(':').map_or("", |(_, port)| port);
    let label = format!("use `localhost:{port}` or an inner address, or add `tls` or `auth`");
    Some(Problem::warning(endpoint.blamed(), message).with_label(label))
}

/// Says whether an optional block is there and not switched off.
fn is_on(block: Option<&Node>) -> bool {
    block.is_some_and(|block| {
        let enabled = block.get("enabled").map(|enabled| &enabled.kind);
        !block.is_null() && enabled != Some(&Kind::Bool(false))
    })
}

/// Says who can reach an address, if that is anybody.
fn reach(endpoint: &str) -> Option<&'static str> {
    let (host, _) = endpoint.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Some("every interface");
    }
    let address: IpAddr = host.parse().ok()?;
    if address.is_unspecified() {
        Some("every interface")
    } else if is_public(address) {
        Some("a public address")
    } else {
        None
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared)
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(IpAddr::V4(v4)),
            None => !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::reach;

    #[test]
    fn tells_who_can_reach_an_address() {
        let everybody = ["0.0.0.0:4317", "[::]:4317", ":4317"];
        let outside = ["8.8.8.8:4317", "[2001:db8::1]:1", "[::ffff:8.8.8.8]:1"];
        let inside = [
            "localhost:4317",
            "127.0.0.1:1",
            "10.1.2.3:1",
            "172.16.0.1:1",
            "192.168.1.1:1",
            "100.64.0.1:1",
            "169.254.1.1:1",
            "[::1]:1",
            "[fd00::1]:1",
            "[fe80::1]:1",
            "gateway.example:4317",
            "/run/tapline.sock",
        ];
        for endpoint in everybody {
            assert_eq!(reach(endpoint), Some("every interface"), "{endpoint}");
        }
        for endpoint in outside {
            assert_eq!(reach(endpoint), Some("a public address"), "{endpoint}");
        }
        for endpoint in inside {
            assert_eq!(reach(endpoint), None, "{endpoint}");
        }
    }
}
