//! Log records.

use super::{IN_RECORD, Parser, TextError, line::Line, value};
use crate::{number::log, wire::write as wire};

impl Parser {
    pub(super) fn log(&mut self, line: &mut Line<'_>) -> Result<(), TextError> {
        self.items += 1;
        line.expect("log", "a log record")?;
        let out = &mut self.out;
        let mut has_body = false;
        while !line.is_done() {
            if line.eat("severity=") {
                let severity: i32 = line.number("a severity")?;
                let severity = i64::from(severity).cast_unsigned();
                wire::uint_unless_zero(out, log::SEVERITY_NUMBER, severity);
            } else if line.eat("text=") {
                let text = line.quoted("the text of a severity")?;
                wire::bytes_unless_empty(out, log::SEVERITY_TEXT, text.as_bytes());
            } else if line.eat("event=") {
                let name = line.quoted("the name of an event")?;
                wire::bytes_unless_empty(out, log::EVENT_NAME, name.as_bytes());
            } else if line.eat("trace=") {
                wire::bytes_unless_empty(out, log::TRACE_ID, &line.id()?);
            } else if line.eat("span=") {
                wire::bytes_unless_empty(out, log::SPAN_ID, &line.id()?);
            } else if has_body {
                return Err(line.fail("severity, text, event, trace or span"));
            } else {
                has_body = true;
                line.expect("body=", "severity, text, event, body, trace or span")?;
                value::field(line, out, log::BODY, 1)?;
            }
        }
        Ok(())
    }

    /// Reads a line below a log record.
    pub(super) fn of_log(&mut self, line: &mut Line<'_>) -> Result<(), TextError> {
        self.close_to(IN_RECORD);
        value::attributes(line, &mut self.out, log::ATTRIBUTES)
    }
}
