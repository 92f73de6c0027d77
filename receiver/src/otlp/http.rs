//! OTLP/HTTP: one path for each signal, protobuf or JSON.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER},
};
use tapline_config::HttpServerConfig;
use tapline_net::{
    grpc::{Code, Refused},
    http::{Answer, BodyError, Handler, Request, ServerConfigError, ServerSettings},
};
use tapline_pdata::{Origin, Signal};

use super::{
    answer,
    config::Paths,
    gate::Gate,
    intake::{Announced, Encoding, Intake, Way},
    turns::Packing,
};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Answers export requests.
pub(super) struct HttpIntake {
    intake: Intake,
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
        let (status, code) = match error {
            BodyError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, Code::InvalidArgument),
            // Of the statuses that fit, clients of OTLP try again after this one only.
            BodyError::TooSlow(_) => (StatusCode::SERVICE_UNAVAILABLE, Code::DeadlineExceeded),
            _ => (StatusCode::BAD_REQUEST, Code::InvalidArgument),
        };
        Self {
            status,
            refused: Refused::new(code, error.to_string()),
        }
    }
}

impl HttpIntake {
    pub(super) fn new(intake: Intake, gate: Gate, paths: &Paths) -> Self {
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
        origin: Option<Arc<Origin>>,
    ) -> Result<(), Failure> {
        let packing = if request.head.headers.contains_key(CONTENT_ENCODING) {
            Packing::Packed
        } else {
            Packing::Plain
        };
        let announced = Announced {
            bytes: request.body.announced().unwrap_or(0),
            packing,
            arrived: 0,
        };
        let mut entry = match way.admit(announced).await {
            Ok(entry) => entry,
            Err(refused) => {
                request.body.discard().await;
                return Err(refused.into());
            }
        };
        let room = &mut entry.room;
        let mut grown = |bytes| room.grow(bytes).map_err(Failure::from);
        let reading = request.body.read(&mut grown);
        let wire = entry.turn.reading(reading).await?;
        Ok(way.pass(wire, encoding, entry, origin).await?)
    }
}

#[async_trait]
impl Handler for HttpIntake {
    async fn handle(&self, request: Request) -> Answer {
        let encoding = encoding(&request.head.headers);
        // Who is unknown learns nothing, not even which paths there are.
        let origin = match self.gate.pass(&request.head, request.peer).await {
            Ok(origin) => origin,
            Err(refused) => {
                let encoding = encoding.unwrap_or(Encoding::Protobuf);
                return refusal(&refused.into(), encoding);
            }
        };
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
        let Some(encoding) = encoding else {
            let message = format!("415 unsupported media type, supported: [{JSON}, {PROTOBUF}]");
            return words(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
        };
        match self.take(way, request, encoding, origin).await {
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

/// Takes over what the user wrote. Exports come when they come: unlike other servers, this one
/// waits for them.
pub(super) fn settings(config: &HttpServerConfig) -> Result<ServerSettings, ServerConfigError> {
    let mut settings = ServerSettings::from_config(config)?;
    for (written, time_max) in [
        (config.read_header_timeout, &mut settings.head_time_max),
        (config.write_timeout, &mut settings.write_time_max),
        (config.idle_timeout, &mut settings.idle_max),
    ] {
        if written.is_none() {
            *time_max = None;
        }
    }
    Ok(settings)
}
