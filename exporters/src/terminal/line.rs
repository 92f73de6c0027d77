//! One event as one line of aligned columns. It must not know where the event came from.

use std::{fmt::Write, time::Duration};

use super::{
    measure,
    safe::{escaped, shortened},
};

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

/// How many characters of a trace id are enough to tell it from its neighbours.
const TRACE_ID_SHORT: usize = 8;
/// How many bytes of a trace id are shown, whatever its sender made of it.
const TRACE_ID_BYTES: usize = 16;
/// How much of a failure's name is shown; real ones are shorter.
const OUTCOME_CHARS_MAX: usize = 48;
const OUTCOME_WIDTH: usize = 3;
const DURATION_WIDTH: usize = 6;
const SIZE_WIDTH: usize = 6;
/// An IPv6 address in full with its port.
const PEER_CHARS_MAX: usize = 60;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    FailedConnect,
}

/// Who asked whom, seen from the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    In,
    Out,
    Inside,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Status(i64),
    Failure(String),
    Unknown,
}

impl Outcome {
    pub(super) fn is_error(&self) -> bool {
        match self {
            Self::Status(status) => *status >= 500,
            Self::Failure(_) => true,
            Self::Unknown => false,
        }
    }

    fn color(&self) -> &'static str {
        match self {
            _ if self.is_error() => RED,
            Self::Status(400..) => YELLOW,
            Self::Status(200..300) => GREEN,
            _ => "",
        }
    }
}

/// Everything a line shows. Texts are raw: the layout makes them safe.
#[derive(Clone, Debug)]
pub(super) struct Event<'a> {
    pub(super) kind: Kind,
    pub(super) time_ns: u64,
    pub(super) service: &'a str,
    pub(super) direction: Direction,
    pub(super) target: String,
    pub(super) outcome: Outcome,
    pub(super) duration: Option<Duration>,
    pub(super) sent_bytes: Option<u64>,
    pub(super) received_bytes: Option<u64>,
    pub(super) trace_id: &'a [u8],
    pub(super) peer: String,
}

/// How lines look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    color: bool,
    utc_offset_s: i64,
    service_width: usize,
    target_width: usize,
    trace_id_chars: usize,
}

impl Layout {
    pub(super) fn new(wide: bool, color: bool, utc_offset_s: i64) -> Self {
        let (service_width, target_width, trace_id_chars) = if wide {
            (24, 60, 2 * TRACE_ID_BYTES)
        } else {
            (12, 28, TRACE_ID_SHORT)
        };
        Self {
            color,
            utc_offset_s,
            service_width,
            target_width,
            trace_id_chars,
        }
    }

    /// Appends one line. Only the service, the target and the peer are ever shortened.
    pub(super) fn push_line(&self, out: &mut String, event: &Event<'_>) {
        let arrow = match event.direction {
            Direction::In => '←',
            Direction::Out => '→',
            Direction::Inside => '·',
        };
        let time = measure::time_of_day(event.time_ns, self.utc_offset_s);
        let (service_width, target_width) = (self.service_width, self.target_width);
        let service = shortened(&escaped(event.service), service_width);
        let target = shortened(&escaped(&event.target), target_width);
        let head = format!("{time}  {service:service_width$} {arrow} {target:target_width$}  ");
        let duration = event.duration.map(measure::duration).unwrap_or_default();
        let sizes = sizes(event);
        out.push_str(&head);
        self.push_colored(out, event.outcome.color(), &outcome(&event.outcome));
        // Writing to a string cannot fail.
        let _infallible = write!(out, "  {duration:>DURATION_WIDTH$}  {sizes}  ");
        self.push_colored(out, DIM, &self.trace_id(event.trace_id));
        let peer = shortened(&escaped(&event.peer), PEER_CHARS_MAX);
        let _infallible = write!(out, "  {peer}");
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }

    fn push_colored(&self, out: &mut String, color: &str, text: &str) {
        if self.color && !color.is_empty() && !text.trim().is_empty() {
            out.extend([color, text, RESET]);
        } else {
            out.push_str(text);
        }
    }

    fn trace_id(&self, id: &[u8]) -> String {
        let mut hex = String::with_capacity(2 * TRACE_ID_BYTES);
        for byte in id.iter().take(TRACE_ID_BYTES) {
            let _infallible = write!(hex, "{byte:02x}");
        }
        let mut shown: String = hex.chars().take(self.trace_id_chars).collect();
        if hex.len() > shown.len() {
            shown.push('…');
        }
        let width = self.trace_id_chars + usize::from(self.trace_id_chars == TRACE_ID_SHORT);
        format!("{shown:width$}")
    }
}

/// Shows how it ended, whole: this is the column that nobody may miss.
fn outcome(outcome: &Outcome) -> String {
    let text = match outcome {
        Outcome::Status(status) => status.to_string(),
        Outcome::Failure(failure) => shortened(&escaped(failure), OUTCOME_CHARS_MAX),
        Outcome::Unknown => "-".to_owned(),
    };
    format!("{text:OUTCOME_WIDTH$}")
}

fn sizes(event: &Event<'_>) -> String {
    if event.sent_bytes.is_none() && event.received_bytes.is_none() {
        return " ".repeat(2 * SIZE_WIDTH + 1);
    }
    let shown = |arrow: char, bytes: Option<u64>| {
        let text = bytes.map_or_else(|| "-".to_owned(), measure::size);
        format!("{arrow}{text}")
    };
    let (sent, received) = (
        shown('↑', event.sent_bytes),
        shown('↓', event.received_bytes),
    );
    format!("{sent:SIZE_WIDTH$} {received:SIZE_WIDTH$}")
}
