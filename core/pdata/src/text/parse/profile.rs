//! Profiles, their samples and frames, and the dictionary that they end up in.

use super::{IN_RECORD, Parser, TextError, line::Line, value};
use crate::{
    Batch, Signal,
    number::{
        dictionary, function, line as line_number, location, mapping, profile, profile_link,
        request, sample, stack, unit_value, value_type,
    },
    profile::{Merger, Source},
    view::TABLES,
    wire::write as wire,
};

/// A dictionary in which nothing is looked for: equal things are made one at the end.
#[derive(Default)]
pub(super) struct Tables {
    fields: Vec<u8>,
    /// How many entries each table has, but for the empty one at its beginning.
    counts: [u32; TABLES],
    /// The packed locations of the stack that is being read.
    stack: Option<Vec<u8>>,
}

impl Tables {
    fn add(&mut self, table: u32, body: &[u8]) -> u64 {
        wire::bytes(&mut self.fields, table, body);
        let count = &mut self.counts[table as usize - 1];
        *count += 1;
        u64::from(*count)
    }

    fn string(&mut self, text: &str) -> u64 {
        if text.is_empty() {
            return 0;
        }
        self.add(dictionary::STRINGS, text.as_bytes())
    }

    /// Appends an index of a string, which may be that of the empty one.
    fn put_string(&mut self, out: &mut Vec<u8>, number: u32, text: &str) {
        let index = self.string(text);
        wire::uint_unless_zero(out, number, index);
    }

    /// Completes the stack that is being read.
    pub(super) fn end_stack(&mut self) {
        if let Some(packed) = self.stack.take() {
            let mut body = Vec::new();
            wire::bytes_unless_empty(&mut body, stack::LOCATIONS, &packed);
            self.add(dictionary::STACKS, &body);
        }
    }

    /// Adds the dictionary to the fields of a request.
    pub(super) fn finish(self, mut out: Vec<u8>, items: u32) -> Batch {
        let open = wire::open(&mut out, request::DICTIONARY);
        for table in 1..=TABLES as u32 {
            wire::bytes(&mut out, table, b"");
        }
        out.extend_from_slice(&self.fields);
        wire::close(&mut out, open);
        let naive = Batch::written(Signal::Profiles, out.into(), items);
        let mut merger = Merger::default();
        merger.add(&mut Source::new(&naive), &naive);
        merger.finish(&naive)
    }
}

impl Parser {
    pub(super) fn profile(&mut self, line: &mut Line<'_>) -> Result<(), TextError> {
        line.expect("profile", "a profile")?;
        self.value_type(line, profile::SAMPLE_TYPE)?;
        let mut has_period = false;
        while !line.is_done() {
            if !has_period && line.eat("period=") {
                has_period = true;
                let period: i64 = line.number("a period")?;
                wire::uint_unless_zero(&mut self.out, profile::PERIOD, period.cast_unsigned());
                self.value_type(line, profile::PERIOD_TYPE)?;
            } else if line.eat("id=") {
                wire::bytes_unless_empty(&mut self.out, profile::ID, &line.id()?);
            } else {
                let took = line.duration()?;
                wire::uint_unless_zero(&mut self.out, profile::DURATION, took);
            }
        }
        Ok(())
    }

    fn value_type(&mut self, line: &mut Line<'_>, number: u32) -> Result<(), TextError> {
        let open = wire::open(&mut self.out, number);
        for number in [value_type::KIND, value_type::UNIT] {
            let text = line.quoted("a type and a unit")?;
            self.tables.put_string(&mut self.out, number, &text);
        }
        wire::close(&mut self.out, open);
        Ok(())
    }

    /// Reads a line below a profile.
    pub(super) fn of_profile(&mut self, line: &mut Line<'_>) -> Result<(), TextError> {
        if line.eat("frame ") {
            return self.frame(line);
        }
        self.close_to(IN_RECORD);
        if line.eat_word("sample") {
            return self.sample(line);
        }
        self.attributes(line, profile::ATTRIBUTES)
    }

