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

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use tapline_pdata::{Batch, Signal};
use tapline_pipeline::{Exporter, Fault, Refusal};
use tokio::time::Instant;

pub use config::{Color, Config};
use line::{Event, Layout};
use summary::Summary;

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
    let layout = Layout::new(config.wide, color, config.utc_offset_s()?);
    let summary = Summary::new(Instant::now());
    let state = Mutex::new(State {
        out: screen.out,
        summary,
        is_closed: false,
    });
    Ok(Arc::new(Terminal { layout, state }))
}

struct Terminal {
    layout: Layout,
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    summary: Summary,
    is_closed: bool,
}

impl State {
    fn show(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

#[async_trait]
impl Exporter for Terminal {
    // Blocks while the terminal is slow: a person who reads along wants nothing to be lost.
    async fn export(&self, batch: Batch) -> Result<(), Refusal> {
        let mut state = self
            .state
            .lock()
            .expect("nobody panics while holding the output");
        // A batch is ordered by process; a reader wants it by time.
        let mut lines: Vec<(u64, String)> = Vec::new();
        let mut each = |event: &Event<'_>| {
            state.summary.add(event);
            let mut line = String::new();
            self.layout.push_line(&mut line, event);
            lines.push((event.time_ns, line));
        };
        match batch.signal() {
            Signal::Traces => read::spans(&batch, &mut each),
            Signal::Logs => read::failed_connects(&batch, &mut each),
            Signal::Metrics | Signal::Profiles => {}
        }
        if lines.is_empty() {
            return Ok(());
        }
        lines.sort_by_key(|(time_ns, _)| *time_ns);
        let text: String = lines.into_iter().map(|(_, line)| line).collect();
        state.show(&text).map_err(|error| {
            Refusal::never(
                Fault::Tapline,
                format!("cannot write to the terminal: {error}"),
            )
        })
    }

    async fn close(&self) {
        let mut state = self
            .state
            .lock()
            .expect("nobody panics while holding the output");
        if state.is_closed {
            return;
        }
        state.is_closed = true;
        let text = state.summary.text(Instant::now());
        // The terminal may be gone; there is nobody left to tell.
        let _nobody_reads = state.show(&text);
    }
}

#[cfg(test)]
mod tests;
