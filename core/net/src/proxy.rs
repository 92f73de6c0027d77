//! Which connections go through an HTTP proxy, and how one is asked for a tunnel.
//!
//! It must not read the process environment: whoever may do that hands in the variables.

use std::{fmt, net::IpAddr};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, Uri, uri::Scheme};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::dial::{DialError, Security};

/// How long the answer of a proxy to `CONNECT` may be.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// An HTTP proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    authorization: Option<HeaderValue>,
}

/// Why a text is not a proxy. The text may hold a password, so it is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// It is no URL, or one without a host.
    #[error("is not the URL of a proxy")]
    NotUrl,
    /// Only `http://` proxies are spoken to.
    #[error("a proxy with the scheme `{0}` is not supported by tapline yet; use `http://`")]
    Scheme(String),
}

/// Which connections go through which proxy. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxySettings {
    plain: Option<Proxy>,
    tls: Option<Proxy>,
    exceptions: Vec<Exception>,
    spares_loopback: bool,
}

/// Hosts that are reached directly.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    Everything,
    /// A network by its first bits.
    Network(IpAddr, u32),
    Domain {
        name: String,
        port: Option<u16>,
        and_itself: bool,
    },
}

impl ProxySettings {
    /// Sends everything through one proxy.
    pub fn always(url: &str) -> Result<Self, ProxyError> {
        let proxy = Some(Proxy::parse(url)?);
        Ok(Self {
            plain: proxy.clone(),
            tls: proxy,
            ..Self::default()
        })
    }

    /// Takes the values of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, as Go understands them:
    /// what is on this machine is reached directly.
    pub fn from_variables(
        http: Option<&str>,
        https: Option<&str>,
        no: Option<&str>,
    ) -> Result<Self, ProxyError> {
        let parse = |url: Option<&str>| {
            let url = url.filter(|url| !url.is_empty());
            url.map(Proxy::parse).transpose()
        };
        let exceptions = no.unwrap_or_default().split(',');
        Ok(Self {
            plain: parse(http)?,
            tls: parse(https)?,
            exceptions: exceptions.filter_map(Exception::parse).collect(),
            spares_loopback: true,
        })
    }

    /// Returns the proxy between us and a host, if there is one.
    pub(crate) fn between(&self, host: &str, port: u16, security: Security) -> Option<&Proxy> {
        let proxy = match security {
            Security::Plain => self.plain.as_ref(),
            Security::Tls => self.tls.as_ref(),
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let ip: Option<IpAddr> = bare.parse().ok();
        let is_here = bare == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
        let is_spared = (self.spares_loopback && is_here)
            || self.exceptions.iter().any(|it| it.covers(bare, ip, port));
        proxy.filter(|_| !is_spared)
    }
}

impl Exception {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        if text.is_empty() {
            return None;
        }
        if text == "*" {
            return Some(Self::Everything);
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Some(Self::Network(ip, u32::MAX));
        }
        if let Some((ip, bits)) = text.split_once('/') {
            return Some(Self::Network(ip.parse().ok()?, bits.parse().ok()?));
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (text.as_str(), None),
        };
        let name = name.strip_prefix('*').unwrap_or(name);
        Some(Self::Domain {
            and_itself: !name.starts_with('.'),
            name: name.trim_start_matches('.').to_owned(),
            port,
        })
    }

    fn covers(&self, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
        match self {
            Self::Everything => true,
            Self::Network(network, bits) => ip.is_some_and(|ip| is_within(ip, *network, *bits)),
            Self::Domain {
                name,
                port: only,
                and_itself,
            } => {
                let host = host.to_lowercase();
                let below = host.strip_suffix(name.as_str());
                let matches = below
                    .is_some_and(|below| below.ends_with('.') || (*and_itself && below.is_empty()));
                matches && only.is_none_or(|only| only == port)
            }
        }
    }
}

fn is_within(ip: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            let differing = ip.to_bits() ^ network.to_bits();
            differing.leading_zeros() >= bits.min(32)
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => {
            let differing = ip.to_bits() ^ network.to_bits();
            differing.leading_zeros() >= bits.min(128)
        }
        _ => false,
    }
}

