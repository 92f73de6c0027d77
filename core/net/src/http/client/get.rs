//! Fetching a page whole, or not at all.

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, Method, Request, StatusCode, Uri,
    header::{CONTENT_ENCODING, PROXY_AUTHORIZATION},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{Client, HttpError, Response, endpoint, failure};
use crate::{
    chunks::Chunks,
    compression,
    http::{connector::destination, redirect},
};

impl Client {
    /// Gets a page of at most `bytes_max`, before and after decompression. A larger one is an
    /// error. Redirects are followed, but never from TLS to plain text.
    pub async fn get(
        &self,
        url: &Uri,
        headers: &HeaderMap,
        bytes_max: usize,
    ) -> Result<Response, HttpError> {
        let (mut url, mut headers) = (url.clone(), headers.clone());
        for _ in 0..redirect::HOPS_MAX {
            let response = self.get_once(&url, headers.clone(), bytes_max).await?;
            // A GET stays a GET whatever kind of redirect it is.
            let moves = [
                StatusCode::MOVED_PERMANENTLY,
                StatusCode::FOUND,
                StatusCode::SEE_OTHER,
            ];
            let status = if moves.contains(&response.status) {
                StatusCode::TEMPORARY_REDIRECT
            } else {
                response.status
            };
            let Some(next) = redirect::target(&url, status, &response.headers) else {
                return Ok(response);
            };
            redirect::strip_secrets(&mut headers, &url, &next);
            url = next;
        }
        let cause = format!("stopped after {} redirects", redirect::HOPS_MAX);
        Err(broken(&url, cause))
    }

    async fn get_once(
        &self,
        url: &Uri,
        headers: HeaderMap,
        bytes_max: usize,
    ) -> Result<Response, HttpError> {
        let mut request = Request::new(Chunks::new(Vec::new()));
        *request.method_mut() = Method::GET;
        *request.uri_mut() = url.clone();
        *request.headers_mut() = headers;
        let (host, port, security) = destination(url);
        if let Some(value) = self.dialer.proxy_authorization(host, port, security) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value);
        }
        let answered = self.inner.request(request).await;
        let (head, body) = answered.map_err(|error| failure(url, &error))?.into_parts();
        let whole = whole(body, bytes_max).await;
        let mut body = whole
            .map_err(|error| failure(url, &error))?
            .ok_or_else(|| broken(url, format!("the answer is larger than {bytes_max} bytes")))?;
        if let Some(encoding) = head.headers.get(CONTENT_ENCODING) {
            let encoding = encoding.to_str().unwrap_or("not text");
            body = compression::decompress(encoding, &body, bytes_max)
                .map_err(|error| broken(url, error.to_string()))?;
        }
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

/// Reads a body; `None` when it is larger than allowed.
async fn whole(mut body: Incoming, bytes_max: usize) -> Result<Option<Bytes>, hyper::Error> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if data.len() > bytes_max - whole.len() {
            return Ok(None);
        }
        whole.extend_from_slice(&data);
    }
    Ok(Some(whole.freeze()))
}

fn broken(url: &Uri, cause: String) -> HttpError {
    HttpError::Broken {
        endpoint: endpoint(url),
        cause,
    }
}
