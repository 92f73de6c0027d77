//! The text being written, with an end.

use std::fmt::{self, Write};

/// Where text ends, in bytes. A span of two bytes takes two hundred to show.
pub const MAX_TEXT_BYTES: usize = 64 << 20;

/// Text that takes no more than [`MAX_TEXT_BYTES`].
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    full: bool,
}

impl Page {
    /// Writes one line.
    pub(super) fn line(&mut self, line: fmt::Arguments<'_>) {
        self.put(line);
        self.put(format_args!("\n"));
    }

    /// Writes a part of a line.
    pub(super) fn put(&mut self, part: fmt::Arguments<'_>) {
        // The only error is that the page is full, which is remembered and said once, at the end.
        let _full = self.write_fmt(part);
    }

    /// Returns whether writing more is in vain; loops over what is many ask this.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn finish(mut self) -> String {
        if self.full {
            self.text.push_str("\n(text ends here, at its limit)\n");
        }
        self.text
    }
}

impl Write for Page {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.full |= self.text.len() + part.len() > MAX_TEXT_BYTES;
        if self.full {
            return Err(fmt::Error);
        }
        self.text.push_str(part);
        Ok(())
    }
}