impl Proxy {
    /// Parses `http://user:password@host:port`; without a scheme it is `http`.
    fn parse(text: &str) -> Result<Self, ProxyError> {
        let whole = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let url: Uri = whole.parse().map_err(|_invalid| ProxyError::NotUrl)?;
        if url.scheme() != Some(&Scheme::HTTP) {
            let scheme = url.scheme_str().unwrap_or_default().to_owned();
            return Err(ProxyError::Scheme(scheme));
        }
        let authority = url.authority().ok_or(ProxyError::NotUrl)?;
        if authority.host().is_empty() {
            return Err(ProxyError::NotUrl);
        }
        let user = authority.as_str().rsplit_once('@').map(|(user, _)| user);
        Ok(Self {
            host: authority.host().to_owned(),
            port: url.port_u16().unwrap_or(80),
            authorization: user.map(basic).transpose()?,
        })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// Asks the proxy behind `socket` to connect it to a host.
    pub(crate) async fn open_tunnel(
        &self,
        socket: &mut TcpStream,
        host: &str,
        port: u16,
    ) -> Result<(), DialError> {
        let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
        if let Some(value) = self.authorization.as_ref().and_then(|it| it.to_str().ok()) {
            request.push_str("Proxy-Authorization: ");
            request.push_str(value);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        let failed = |cause: &str| {
            let Self {
                host: at, port: by, ..
            } = self;
            DialError::new(format!(
                "proxy {at}:{by} does not connect to {host}:{port}: {cause}"
            ))
        };
        socket
            .write_all(request.as_bytes())
            .await
            .map_err(|error| failed(&error.to_string()))?;
        let answer = read_head(socket)
            .await
            .map_err(|error| failed(&error.to_string()))?;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        if status.len() == 3 && status.starts_with('2') {
            return Ok(());
        }
        Err(failed(answer.lines().next().unwrap_or_default().trim()))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Reads up to the empty line and not one byte further: what follows belongs to the tunnel.
async fn read_head(socket: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == ANSWER_BYTES_MAX {
            return Err(std::io::Error::other("its answer has no end"));
        }
        head.push(socket.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Makes the header value for `user:password` as it stands in a URL.
fn basic(user: &str) -> Result<HeaderValue, ProxyError> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let plain = [&decoded(name)[..], b":", &decoded(password)].concat();
    let text = format!("Basic {}", BASE64_STANDARD.encode(plain));
    let mut value = HeaderValue::from_str(&text).map_err(|_invalid| ProxyError::NotUrl)?;
    value.set_sensitive(true);
    Ok(value)
}

fn decoded(text: &str) -> Vec<u8> {
    crate::percent::decoded(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{ProxySettings, Security};

    fn goes_through(settings: &ProxySettings, host: &str, security: Security) -> Option<String> {
        settings
            .between(host, 4317, security)
            .map(|proxy| format!("{proxy:?}"))
    }

    #[test]
    fn variables_mean_what_they_mean_in_go() {
        let settings = ProxySettings::from_variables(
            Some("http://plain:3128"),
            Some("secure:3129"),
            Some("internal, .corp, 10.0.0.0/8, special:9, 192.168.1.1"),
        );
        let settings = settings.expect("are proxies");
        let plain = |host| goes_through(&settings, host, Security::Plain);
        assert_eq!(plain("backend"), Some("plain:3128".to_owned()));
        assert_eq!(
            goes_through(&settings, "backend", Security::Tls),
            Some("secure:3129".to_owned())
        );
        for direct in [
            "localhost",
            "127.0.0.1",
            "[::1]",
            "internal",
            "a.internal",
            "a.corp",
            "10.1.2.3",
            "192.168.1.1",
        ] {
            assert_eq!(plain(direct), None, "{direct}");
        }
        for proxied in ["corp", "notinternal", "11.1.2.3", "special"] {
            assert!(plain(proxied).is_some(), "{proxied}");
        }
    }

    #[test]
    fn a_proxy_for_everything_takes_loopback_too_and_hides_its_password() {
        let settings = ProxySettings::always("http://me:s%40fe@proxy").expect("is a proxy");
        let shown = goes_through(&settings, "127.0.0.1", Security::Plain);
        assert_eq!(shown, Some("proxy:80".to_owned()));
        let proxy = settings.between("x", 1, Security::Tls).expect("is there");
        let value = proxy.authorization().expect("has credentials");
        assert_eq!(value.to_str().expect("is text"), "Basic bWU6c0BmZQ==");
        assert!(!format!("{settings:?}").contains("Basic"));
    }

    #[test]
    fn other_proxies_are_refused_by_scheme() {
        let refusal = |url| ProxySettings::always(url).expect_err(url).to_string();
        assert_eq!(
            refusal("socks5://proxy:1080"),
            "a proxy with the scheme `socks5` is not supported by tapline yet; use `http://`"
        );
        assert_eq!(refusal("http://"), "is not the URL of a proxy");
    }
}
