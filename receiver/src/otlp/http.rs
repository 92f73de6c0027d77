//! OTLP/HTTP: one path for each signal, protobuf or JSON.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{ALLOW, CONTENT_TYPE, RETRY_AFTER},
};
use tapline_config::{Duration, Headers, HttpServerConfig};
use tapline_net::{
    Limits,
    compression::{Compression, Encodings},
    grpc::{Code, Refused},
    http::{Answer, BodyError, Cors, Handler, Request, ServerSettings},
};
use tapline_pdata::Signal;

use super::{
    answer,
    config::Paths,
    gate::Gate,
    intake::{Encoding, Intake, Way},
    server_tls,
};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Answers export requests.
pub(super) struct HttpIntake {
    intake: Arc<Intake>,
    gate: Gate,
    paths: Vec<(String, Signal)>,
}

/// Why a request is refused, where HTTP says more than gRPC does.
struct Failure {
    status: StatusCode,
    refused: Refused,
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self {
            status: answer::http_status(refused.code),
            refused,
        }
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            refused: Refused::new(Code::InvalidArgument, error.to_string()),
        }
    }
}

impl HttpIntake {
    pub(super) fn new(intake: Arc<Intake>, gate: Gate, paths: &Paths) -> Self {
        let paths = Signal::ALL.map(|signal| (paths.of(signal), signal));
        Self {
            intake,
            gate,
            paths: paths.into(),
        }
    }

    fn way(&self, path: &str) -> Option<Way<'_>> {
        let (_, signal) = self.paths.iter().find(|(known, _)| known == path)?;
        self.intake.way(*signal)
    }

    async fn take(
        &self,
        way: Way<'_>,
        request: Request,
        encoding: Encoding,
    ) -> Result<(), Failure> {
        let origin = self.gate.pass(&request.head, request.peer).await?;
        let mut held = way.admit(request.body.announced().unwrap_or(0))?;
        let wire = request.body.read(&mut |bytes| held.resize(bytes)).await?;
        Ok(way.pass(wire, encoding, held, origin).await?)
    }
}

#[async_trait]
impl Handler for HttpIntake {
    async fn handle(&self, request: Request) -> Answer {
        let Some(way) = self.way(request.head.uri.path()) else {
            return words(StatusCode::NOT_FOUND, "404 page not found");
        };
        if request.head.method != Method::POST {
            let message = "405 method not allowed, supported: [POST]";
            let mut answer = words(StatusCode::METHOD_NOT_ALLOWED, message);
            let post = HeaderValue::from_static("POST");
            answer.headers_mut().insert(ALLOW, post);
            return answer;
        }
        let Some(encoding) = encoding(&request.head.headers) else {
            let message = format!("415 unsupported media type, supported: [{JSON}, {PROTOBUF}]");
            return words(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
        };
        match self.take(way, request, encoding).await {
            Ok(()) => success(encoding),
            Err(failure) => refusal(&failure, encoding),
        }
    }
}

/// Reads the media type; parameters such as a character set do not matter.
fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let media = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media = media.split(';').next()?.trim();
    if media.eq_ignore_ascii_case(PROTOBUF) {
        Some(Encoding::Protobuf)
    } else if media.eq_ignore_ascii_case(JSON) {
        Some(Encoding::Json)
    } else {
        None
    }
}

/// An export response without any field: everything was taken.
fn success(encoding: Encoding) -> Answer {
    let body = match encoding {
        Encoding::Protobuf => Bytes::new(),
        Encoding::Json => Bytes::from_static(b"{}"),
    };
    answer(StatusCode::OK, media(encoding), body)
}

fn refusal(failure: &Failure, encoding: Encoding) -> Answer {
    let body = match encoding {
        Encoding::Protobuf => failure.refused.encode(),
        Encoding::Json => answer::json(&failure.refused).into_bytes(),
    };
    let mut answer = answer(failure.status, media(encoding), body.into());
    if let Some(delay) = failure.refused.retry_after {
        let seconds = HeaderValue::from(answer::whole_seconds(delay));
        answer.headers_mut().insert(RETRY_AFTER, seconds);
    }
    answer
}

fn media(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Protobuf => PROTOBUF,
        Encoding::Json => JSON,
    }
}

fn words(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    answer(status, "text/plain", text.into())
}

fn answer(status: StatusCode, media: &'static str, body: Bytes) -> Answer {
    let mut answer = Answer::new(body);
    *answer.status_mut() = status;
    let media = HeaderValue::from_static(media);
    answer.headers_mut().insert(CONTENT_TYPE, media);
    answer
}

/// Takes over what the user wrote.
pub(super) fn settings(config: &HttpServerConfig) -> Result<ServerSettings, String> {
    let alpn: &[&[u8]] = &[b"h2", b"http/1.1"];
    let tls = config.tls.as_ref().map(|tls| server_tls(tls, alpn));
    let given = |written: Duration| (!written.is_zero()).then(|| written.get());
    // Exports come when they come: this receiver waits for them by default.
    let or_never = |written: Option<Duration>| written.and_then(given);
    Ok(ServerSettings {
        tls: tls.transpose()?,
        limits: Limits::default(),
        body_bytes_max: config.body_bytes_max(),
        encodings: encodings(&config.compression_algorithms)?,
        answer_headers: answer_headers(&config.response_headers)?,
        cors: cors(config),
        head_time_max: or_never(config.read_header_timeout),
        body_time_max: given(config.read_timeout),
        write_time_max: or_never(config.write_timeout),
        idle_max: or_never(config.idle_timeout),
        keep_alive: config.keep_alives_enabled,
    })
}

fn encodings(names: &[String]) -> Result<Encodings, String> {
    if names.is_empty() {
        return Ok(Encodings::ALL);
    }
    let known = names.iter().map(|name| Compression::from_name(name));
    let known = known.collect::<Result<Vec<_>, _>>();
    Ok(Encodings::of(known.map_err(|error| error.to_string())?))
}

fn answer_headers(written: &Headers) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in written.iter() {
        let wrong = |what| format!("response_headers: \"{name}\" {what}");
        let parsed = HeaderName::from_bytes(name.as_bytes());
        let parsed = parsed.map_err(|_error| wrong("is not the name of a header"))?;
        let value = HeaderValue::from_str(value.reveal());
        let value = value.map_err(|_error| wrong("has a value that no header may have"))?;
        headers.insert(parsed, value);
    }
    Ok(headers)
}

fn cors(config: &HttpServerConfig) -> Option<Cors> {
    let written = config.cors.as_ref()?;
    // The Collector leaves CORS off until an origin is named.
    (!written.allowed_origins.is_empty()).then(|| Cors {
        origins: written.allowed_origins.clone(),
        headers: written.allowed_headers.clone(),
        exposed: written.exposed_headers.clone(),
        max_age_seconds: written.max_age,
    })
}
