//! Spans, their events and links.

use super::{IN_RECORD, Parser, TextError, line::Line, value};
use crate::{
    number::{event, link, span, status},
    wire::write as wire,
};

const KINDS: [&str; 6] = [
    "unspecified",
    "internal",
    "server",
    "client",
    "producer",
    "consumer",
];

impl Parser {
    pub(super) fn span(&mut self, line: &mut Line<'_>) -> Result<(), TextError> {
        self.items += 1;
        line.expect("span", "a span")?;
        let kind = KINDS.iter().position(|kind| line.eat_word(kind));
        let kind = kind.ok_or_else(|| line.fail("the kind of a span"))?;
        let out = &mut self.out;
        wire::uint_unless_zero(out, span::KIND, kind as u64);
        let name = line.quoted("the name of a span")?;
        wire::bytes_unless_empty(out, span::NAME, name.as_bytes());
        let mut status = None;
        while !line.is_done() {
            if line.eat("trace=") {
                wire::bytes_unless_empty(out, span::TRACE_ID, &line.id()?);
            } else if line.eat("id=") {
                wire::bytes_unless_empty(out, span::SPAN_ID, &line.id()?);
            } else if line.eat("parent=") {
                wire::bytes_unless_empty(out, span::PARENT_SPAN_ID, &line.id()?);
            } else if line.eat("flags=0x") {
                let before = line.clone();
                let flags = u32::from_str_radix(line.token(), 16);
                let flags = flags.map_err(|_| before.fail("flags in hex"))?;
                wire::fixed32_unless_zero(out, span::FLAGS, flags);
            } else if line.eat("state=") {
                let state = line.quoted("a trace state")?;
                wire::bytes_unless_empty(out, span::TRACE_STATE, state.as_bytes());
            } else if line.eat_word("ok") {
                status = Some((1, String::new()));
            } else if line.eat("error=") {
                status = Some((2, line.quoted("a message")?));
            } else if line.eat("status=") {
                status = Some((line.number("a status")?, String::new()));
            } else {
                wire::fixed64_unless_zero(out, span::END, line.duration()?);
            }
        }
        if let Some((code, message)) = status {
            put_status(out, code, &message);
        }
        Ok(())
    }

    /// Reads a line below a span.
    pub(super) fn of_span(&mut self, line: &mut Line<'_>) -> Result<(), TextError> {
        self.close_to(IN_RECORD);
        let out = &mut self.out;
        if line.eat("event ") {
            let open = wire::open(out, span::EVENTS);
            let name = line.quoted("the name of an event")?;
            wire::bytes_unless_empty(out, event::NAME, name.as_bytes());
            if line.eat("+") {
                wire::fixed64_unless_zero(out, event::TIME, line.duration()?);
            }
            value::attributes(line, out, event::ATTRIBUTES)?;
            wire::close(out, open);
        } else if line.eat("link ") {
            let open = wire::open(out, span::LINKS);
            line.expect("trace=", "the trace of a link")?;
            wire::bytes_unless_empty(out, link::TRACE_ID, &line.id()?);
            line.expect("id=", "the span of a link")?;
            wire::bytes_unless_empty(out, link::SPAN_ID, &line.id()?);
            value::attributes(line, out, link::ATTRIBUTES)?;
            wire::close(out, open);
        } else {
            value::attributes(line, out, span::ATTRIBUTES)?;
        }
        Ok(())
    }
}

fn put_status(out: &mut Vec<u8>, code: i32, message: &str) {
    let open = wire::open(out, span::STATUS);
    wire::bytes_unless_empty(out, status::MESSAGE, message.as_bytes());
    wire::uint(out, status::CODE, i64::from(code).cast_unsigned());
    wire::close(out, open);
}
