//! What is wrong, said to a person as text or to the log line by line.

use std::io::{Write, stderr};

use tapline_config::{Problems, Severity};
use tracing::{error, warn};

/// Returns an error as text. Problems with the configuration carry their own heading; anything else
/// gets one.
pub(crate) fn shown(error: &anyhow::Error) -> String {
    if error.is::<Problems>() {
        error.to_string()
    } else {
        format!("error: {error:#}")
    }
}

/// Writes a line to standard error. When nobody reads it, as `head` does once it has seen enough,
/// nothing is left to be done: `eprintln` would panic.
pub(crate) fn tell(text: impl std::fmt::Display) {
    let _ = writeln!(stderr(), "{text}");
}

/// Logs the error that ends the process.
pub(crate) fn log(error: &anyhow::Error) {
    if let Some(problems) = error.downcast_ref::<Problems>() {
        log_problems(problems);
    } else {
        error!(error = format!("{error:#}"), "tapline cannot run");
    }
}

/// Logs problems with the configuration, each with its place. What is wrong is the message, not a
/// field: repetitions of one message are left out.
pub(crate) fn log_problems(problems: &Problems) {
    for problem in problems {
        let at = problem.place.as_ref().map(ToString::to_string);
        let hint = problem.label.as_deref();
        match problem.severity {
            Severity::Error => error!(at, hint, "{}", problem.message),
            Severity::Warning => warn!(at, hint, "{}", problem.message),
        }
    }
}
