//! From `host:port` to addresses to listen on, in the order to try them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tapline_config::{Transport, host_and_port};

/// Returns at least one address, or why there is none.
pub(super) async fn resolve(
    transport: Transport,
    endpoint: &str,
) -> Result<Vec<SocketAddr>, String> {
    let (host, port) = host_and_port(endpoint)?;
    if host.is_empty() {
        return Ok(everywhere(transport, port));
    }
    let found = tokio::net::lookup_host((host, port))
        .await
        .map_err(|_error| format!("cannot resolve {host}"))?;
    let mut found: Vec<_> = found.filter(|each| suits(transport, *each)).collect();
    // A name of both kinds means its first IPv4 address, as in Go.
    found.sort_by_key(SocketAddr::is_ipv6);
    if found.is_empty() {
        return Err(format!("{host} has no address for {transport}"));
    }
    Ok(found)
}

/// Every interface: one socket for both versions of IP where the system has IPv6.
fn everywhere(transport: Transport, port: u16) -> Vec<SocketAddr> {
    let v6 = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
    let v4 = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    match transport {
        Transport::Tcp4 => vec![v4],
        Transport::Tcp6 => vec![v6],
        Transport::Tcp | Transport::Unix => vec![v6, v4],
    }
}

fn suits(transport: Transport, address: SocketAddr) -> bool {
    match transport {
        Transport::Tcp4 => address.is_ipv4(),
        Transport::Tcp6 => address.is_ipv6(),
        Transport::Tcp | Transport::Unix => true,
    }
}
