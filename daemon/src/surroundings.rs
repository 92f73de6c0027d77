//! What a configuration may refer to: our environment, files here, pages elsewhere.
//!
//! The only place that reads them. Pages are asked for once, within a time and up to a size, and
//! are never kept: neither this module nor anybody else remembers them.

use std::{ffi::OsString, path::Path, thread, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderValue, StatusCode, Uri,
    header::{AUTHORIZATION, USER_AGENT},
    uri::Authority,
};
use tapline_config::{Environment, Retrieve, read_text};
use tapline_net::{
    http::{Client, ClientSettings},
    proxy::ProxySettings,
    tls::{TlsError, TlsSettings},
    user_agent,
};
use tapline_pipeline::Proxies;

/// How long a page may take, from the name of its server to its last byte.
const PAGE_TIME_MAX: Duration = Duration::from_secs(10);

/// How large a page may be: as large as a file.
const PAGE_BYTES_MAX: usize = 8 << 20;

/// What is said of anything that names no page.
const NOT_A_URL: &str = "this is not a URL such as `http://host/path`";

/// The world around the process.
pub(crate) struct Surroundings {
    variables: Environment,
}

impl Surroundings {
    /// Looks at our own environment; what is no text cannot be referred to.
    pub(crate) fn look() -> Self {
        let text = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
        }
    }
}

impl Retrieve for Surroundings {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(str::to_owned)
    }

    fn file(&self, path: &str) -> Result<String, String> {
        read_text(Path::new(path))
    }

    /// Blocks for as long as the page takes.
    fn page(&self, url: &str) -> Result<String, String> {
        let proxies = Proxies::from_variables(|name| self.variable(name));
        // A thread of its own: a runtime cannot be entered from within another, as in a reload.
        let asked = thread::scope(|scope| scope.spawn(|| ask(url, &proxies)).join());
        asked.unwrap_or_else(|_| Err("asking for it failed".to_owned()))
    }
}

fn ask(url: &str, proxies: &Proxies) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        tokio::time::timeout(PAGE_TIME_MAX, page(url, proxies))
            .await
            .map_err(|_| format!("no answer within {}s", PAGE_TIME_MAX.as_secs()))?
    })
}

async fn page(url: &str, proxies: &Proxies) -> Result<String, String> {
    let url: Uri = url.parse().map_err(|_| NOT_A_URL.to_owned())?;
    if url.host().is_none_or(str::is_empty) || url.scheme().is_none() {
        return Err(NOT_A_URL.to_owned());
    }
    let (url, credentials) = without_credentials(url)?;
    let mut headers = HeaderMap::new();
    let agent = HeaderValue::from_str(&user_agent(env!("CARGO_PKG_VERSION")));
    headers.insert(USER_AGENT, agent.expect("a version has plain letters"));
    if let Some(credentials) = credentials {
        headers.insert(AUTHORIZATION, credentials);
    }
    let (plain, tls, no) = (&proxies.http, &proxies.https, &proxies.no);
    let proxy = ProxySettings::from_variables(plain.as_deref(), tls.as_deref(), no.as_deref());
    let settings = ClientSettings {
        tls: Some(TlsSettings::default()),
        proxy: proxy.map_err(|error| error.to_string())?,
        idle_per_host_max: 0,
        ..ClientSettings::default()
    };
    let client = match Client::new(&settings) {
        // A machine without roots can still speak plain text.
        Err(TlsError::NoRoots) if url.scheme_str() == Some("http") => {
            Client::new(&ClientSettings {
                tls: None,
                ..settings
            })
        }
        client => client,
    };
    let client = client.map_err(|error| error.to_string())?;
    let answer = client
        .get(&url, &headers, PAGE_BYTES_MAX)
        .await
        .map_err(|error| error.to_string())?;
    if answer.status != StatusCode::OK {
        return Err(format!("the server answered {}", answer.status));
    }
    String::from_utf8(answer.body.into()).map_err(|_| "it is not UTF-8 text".to_owned())
}

