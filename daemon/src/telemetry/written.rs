//! A setting that is recognised only to say something about it.

use serde::{Deserialize, Deserializer, de::IgnoredAny};

/// Whether the user wrote a setting, whatever its value; an empty value counts as not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written(bool);

impl Written {
    /// Returns whether it was written.
    pub(crate) fn is_there(self) -> bool {
        self.0
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}
