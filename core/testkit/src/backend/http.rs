//! OTLP over HTTP: `/v1/traces`, `/v1/metrics`, `/v1/logs`, `/v1development/profiles`.

use std::{
    io::{self, Read},
    net::SocketAddr,
};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::{
    Shared,
    answer::{Answer, Outcome},
    listener::{Body, Failure, cut, reset, whole},
    payload::{Kind, Protocol, Received},
};

/// The largest request body, before and after decompression.
pub(super) const BODY_BYTES_MAX: usize = 64 << 20;

pub(super) async fn answer(
    shared: &Shared,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Failure> {
    let (head, body) = request.into_parts();
    let body = read(body).await?;
    let path = head.uri.path().to_owned();
    let Some(kind) = Kind::from_path(&path) else {
        return Ok(status(StatusCode::NOT_FOUND, Bytes::new()));
    };
    let encoding = match head.headers.get(CONTENT_ENCODING) {
        Some(value) => value.to_str().unwrap_or("not text").to_owned(),
        None => "identity".to_owned(),
    };
    let decoded =
        inflate(&encoding, &body).and_then(|wire| kind.decode(wire).map_err(io::Error::other));
    let payload = match decoded {
        Ok(payload) => payload,
        Err(error) => return Ok(status(StatusCode::BAD_REQUEST, error.to_string().into())),
    };
    let scripted = shared.next_answer();
    tokio::time::sleep(scripted.delay).await;
    shared.record(Received {
        protocol: Protocol::Http,
        peer,
        path,
        headers: head.headers,
        encoding,
        wire_bytes: body.len(),
        payload,
        accepted: scripted.accepts(),
    });
    respond(kind, scripted)
}

pub(super) async fn read(body: Incoming) -> io::Result<Bytes> {
    let whole = Limited::new(body, BODY_BYTES_MAX)
        .collect()
        .await
        .map_err(io::Error::other)?;
    Ok(whole.to_bytes())
}

/// Undoes a content encoding, within [`BODY_BYTES_MAX`].
pub(super) fn inflate(encoding: &str, body: &[u8]) -> io::Result<Bytes> {
    let mut reader: Box<dyn Read + '_> = match encoding {
        "identity" => Box::new(body),
        "gzip" => Box::new(flate2::read::GzDecoder::new(body)),
        "zlib" | "deflate" => Box::new(flate2::read::ZlibDecoder::new(body)),
        "zstd" => Box::new(zstd::Decoder::new(body)?),
        other => return Err(io::Error::other(format!("unknown encoding {other}"))),
    };
    let mut wire = Vec::new();
    let limit = u64::try_from(BODY_BYTES_MAX).expect("the limit fits");
    if reader.by_ref().take(limit + 1).read_to_end(&mut wire)? > BODY_BYTES_MAX {
        return Err(io::Error::other("body too large"));
    }
    Ok(wire.into())
}

fn respond(kind: Kind, answer: Answer) -> Result<Response<Body>, Failure> {
    match answer.outcome {
        Outcome::HangUp => Err(io::Error::other("scripted hang-up").into()),
        Outcome::Reset(error_code) => Err(reset(error_code)),
        Outcome::Cut => {
            let mut response = Response::new(cut());
            let length = HeaderValue::from_static("1000");
            response.headers_mut().insert(CONTENT_LENGTH, length);
            Ok(response)
        }
        Outcome::Http {
            status: code,
            headers,
            body,
        } => {
            let code = StatusCode::from_u16(code).map_err(io::Error::other)?;
            let mut response = status(code, body.into());
            for (name, value) in headers {
                let value = HeaderValue::from_str(&value).map_err(io::Error::other)?;
                response.headers_mut().insert(name, value);
            }
            Ok(response)
        }
        outcome => {
            let mut response = status(StatusCode::OK, kind.response(&outcome).into());
            let protobuf = "application/x-protobuf"
                .parse()
                .expect("a constant header value");
            response.headers_mut().insert(CONTENT_TYPE, protobuf);
            Ok(response)
        }
    }
}

fn status(code: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = Response::new(whole(body));
    *response.status_mut() = code;
    response
}
