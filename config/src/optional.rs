//! Blocks that may be absent, empty, filled or switched off.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeOwned},
};

/// The name under which an optional block asks the decoder for `(enabled, block)`.
pub(crate) const OPTIONAL: &str = "$tapline::Optional";

/// A block that does nothing unless it is written, and accepts an extra `enabled`.
///
/// Absent means what the enclosing struct's `Default` says. `block:` and `block: {}` switch it on
/// with the defaults of `T`; `enabled: false` switches it off, whatever else it says. Where the
/// Collector leaves `block:` off, add `#[serde(deserialize_with = "off_when_null")]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Optional<T> {
    /// Not in use.
    #[default]
    Off,
    /// In use with these settings.
    On(T),
}

impl<T> Optional<T> {
    /// Returns the settings, if the block is in use.
    pub fn as_ref(&self) -> Option<&T> {
        if let Self::On(block) = self {
            Some(block)
        } else {
            None
        }
    }

    /// Returns the settings by value, if the block is in use.
    pub fn into_option(self) -> Option<T> {
        if let Self::On(block) = self {
            Some(block)
        } else {
            None
        }
    }

    /// Returns whether the block is in use.
    pub fn is_on(&self) -> bool {
        matches!(self, Self::On(_))
    }
}

impl<T: Serialize> Serialize for Optional<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned + Default> Deserialize<'de> for Optional<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let null = || Optional::On(T::default());
        deserializer.deserialize_tuple_struct(
            OPTIONAL,
            2,
            Visitor {
                null,
                block: PhantomData,
            },
        )
    }
}

/// Reads an optional block that an empty value leaves off, such as the `tls` of a server.
pub fn off_when_null<'de, D, T>(deserializer: D) -> Result<Optional<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let null = || Optional::Off;
    deserializer.deserialize_tuple_struct(
        OPTIONAL,
        2,
        Visitor {
            null,
            block: PhantomData,
        },
    )
}

struct Visitor<T, N> {
    null: N,
    block: PhantomData<T>,
}

impl<'de, T: DeserializeOwned, N: FnOnce() -> Optional<T>> de::Visitor<'de> for Visitor<T, N> {
    type Value = Optional<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of settings")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Optional<T>, E> {
        Ok((self.null)())
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut pair: A) -> Result<Optional<T>, A::Error> {
        let missing = || de::Error::custom("an optional block is read by tapline's decoder only");
        let enabled: bool = pair.next_element()?.ok_or_else(missing)?;
        // What is switched off is still read, so that its mistakes show before it is switched on.
        let block: T = pair.next_element()?.ok_or_else(missing)?;
        Ok(if enabled {
            Optional::On(block)
        } else {
            Optional::Off
        })
    }
}