/// Takes `user:password@` out of a URL, and returns it as a header.
fn without_credentials(url: Uri) -> Result<(Uri, Option<HeaderValue>), String> {
    let authority = url.authority().map(Authority::as_str).unwrap_or_default();
    let Some((user, host)) = authority.rsplit_once('@') else {
        return Ok((url, None));
    };
    let header = format!("Basic {}", BASE64_STANDARD.encode(user));
    let mut header = HeaderValue::from_str(&header).map_err(|error| error.to_string())?;
    header.set_sensitive(true);
    let host = host.parse().map_err(|_| NOT_A_URL.to_owned())?;
    let mut parts = url.into_parts();
    parts.authority = Some(host);
    let url = Uri::from_parts(parts).map_err(|error| error.to_string())?;
    Ok((url, Some(header)))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread::JoinHandle,
    };

    use tapline_config::{Input, Secrets, load, print};

    use super::{Retrieve, Surroundings};

    /// Answers each connection with the next of the answers; returns the address and the requests.
    fn server(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("bound").to_string();
        let served = std::thread::spawn(move || {
            let serve = |answer: String| {
                let (mut stream, _) = listener.accept().expect("a connection");
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).expect("a request");
                stream.write_all(answer.as_bytes()).expect("an answer");
                String::from_utf8_lossy(&request[..read]).into_owned()
            };
            answers.into_iter().map(serve).collect()
        });
        (address, served)
    }

    fn answer(status: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
    }

    #[test]
    fn a_page_is_a_configuration() {
        let moved =
            "HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let page = answer("200 OK", "a: {b: 1}\n");
        let (address, served) = server(vec![moved.to_owned(), page.clone(), page]);
        let inputs = [
            Input::uri(format!("http://me:hidden@{address}/a")),
            Input::set(format!("c=${{http://{address}/c}}")),
        ];
        let document = load(&inputs, &Surroundings::look()).expect("it is there");
        let printed = print(&document, Secrets::Shown);
        assert_eq!(printed, "a:\n  b: 1\nc:\n  a:\n    b: 1\n");
        let requests = served.join().expect("all answered");
        assert!(
            requests[0].starts_with("GET /a HTTP/1.1\r\n"),
            "{}",
            requests[0]
        );
        assert!(
            requests[0].contains("authorization: Basic bWU6aGlkZGVu\r\n"),
            "{}",
            requests[0]
        );
        assert!(
            requests[1].starts_with("GET /b HTTP/1.1\r\n"),
            "{}",
            requests[1]
        );
    }

    #[test]
    fn anything_but_200_is_refused_without_credentials() {
        let (address, served) = server(vec![answer("404 Not Found", "a: 1")]);
        let inputs = [Input::uri(format!(
            "http://me:hidden@{address}/x?key=hidden"
        ))];
        let refused = load(&inputs, &Surroundings::look())
            .expect_err("404")
            .to_string();
        let expected =
            format!("error: cannot read http://{address}/x?…: the server answered 404 Not Found");
        assert_eq!(refused, expected);
        served.join().expect("answered");
    }

    #[test]
    fn a_page_that_is_too_large_is_refused() {
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("bound");
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let _request = stream.read(&mut [0; 4096]).expect("a request");
            stream.write_all(head.as_bytes()).expect("a head");
            let piece = vec![b'#'; 1 << 20];
            // It stops reading in the middle.
            (0..64)
                .take_while(|_| stream.write_all(&piece).is_ok())
                .count()
        });
        let refused = Surroundings::look().page(&format!("http://{address}/"));
        let refused = refused.expect_err("too large");
        assert!(
            refused.contains("the answer is larger than 8388608 bytes"),
            "{refused}"
        );
        assert!(served.join().expect("served") < 64);
    }

    #[test]
    fn says_why_there_is_no_page() {
        let said = |url: &str| Surroundings::look().page(url).expect_err(url);
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("bound");
        drop(listener);
        assert!(said(&format!("http://u:hidden@{address}/")).contains("refused"));
        for wrong in ["http:", "http:x.yaml", "http://", "http:///x"] {
            assert!(
                said(wrong).starts_with("this is not a URL"),
                "{wrong}: {}",
                said(wrong)
            );
        }
    }
}
