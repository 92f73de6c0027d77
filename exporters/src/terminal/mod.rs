//! `terminal`: one readable line per request and per failed connect, for a person who watches.
//!
//! It takes every signal and ignores metrics and profiles, so one instance can serve all pipelines;
//! then the summary at the end covers them all. What applications send is hostile: no control
//! character reaches the terminal. Memory is bounded by the lines of one batch and a fixed summary.

mod config;
mod line;
mod measure;
mod peer;
mod read;
mod safe;
mod summary;

mod writer;

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use tapline_pdata::{Batch, Signal};
use tapline_pipeline::{Exporter, Fault, Refusal};
use tokio::time::Instant;

pub use config::{Color, Config};
use line::{Event, Layout};
use summary::Summary;
use writer::Writer;

/// Where the lines go, and what is known about the place.
pub struct Screen {
    /// Standard output, or whatever stands for it.
    pub out: Box<dyn Write + Send>,
    /// Whether `out` is a terminal.
    pub is_terminal: bool,
    /// Whether colours are welcome: false if `NO_COLOR` is set.
    pub color_allowed: bool,
}

/// Builds the exporter, one instance for all signals.
pub fn build(config: &Config, screen: Screen) -> Result<Arc<dyn Exporter>, String> {
    let color = match config.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => screen.is_terminal && screen.color_allowed,
    };
    Ok(Arc::new(Terminal {
        layout: Layout::new(config.wide, color, config.utc_offset_s()?),
        summary: Mutex::new(Some(Summary::new(Instant::now()))),
        writer: Writer::new(screen.out),
    }))
}

struct Terminal {
    layout: Layout,
    /// Taken when it is shown, which happens once.
    summary: Mutex<Option<Summary>>,
    writer: Writer,
}

impl Terminal {
    /// Returns the lines of a batch in the order of time, and counts them.
    fn lines(&self, batch: &Batch) -> String {
        let mut summary = self.summary.lock().expect("nobody panics while it is held");
        // A batch is ordered by process; a reader wants it by time.
        let mut lines: Vec<(u64, String)> = Vec::new();
        let mut each = |event: &Event<'_>| {
            if let Some(summary) = &mut *summary {
                summary.add(event);
            }
            let mut line = String::new();
            self.layout.push_line(&mut line, event);
            lines.push((event.time_ns, line));
        };
        match batch.signal() {
            Signal::Traces => read::spans(batch, &mut each),
            Signal::Logs => read::failed_connects(batch, &mut each),
            Signal::Metrics | Signal::Profiles => {}
        }
        lines.sort_by_key(|(time_ns, _)| *time_ns);
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

#[async_trait]
impl Exporter for Terminal {
    /// Waits while the terminal is slow: a person who reads along wants nothing to be lost.
    async fn export(&self, batch: Batch) -> Result<(), Refusal> {
        let text = self.lines(&batch);
        if text.is_empty() {
            return Ok(());
        }
        self.writer.write(text).await.map_err(|error| {
            let cause = format!("cannot write to the terminal: {error}");
            Refusal::never(Fault::Tapline, cause)
        })
    }

    async fn close(&self) {
        let summary = self
            .summary
            .lock()
            .expect("nobody panics while it is held")
            .take();
        if let Some(summary) = summary {
            // The terminal may be gone; there is nobody left to tell.
            let _nobody_reads = self.writer.write(summary.text(Instant::now())).await;
        }
    }
}

#[cfg(test)]
mod tests;