    fn sample(&mut self, line: &mut Line<'_>) -> Result<(), TextError> {
        self.items += 1;
        self.open(profile::SAMPLES);
        let mut values = Vec::new();
        while !line.is_done() && !line.eat("|") {
            if line.eat("trace=") {
                let mut link = Vec::new();
                wire::bytes_unless_empty(&mut link, profile_link::TRACE_ID, &line.id()?);
                line.expect("span=", "the span of a sample")?;
                wire::bytes_unless_empty(&mut link, profile_link::SPAN_ID, &line.id()?);
                let link = self.tables.add(dictionary::LINKS, &link);
                wire::uint(&mut self.out, sample::LINK, link);
            } else {
                let value: i64 = line.number("a value, a trace or |")?;
                wire::varint(&mut values, value.cast_unsigned());
            }
        }
        wire::bytes_unless_empty(&mut self.out, sample::VALUES, &values);
        self.attributes(line, sample::ATTRIBUTES)?;
        // Its frames follow, and make the next stack.
        self.tables.stack = Some(Vec::new());
        let next = self.tables.counts[dictionary::STACKS as usize - 1] + 1;
        wire::uint(&mut self.out, sample::STACK, u64::from(next));
        Ok(())
    }

    /// Reads attributes into the dictionary, and their indexes into the field of this number.
    fn attributes(&mut self, line: &mut Line<'_>, number: u32) -> Result<(), TextError> {
        let mut indices = Vec::new();
        while !line.is_done() {
            let mut entry = Vec::new();
            let key = value::key(line)?;
            self.tables.put_string(&mut entry, unit_value::KEY, &key);
            value::field(line, &mut entry, unit_value::VALUE, 1)?;
            let index = self.tables.add(dictionary::ATTRIBUTES, &entry);
            wire::varint(&mut indices, index);
        }
        wire::bytes_unless_empty(&mut self.out, number, &indices);
        Ok(())
    }

    fn frame(&mut self, line: &mut Line<'_>) -> Result<(), TextError> {
        let before = line.clone();
        let address = line.token().strip_prefix("0x");
        let address = address.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let address = address.ok_or_else(|| before.fail("an address such as 0x1f"))?;
        let mut entry = Vec::new();
        wire::uint_unless_zero(&mut entry, location::ADDRESS, address);
        while !line.is_done() && !line.eat_word("in") {
            let open = wire::open(&mut entry, location::LINES);
            self.line_of_frame(line, &mut entry)?;
            wire::close(&mut entry, open);
        }
        if !line.is_done() {
            let mut binary = Vec::new();
            let file = line.quoted("a file")?;
            self.tables.put_string(&mut binary, mapping::FILE, &file);
            let binary = self.tables.add(dictionary::MAPPINGS, &binary);
            wire::uint(&mut entry, location::MAPPING, binary);
        }
        let index = self.tables.add(dictionary::LOCATIONS, &entry);
        match &mut self.tables.stack {
            Some(stack) => wire::varint(stack, index),
            None => return Err(before.fail("a sample above its frames")),
        }
        Ok(())
    }

    /// Reads `"function"@"file":line:column`, of which only the function must be there.
    fn line_of_frame(&mut self, line: &mut Line<'_>, out: &mut Vec<u8>) -> Result<(), TextError> {
        let mut entry = Vec::new();
        let name = line.quoted("a function")?;
        self.tables.put_string(&mut entry, function::NAME, &name);
        if line.eat_here("@") {
            let file = line.quoted("a file")?;
            self.tables.put_string(&mut entry, function::FILE, &file);
        }
        let index = self.tables.add(dictionary::FUNCTIONS, &entry);
        wire::uint(out, line_number::FUNCTION, index);
        if line.eat_here(":") {
            let before = line.clone();
            let mut numbers = line.token().split(':').map(str::parse::<i64>);
            for number in [line_number::LINE, line_number::COLUMN] {
                let value = numbers.next().unwrap_or(Ok(0));
                let value = value.map_err(|_| before.fail("a number of a line"))?;
                wire::uint_unless_zero(out, number, value.cast_unsigned());
            }
            if numbers.next().is_some() {
                return Err(before.fail("a line and a column"));
            }
        }
        Ok(())
    }
}
