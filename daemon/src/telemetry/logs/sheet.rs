//! Text of many lines in the log: what the `debug` exporter shows.
//!
//! Lines for people get it as it is, lines for machines as one line that holds it. Like every line
//! of level info it is left out where that is not wanted; it is not sampled, and not sent to
//! backends: it may be what they sent.

use std::io::{self, Write, stderr};

use tapline_config::ComponentId;
use tapline_pdata::Signal;
use tracing::{Level, level_filters::LevelFilter};

use super::{CURRENT, Log, UNBROKEN, config::Encoding, line::Line};

/// A component's way to write into the log; each write is whole lines.
pub(crate) struct Sheet {
    fields: Vec<(&'static str, String)>,
}

impl Sheet {
    /// Makes the sheet of an exporter of one signal.
    pub(crate) fn of_exporter(id: &ComponentId, signal: Signal) -> Self {
        Self {
            fields: vec![
                ("otelcol.component.id", id.to_string()),
                ("otelcol.component.kind", "exporter".to_owned()),
                ("otelcol.signal", signal.name().to_owned()),
            ],
        }
    }

    /// Writes into a log.
    pub(super) fn write_into(&self, log: &Log, text: &str) {
        if log.level < LevelFilter::INFO {
            return;
        }
        match log.form.encoding() {
            Encoding::Console => log.sinks.write(text),
            Encoding::Json => {
                let line = Line::made(Level::INFO, text.trim_end(), &self.fields);
                let now = std::time::SystemTime::now();
                log.sinks.write(&log.form.write(&line, now));
            }
        }
    }
}

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let current = CURRENT.read().expect(UNBROKEN).clone();
        match current {
            Some(log) => self.write_into(&log, &String::from_utf8_lossy(bytes)),
            None => stderr().write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
