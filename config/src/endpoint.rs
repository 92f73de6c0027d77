//! Where a server listens, as it is written: `host:port`, read as Go reads it.
//!
//! This module must not know what a host means, nor whether anybody can listen there.

use crate::{Invalid, Transport};

/// Splits `host:port`. The host may be empty, and IPv6 addresses lose their brackets.
pub fn host_and_port(endpoint: &str) -> Result<(&str, u16), String> {
    let (host, port) = endpoint
        .rsplit_once(':')
        .ok_or_else(|| "missing port in address".to_owned())?;
    let port = port
        .parse()
        .map_err(|_error| format!("\"{port}\" is not a port"))?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    if bare.is_none() && host.contains(':') {
        return Err("too many colons in address".to_owned());
    }
    Ok((bare.unwrap_or(host), port))
}

/// Says what is wrong with `endpoint` of a server. An empty one is the component's own.
pub(crate) fn invalid_endpoint(transport: Transport, endpoint: &str) -> Option<Invalid> {
    if endpoint.is_empty() || transport == Transport::Unix {
        return None;
    }
    let error = host_and_port(endpoint).err()?;
    Some(Invalid::at("endpoint", format!("is not usable: {error}")))
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn endpoints_are_read_as_go_reads_them() {
        assert_eq!(host_and_port("localhost:4317"), Ok(("localhost", 4317)));
        assert_eq!(host_and_port(":0"), Ok(("", 0)));
        assert_eq!(host_and_port("[::1]:80"), Ok(("::1", 80)));
        let wrong = [
            ("localhost", "missing port in address"),
            ("localhost:http", "\"http\" is not a port"),
            ("localhost:70000", "\"70000\" is not a port"),
            ("::1:80", "too many colons in address"),
            ("http://localhost:80", "too many colons in address"),
        ];
        for (endpoint, message) in wrong {
            assert_eq!(
                host_and_port(endpoint),
                Err(message.to_owned()),
                "{endpoint}"
            );
        }
    }
}
