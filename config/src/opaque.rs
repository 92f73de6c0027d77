//! A text that must not be shown: passwords, tokens, header values.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::secret::REDACTED;

/// A secret text; printing, logging or serializing it gives `[REDACTED]`.
#[derive(Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct Opaque(String);

impl Opaque {
    /// Returns the secret itself; the one way out.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns whether there is no secret.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Opaque {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Opaque {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Opaque {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::Opaque;

    #[test]
    fn shows_itself_to_nobody() {
        let secret = Opaque::from("hunter2");
        let shown = format!("{secret} {secret:?} {}", serde_json::json!(secret));
        assert_eq!(shown, "[REDACTED] [REDACTED] \"[REDACTED]\"");
        assert_eq!(secret.reveal(), "hunter2");
    }
}
