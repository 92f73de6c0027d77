//! Partial success: the backend took the request and threw some of its items away.
//!
//! It counts as success and must not be retried, so a log line is all that is left of it. A backend
//! that does this does it to every request, hence one line per while.

use std::{sync::Mutex, time::Duration};

use serde_json::Value;
use tapline_net::protobuf::Message;
use tapline_pdata::Signal;
use tapline_pipeline::BuildContext;
use tokio::time::Instant;
use tracing::warn;

/// How long answers are summed up before the next line.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// How much of the backend's message is shown.
const MESSAGE_CHARS_MAX: usize = 500;

/// Notices partial successes in the answers to one exporter.
#[derive(Debug, Default)]
pub(crate) struct PartialSuccesses {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_line: Option<Instant>,
    responses: u64,
    rejected: i64,
}

/// What the next line says.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    message: String,
    responses: u64,
    rejected: i64,
}

/// What one response says; what is malformed says nothing.
#[derive(Debug, Default)]
struct Partial {
    rejected: i64,
    message: String,
}

impl Partial {
    fn from_protobuf(response: &[u8]) -> Self {
        // All four responses have the same field numbers.
        let partial = Message::new(response).message(1);
        Self {
            rejected: partial.int(1).max(0),
            message: partial.text(2),
        }
    }

    fn from_json(response: &[u8]) -> Self {
        let response: Value = serde_json::from_slice(response).unwrap_or_default();
        let Some(partial) = response["partialSuccess"].as_object() else {
            return Self::default();
        };
        let count = partial.iter().find(|(key, _)| key.starts_with("rejected"));
        let count = count.and_then(|(_, count)| match count {
            Value::String(digits) => digits.parse().ok(),
            number => number.as_i64(),
        });
        let message = partial.get("errorMessage").and_then(Value::as_str);
        Self {
            rejected: count.unwrap_or(0_i64).max(0),
            message: message.unwrap_or_default().to_owned(),
        }
    }
}

impl PartialSuccesses {
    /// Looks at an `Export*ServiceResponse` and warns if items were rejected.
    pub(crate) fn look_at(&self, response: &[u8], cx: &BuildContext) {
        say(
            self.note(Partial::from_protobuf(response), Instant::now()),
            cx,
        );
    }

    /// Looks at such a response in JSON.
    pub(crate) fn look_at_json(&self, response: &[u8], cx: &BuildContext) {
        say(self.note(Partial::from_json(response), Instant::now()), cx);
    }

    /// Adds one response up; returns what to say now, if anything.
    fn note(&self, partial: Partial, now: Instant) -> Option<Line> {
        let Partial { rejected, message } = partial;
        if rejected == 0 && message.is_empty() {
            return None;
        }
        let mut state = self.state.lock().expect("nobody panics while holding it");
        state.responses += 1;
        state.rejected = state.rejected.saturating_add(rejected);
        if state
            .last_line
            .is_some_and(|last| now.duration_since(last) < LINE_EVERY)
        {
            return None;
        }
        let line = Line {
            message: message.chars().take(MESSAGE_CHARS_MAX).collect(),
            responses: state.responses,
            rejected: state.rejected,
        };
        *state = State {
            last_line: Some(now),
            ..State::default()
        };
        Some(line)
    }
}

/// Says one line.
fn say(line: Option<Line>, cx: &BuildContext) {
    let Some(Line {
        message,
        responses,
        rejected,
    }) = line
    else {
        return;
    };
    let exporter = tracing::field::display(&cx.id);
    let text = "partial success response";
    match cx.signal {
        Signal::Traces => {
            warn!(
                exporter,
                message,
                responses,
                dropped_spans = rejected,
                "{text}"
            );
        }
        Signal::Metrics => {
            warn!(
                exporter,
                message,
                responses,
                dropped_data_points = rejected,
                "{text}"
            );
        }
        Signal::Logs => {
            warn!(
                exporter,
                message,
                responses,
                dropped_log_records = rejected,
                "{text}"
            );
        }
        Signal::Profiles => {
            warn!(
                exporter,
                message,
                responses,
                dropped_profile_samples = rejected,
                "{text}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{LINE_EVERY, Line, Partial, PartialSuccesses};

    fn line(responses: u64, rejected: i64) -> Line {
        Line {
            message: "old".to_owned(),
            responses,
            rejected,
        }
    }

    #[test]
    fn sums_up_between_lines() {
        let noticed = PartialSuccesses::default();
        let response = || Partial::from_protobuf(b"\x0a\x07\x08\x02\x12\x03old");
        let start = Instant::now();
        assert_eq!(noticed.note(response(), start), Some(line(1, 2)));
        assert_eq!(noticed.note(response(), start), None);
        assert_eq!(
            noticed.note(response(), start + LINE_EVERY),
            Some(line(2, 4))
        );
    }

    #[test]
    fn full_success_and_garbage_say_nothing() {
        let noticed = PartialSuccesses::default();
        for response in [&b""[..], b"\x0a\x00", b"\xff\xff", b"<html>"] {
            for partial in [
                Partial::from_protobuf(response),
                Partial::from_json(response),
            ] {
                assert_eq!(noticed.note(partial, Instant::now()), None, "{response:?}");
            }
        }
        // A message without a count is a warning that nothing was lost.
        assert_eq!(
            noticed.note(
                Partial::from_protobuf(b"\x0a\x05\x12\x03old"),
                Instant::now()
            ),
            Some(line(1, 0))
        );
    }

    #[test]
    fn reads_json_with_the_count_as_text_or_number() {
        for count in ["\"2\"", "2"] {
            let text = format!(
                "{{\"partialSuccess\":{{\"rejectedLogRecords\":{count},\"errorMessage\":\"old\"}}}}"
            );
            let partial = Partial::from_json(text.as_bytes());
            assert_eq!((partial.rejected, partial.message.as_str()), (2, "old"));
        }
    }
}
