//! Why a machine cannot be tapped, in words for whoever has to change that.

use std::fmt;

/// One thing that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What the tap needs.
    pub needs: String,
    /// What was found instead.
    pub found: String,
    /// What to do about it.
    pub remedy: String,
}

/// The machine cannot be tapped; every reason at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Unavailable(pub Vec<Finding>);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this machine cannot be tapped")?;
        for finding in &self.0 {
            let Finding {
                needs,
                found,
                remedy,
            } = finding;
            write!(f, "\n  needs {needs}\n  found {found}\n  do    {remedy}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_every_reason_at_once() {
        let one = Finding {
            needs: "a".to_owned(),
            found: "b".to_owned(),
            remedy: "c".to_owned(),
        };
        let other = Finding {
            needs: "d".to_owned(),
            ..one.clone()
        };
        let text = Unavailable(vec![one, other]).to_string();
        assert!(
            text.contains("needs a") && text.contains("needs d"),
            "{text}"
        );
    }
}
