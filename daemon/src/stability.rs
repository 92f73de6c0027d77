//! How settled a component is, signal by signal, in the Collector's words.

use tapline_pdata::Signal;

/// How far something may be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// It works; settings may still change.
    Alpha,
    /// It works, and its settings will not change without notice.
    Beta,
}

impl Level {
    /// Returns the Collector's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Alpha => "Alpha",
            Self::Beta => "Beta",
        }
    }
}

/// What a component takes part in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stability {
    /// It carries these signals and no others.
    Signals(&'static [(Signal, Level)]),
    /// It is a connector, from a signal to another.
    Routes(&'static [(Signal, Signal, Level)]),
    /// It carries none: an extension.
    Whole(Level),
}

impl Stability {
    /// Returns how settled the component is for a signal; `None` if it does not carry it.
    pub(crate) fn of(self, signal: Signal) -> Option<Level> {
        let Self::Signals(signals) = self else {
            return None;
        };
        let mut found = signals.iter().filter(|(its, _)| *its == signal);
        found.next().map(|(_, level)| *level)
    }
}

/// What moves whatever OTLP can carry. Profiles are young everywhere.
pub(crate) const EVERY_SIGNAL: Stability = Stability::Signals(&[
    (Signal::Traces, Level::Beta),
    (Signal::Metrics, Level::Beta),
    (Signal::Logs, Level::Beta),
    (Signal::Profiles, Level::Alpha),
]);

/// What shows requests to a person, and takes whatever comes with them.
pub(crate) const SHOWN: Stability = Stability::Signals(&[
    (Signal::Traces, Level::Alpha),
    (Signal::Metrics, Level::Alpha),
    (Signal::Logs, Level::Alpha),
    (Signal::Profiles, Level::Alpha),
]);

/// What taps the kernel.
pub(crate) const TAPPED: Stability = Stability::Signals(&[
    (Signal::Traces, Level::Alpha),
    (Signal::Metrics, Level::Alpha),
    (Signal::Logs, Level::Alpha),
]);

/// What ends a pipeline and begins another of its signal.
pub(crate) const FORWARDED: Stability = Stability::Routes(&[
    (Signal::Logs, Signal::Logs, Level::Beta),
    (Signal::Metrics, Signal::Metrics, Level::Beta),
    (Signal::Profiles, Signal::Profiles, Level::Alpha),
    (Signal::Traces, Signal::Traces, Level::Beta),
]);
