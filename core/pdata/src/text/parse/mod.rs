//! Reads the compact form back: text in, text out is how processors are tested.
//!
//! What [`compact`](super::compact) shows comes back as it was; what it does not show is at its
//! default, so absolute times are zero and a span begins at zero. Text written by hand may be
//! indented as a whole, may have blank lines, and may leave out what follows a name. It must not
//! know where text comes from.

mod line;
mod log;
mod metric;
mod profile;
mod span;
mod value;

use crate::{
    Batch, Signal,
    number::{request, resource, resource_block, scope, scope_block},
    wire::write::{self as wire, Open},
};
use line::Line;
use profile::Tables;

/// Text that is not in the compact form, and where that shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: expected {expected}")]
pub struct TextError {
    /// The line, counted from one.
    pub line: usize,
    /// The byte of that line, counted from one.
    pub column: usize,
    /// What should stand there.
    pub expected: &'static str,
}

/// Reads text in the compact form.
pub fn parse(signal: Signal, text: &str) -> Result<Batch, TextError> {
    let mut parser = Parser {
        signal,
        out: Vec::new(),
        open: Vec::new(),
        items: 0,
        metric: metric::Kind::Empty,
        tables: Tables::default(),
    };
    let lines = text.lines().enumerate();
    let mut lines = lines.filter(|(_, line)| !line.trim().is_empty()).peekable();
    let indent = lines.peek().map_or(0, |(_, line)| indent_of(line));
    for (index, line) in lines {
        let level = indent_of(line).saturating_sub(indent) / 2;
        parser.line(level, &mut Line::new(index + 1, line))?;
    }
    Ok(parser.finish())
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// How many messages are open around the fields of a record.
const IN_RECORD: usize = 3;

struct Parser {
    signal: Signal,
    out: Vec<u8>,
    /// The messages that are not complete: a resource, a scope, a record and what is in it.
    open: Vec<Open>,
    items: u32,
    /// Which metric is open.
    metric: metric::Kind,
    /// The dictionary of profiles.
    tables: Tables,
}

impl Parser {
    fn line(&mut self, level: usize, line: &mut Line<'_>) -> Result<(), TextError> {
        match level {
            0 => self.resource(line)?,
            1 => self.scope(line)?,
            2 => self.record(line)?,
            _ => self.detail(line)?,
        }
        line.end()
    }

    fn finish(mut self) -> Batch {
        self.close_to(0);
        if self.signal == Signal::Profiles {
            return self.tables.finish(self.out, self.items);
        }
        Batch::written(self.signal, self.out.into(), self.items)
    }

    fn open(&mut self, number: u32) {
        self.open.push(wire::open(&mut self.out, number));
    }

    /// Completes messages until this many are open.
    fn close_to(&mut self, depth: usize) {
        if self.open.len() <= depth {
            return;
        }
        self.tables.end_stack();
        for open in self.open.drain(depth..).rev() {
            wire::close(&mut self.out, open);
        }
    }

    fn resource(&mut self, line: &mut Line<'_>) -> Result<(), TextError> {
        line.expect("resource", "a resource")?;
        self.close_to(0);
        self.open(request::RESOURCES);
        let open = wire::open(&mut self.out, resource_block::RESOURCE);
        value::attributes(line, &mut self.out, resource::ATTRIBUTES)?;
        wire::close(&mut self.out, open);
        Ok(())
    }

    fn scope(&mut self, line: &mut Line<'_>) -> Result<(), TextError> {
        if self.open.is_empty() || !line.eat("scope") {
            return Err(line.fail("a scope in a resource"));
        }
        self.close_to(1);
        self.open(resource_block::SCOPES);
        let open = wire::open(&mut self.out, scope_block::SCOPE);
        let (mut name, mut version) = (None, None);
        if line.eat("@") {
            version = Some(line.word("a version")?);
        } else if !line.is_done() {
            // A name, unless it is the key of an attribute.
            let before = line.clone();
            name = Some(line.word("a name")?);
            if line.eat_here("@") {
                version = Some(line.word("a version")?);
            } else if line.eat_here("=") {
                *line = before;
                name = None;
            }
        }
        for (number, text) in [(scope::NAME, name), (scope::VERSION, version)] {
            wire::bytes_unless_empty(&mut self.out, number, text.unwrap_or_default().as_bytes());
        }
        value::attributes(line, &mut self.out, scope::ATTRIBUTES)?;
        wire::close(&mut self.out, open);
        Ok(())
    }

    fn record(&mut self, line: &mut Line<'_>) -> Result<(), TextError> {
        if self.open.len() < 2 {
            return Err(line.fail("a resource and a scope around it"));
        }
        self.close_to(2);
        self.open(scope_block::RECORDS);
        match self.signal {
            Signal::Traces => self.span(line),
            Signal::Metrics => self.metric(line),
            Signal::Logs => self.log(line),
            Signal::Profiles => self.profile(line),
        }
    }

    fn detail(&mut self, line: &mut Line<'_>) -> Result<(), TextError> {
        if self.open.len() < IN_RECORD {
            return Err(line.fail("a record around it"));
        }
        match self.signal {
            Signal::Traces => self.of_span(line),
            Signal::Metrics => self.point(line),
            Signal::Logs => self.of_log(line),
            Signal::Profiles => self.of_profile(line),
        }
    }
}
