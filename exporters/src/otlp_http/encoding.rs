//! How messages are written.

use super::Config;

/// A form of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Proto,
    Json,
}

impl Encoding {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Proto => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

impl Config {
    /// Returns the form that was asked for. Validation knows no other words.
    pub(super) fn encoding(&self) -> Encoding {
        if self.encoding == "json" {
            Encoding::Json
        } else {
            Encoding::Proto
        }
    }
}
