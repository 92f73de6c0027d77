//! What extensions with a small HTTP server have in common: its settings stand among their own.

use std::{sync::Arc, time::Duration as StdDuration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tapline_config::{
    Duration, HttpServerConfig, Invalid, Kind, Node, Problems, Validate, decode_into,
};
use tapline_net::{
    Limits,
    http::{Answer, Handler, ServerSettings, serve},
    listen::Listener,
    tls::{TlsServer, TlsServerSettings},
};
use tapline_pipeline::{StartError, Stop, Work};

/// How many may ask at a time; more wait.
pub(super) const CONNECTIONS_MAX: usize = 64;
/// How long the last answers may take.
pub(super) const DRAIN_TIME_MAX: StdDuration = StdDuration::from_secs(1);
/// How long reading, writing and waiting may take, unless the configuration says else.
const TIME_MAX: Duration = Duration::from_secs(30);
/// Nobody has to send us anything.
const BODY_BYTES_MAX: usize = 64 << 10;

/// Reads the settings of the server that stand in a block among an extension's own, and returns
/// the block without them. The extension's own decoding then finds keys that nobody knows.
pub(super) fn read(
    node: &Node,
    own_keys: &[&str],
    default_endpoint: &str,
    problems: &mut Problems,
) -> (Option<HttpServerConfig>, Node) {
    let (mut own, mut server) = (node.clone(), node.clone());
    if let (Kind::Map(own), Kind::Map(server)) = (&mut own.kind, &mut server.kind) {
        own.retain(|(key, _)| own_keys.contains(&key.as_str()));
        server.retain(|(key, _)| !own_keys.contains(&key.as_str()));
    }
    let config = decode_into(&server, problems)
        .and_then(|config| checked(config, node, default_endpoint, problems));
    (config, own)
}

/// Fills in the endpoint and reports what cannot be.
fn checked(
    mut config: HttpServerConfig,
    node: &Node,
    default_endpoint: &str,
    problems: &mut Problems,
) -> Option<HttpServerConfig> {
    if config.endpoint.is_empty() {
        default_endpoint.clone_into(&mut config.endpoint);
    }
    let mut invalid = config.validate();
    for (key, is_on) in [
        ("cors", config.cors.is_on()),
        ("auth", config.auth.is_some()),
    ] {
        if is_on {
            invalid.push(Invalid::at(key, "is not supported here by tapline yet"));
        }
    }
    problems.extend(invalid.iter().map(|each| each.locate(node)));
    invalid.is_empty().then_some(config)
}

/// Listens, or says why not.
pub(super) async fn listen(config: &HttpServerConfig) -> Result<Listener, StartError> {
    Listener::bind(config.transport, &config.endpoint)
        .await
        .map_err(|error| StartError(error.to_string()))
}

/// Reads certificates and decides how to serve.
pub(super) fn settings(config: &HttpServerConfig) -> Result<ServerSettings, String> {
    let alpn: &[&[u8]] = &[b"h2", b"http/1.1"];
    let tls = config.tls.as_ref().map(|tls| {
        let settings = TlsServerSettings::from_config(tls);
        let server = settings.and_then(|settings| TlsServer::new(settings, alpn));
        server.map(Arc::new).map_err(|error| error.to_string())
    });
    let given = |time: Duration| (!time.is_zero()).then(|| time.get());
    // Whoever asks about the process does so at once: a time that is not written is short.
    let or_short = |time: Option<Duration>| given(time.unwrap_or(TIME_MAX));
    Ok(ServerSettings {
        tls: tls.transpose()?,
        limits: Limits {
            connections_max: Some(CONNECTIONS_MAX),
            drain_time_max: DRAIN_TIME_MAX,
        },
        body_bytes_max: BODY_BYTES_MAX,
        answer_headers: headers(config)?,
        head_time_max: or_short(config.read_header_timeout),
        body_time_max: given(config.read_timeout),
        write_time_max: or_short(config.write_timeout),
        idle_max: or_short(config.idle_timeout),
        keep_alive: config.keep_alives_enabled,
        ..ServerSettings::default()
    })
}

/// Returns the work that answers until `stop`.
pub(super) fn work(
    listener: Listener,
    settings: ServerSettings,
    handler: Arc<dyn Handler>,
    stop: Stop,
) -> Work {
    Box::pin(async move {
        serve(listener, settings, handler, stop.requested()).await;
        Ok(())
    })
}

fn headers(config: &HttpServerConfig) -> Result<HeaderMap, String> {
    let pairs = config.response_headers.iter();
    let parsed = pairs.map(|(name, value)| {
        let unusable = |_| format!("response_headers: \"{name}\" cannot be sent");
        let key = HeaderName::try_from(name).map_err(|e| unusable(e.to_string()))?;
        let value = HeaderValue::try_from(value.reveal()).map_err(|e| unusable(e.to_string()))?;
        Ok((key, value))
    });
    parsed.collect()
}

/// Makes an answer.
pub(super) fn answer(status: StatusCode, kind: &'static str, body: String) -> Answer {
    let mut answer = Answer::new(Bytes::from(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // What we are is nobody's guess, and pages that show the process run nothing.
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Returns the value of a parameter of a query; empty when it has none, `None` when not given.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then(|| decoded(value))
    })
}

/// Undoes percent encoding; what is not well formed stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = pair.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn parameters_are_found_and_decoded() {
        let query = "verbose&pipeline=traces%2Fa+b&x=%zz";
        assert_eq!(parameter(query, "verbose").as_deref(), Some(""));
        assert_eq!(parameter(query, "pipeline").as_deref(), Some("traces/a b"));
        assert_eq!(parameter(query, "x").as_deref(), Some("%zz"));
        assert_eq!(parameter(query, "y"), None);
    }
}
