//! The environment as it was when the daemon looked. This crate never looks itself.

use std::collections::BTreeMap;

use crate::Retrieve;

/// A snapshot of environment variables for `${env:NAME}`.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Returns the value of a variable; `None` when it is unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(variables: T) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

/// Gives variables only: for texts that refer to nothing else.
impl Retrieve for Environment {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    fn file(&self, _path: &str) -> Result<String, String> {
        Err("files are out of reach here".to_owned())
    }

    fn page(&self, _url: &str) -> Result<String, String> {
        Err("the network is out of reach here".to_owned())
    }
}
