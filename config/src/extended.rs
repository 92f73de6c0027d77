//! Two blocks of settings written as one map: a shared block and what a component adds to it.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, DeserializeOwned},
};

use crate::{Invalid, Validate};

/// The name under which an extended block asks the decoder for both of its parts.
pub(crate) const EXTENDED: &str = "$tapline::Extended";

/// A block whose keys are those of `base` and of `extra`; a key of neither is a mistake.
///
/// Both parts must be structs. Where both have a key, both get its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Extended<B, E> {
    /// The shared block.
    #[serde(flatten)]
    pub base: B,
    /// What is added.
    #[serde(flatten)]
    pub extra: E,
}

impl<B: Validate, E: Validate> Validate for Extended<B, E> {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = self.base.validate();
        invalid.extend(self.extra.validate());
        invalid
    }

    fn warnings(&self) -> Vec<Invalid> {
        let mut warnings = self.base.warnings();
        warnings.extend(self.extra.warnings());
        warnings
    }
}

impl<'de, B: DeserializeOwned, E: DeserializeOwned> Deserialize<'de> for Extended<B, E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple_struct(EXTENDED, 2, Visitor(PhantomData))
    }
}

struct Visitor<B, E>(PhantomData<(B, E)>);

impl<'de, B: DeserializeOwned, E: DeserializeOwned> de::Visitor<'de> for Visitor<B, E> {
    type Value = Extended<B, E>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of settings")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let missing = || de::Error::custom("an extended block is read by tapline's decoder only");
        let base = parts.next_element()?.ok_or_else(missing)?;
        let extra = parts.next_element()?.ok_or_else(missing)?;
        Ok(Extended { base, extra })
    }
}
