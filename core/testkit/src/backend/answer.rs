//! What the fake backend answers. It must not know what was asked.

use std::time::Duration;

/// One scripted answer. The default accepts.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub(super) delay: Duration,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Debug, Default)]
pub(super) enum Outcome {
    #[default]
    Accept,
    Partial {
        rejected: i64,
        message: String,
    },
    Http {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    Grpc {
        code: i32,
        message: String,
        retry_after: Option<Duration>,
    },
    HangUp,
    Reset(u32),
    Cut,
}

impl Answer {
    /// Takes everything.
    pub fn accept() -> Self {
        Self::default()
    }

    /// Takes the request but says that `rejected` items of it were not stored.
    pub fn partial(rejected: i64, message: &str) -> Self {
        Outcome::Partial {
            rejected,
            message: message.to_owned(),
        }
        .into()
    }

    /// Answers HTTP requests with a status. A gRPC client sees a response that is not gRPC.
    pub fn http(status: u16) -> Self {
        Outcome::Http {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
        .into()
    }

    /// Answers gRPC requests with a status code. An HTTP client sees an empty 200.
    pub fn grpc(code: i32, message: &str) -> Self {
        Outcome::Grpc {
            code,
            message: message.to_owned(),
            retry_after: None,
        }
        .into()
    }

    /// Closes the connection without an answer.
    pub fn hang_up() -> Self {
        Outcome::HangUp.into()
    }

    /// Ends the stream of an HTTP/2 request with `RST_STREAM`, this error code, and nothing else.
    /// Over HTTP/1.1 it is a hang-up.
    pub fn reset(error_code: u32) -> Self {
        Outcome::Reset(error_code).into()
    }

    /// Begins an answer of success and breaks off within its body.
    pub fn cut() -> Self {
        Outcome::Cut.into()
    }

    /// Adds a response header to an HTTP answer.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let Outcome::Http { headers, .. } = &mut self.outcome else {
            panic!("only HTTP answers have headers");
        };
        headers.push((name, value.to_owned()));
        self
    }

    /// Sets the body of an HTTP answer.
    #[must_use]
    pub fn body(mut self, bytes: &[u8]) -> Self {
        let Outcome::Http { body, .. } = &mut self.outcome else {
            panic!("only HTTP answers have a body");
        };
        *body = bytes.to_vec();
        self
    }

    /// Attaches `google.rpc.RetryInfo` to a gRPC answer.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        let Outcome::Grpc { retry_after, .. } = &mut self.outcome else {
            panic!("only gRPC answers have RetryInfo; HTTP has the header retry-after");
        };
        *retry_after = Some(delay);
        self
    }

    /// Answers only after a delay.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Returns whether the request counts as taken.
    pub(super) fn accepts(&self) -> bool {
        matches!(self.outcome, Outcome::Accept | Outcome::Partial { .. })
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        Self {
            delay: Duration::ZERO,
            outcome,
        }
    }
}
