//! Why a batch was not taken, whose fault it was, and what the sender should do.

use std::{fmt, time::Duration};

/// What the sender should do with a refused batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Sending it again cannot help.
    Never,
    /// It may be taken later, not before `after` when that is known.
    Later {
        /// The delay the refusing side asked for.
        after: Option<Duration>,
    },
    /// A bound was reached: the sender should slow down and try again.
    Full,
}

impl Verdict {
    /// Returns the verdict that suits both: any retry beats none, the longest wait wins.
    fn or_more_patient(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, verdict) | (verdict, Self::Never) => verdict,
            (Self::Later { after }, Self::Later { after: longer }) => Self::Later {
                after: after.max(longer),
            },
            (Self::Later { after: Some(after) }, _) | (_, Self::Later { after: Some(after) }) => {
                Self::Later { after: Some(after) }
            }
            _ => Self::Full,
        }
    }
}

/// Whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The data was bad.
    Sender,
    /// The backend could not take it.
    Backend,
    /// We could not.
    Tapline,
}

/// The kind of a failure that has no better name.
pub const OTHER_KIND: &str = "_OTHER";

/// A batch that was not taken.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What to do with the batch.
    pub verdict: Verdict,
    /// Whose fault it was.
    pub fault: Fault,
    /// What happened, lower case, naming the thing: `connection refused by localhost:4318`.
    pub cause: String,
    /// What the metrics call it, one of few: the name of a gRPC code, or [`OTHER_KIND`].
    pub kind: &'static str,
}

impl Refusal {
    /// Makes a refusal that retrying cannot help.
    pub fn never(fault: Fault, cause: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Never,
            fault,
            cause: cause.into(),
            kind: OTHER_KIND,
        }
    }

    /// Makes a refusal worth retrying.
    pub fn later(fault: Fault, cause: impl Into<String>, after: Option<Duration>) -> Self {
        Self {
            verdict: Verdict::Later { after },
            fault,
            cause: cause.into(),
            kind: OTHER_KIND,
        }
    }

    /// Makes a refusal because one of our own bounds was reached.
    pub fn full(cause: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Full,
            fault: Fault::Tapline,
            cause: cause.into(),
            kind: OTHER_KIND,
        }
    }

    /// Says what the metrics call it. Kinds are bounded: never a text of somebody else's.
    #[must_use]
    pub fn with_kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    /// Joins the refusals of several targets into one answer, if there are any.
    ///
    /// It is retryable if any is: the target that would take the batch later must get it again.
    pub fn merged(refusals: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut refusals = refusals.into_iter();
        let first = refusals.next()?;
        Some(refusals.fold(first, |merged, next| {
            let (fault, kind) = if merged.is_retryable() {
                (merged.fault, merged.kind)
            } else {
                (next.fault, next.kind)
            };
            let verdict = merged.verdict.or_more_patient(next.verdict);
            Self {
                verdict,
                fault,
                cause: format!("{merged}; {next}"),
                kind,
            }
        }))
    }

    /// Returns whether sending the same batch again may succeed.
    pub fn is_retryable(&self) -> bool {
        self.verdict != Verdict::Never
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(verdicts: &[Verdict]) -> Option<Verdict> {
        let refusal = |verdict| Refusal {
            verdict,
            fault: Fault::Backend,
            cause: String::new(),
            kind: OTHER_KIND,
        };
        Refusal::merged(verdicts.iter().copied().map(refusal)).map(|merged| merged.verdict)
    }

    #[test]
    fn merges_to_the_most_patient_verdict() {
        let later = |secs| Verdict::Later {
            after: Some(Duration::from_secs(secs)),
        };
        let soon = Verdict::Later { after: None };
        assert_eq!(merged(&[]), None);
        assert_eq!(
            merged(&[Verdict::Never, Verdict::Never]),
            Some(Verdict::Never)
        );
        assert_eq!(merged(&[Verdict::Never, soon]), Some(soon));
        assert_eq!(
            merged(&[Verdict::Full, Verdict::Never]),
            Some(Verdict::Full)
        );
        assert_eq!(merged(&[later(1), later(3), soon]), Some(later(3)));
        assert_eq!(merged(&[Verdict::Full, later(2)]), Some(later(2)));
        assert_eq!(merged(&[soon, Verdict::Full]), Some(Verdict::Full));
    }

    #[test]
    fn blames_whoever_made_it_retryable() {
        let never = Refusal::never(Fault::Sender, "bad span");
        let later = Refusal::later(Fault::Backend, "connection refused", None);
        let merged = Refusal::merged([never, later]).expect("two refusals");
        assert_eq!(merged.fault, Fault::Backend);
        assert_eq!(merged.cause, "bad span; connection refused");
    }
}
