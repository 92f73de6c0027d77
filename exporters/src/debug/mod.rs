//! `debug`: shows telemetry as text, in the three forms of the Collector.
//!
//! The daemon hands in where the text goes. One batch is one write, so that instances do not mix
//! their lines. Memory is bounded by the text of one batch.

mod config;
mod safe;
mod sampler;

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use tapline_pdata::{Batch, text};
use tapline_pipeline::{Exporter, Fault, Refusal};
use tokio::time::Instant;

pub use config::{Config, Destination, Verbosity};
use sampler::Sampler;

/// Builds the exporter for one signal.
pub fn build(config: &Config, out: Box<dyn Write + Send>) -> Result<Arc<dyn Exporter>, String> {
    let sampler = Sampler::new(config.sampling_initial, config.sampling_thereafter);
    Ok(Arc::new(Debug {
        verbosity: config.verbosity,
        state: Mutex::new(State { sampler, out }),
    }))
}

struct Debug {
    verbosity: Verbosity,
    state: Mutex<State>,
}

struct State {
    sampler: Sampler,
    out: Box<dyn Write + Send>,
}

#[async_trait]
impl Exporter for Debug {
    // Blocks while the output is slow: a person who reads along wants nothing to be lost.
    async fn export(&self, batch: Batch) -> Result<(), Refusal> {
        let mut state = self
            .state
            .lock()
            .expect("nobody panics while holding the output");
        if !state.sampler.take(Instant::now()) {
            return Ok(());
        }
        let text = rendered(&batch, self.verbosity);
        show(&mut state.out, &text).map_err(|error| {
            Refusal::never(
                Fault::Tapline,
                format!("cannot write debug output: {error}"),
            )
        })
    }
}

fn show(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Renders a batch. Like the Collector, the longer forms come after the line of the shortest.
fn rendered(batch: &Batch, verbosity: Verbosity) -> String {
    let mut shown = format!("{}\n", text::basic(batch));
    match verbosity {
        Verbosity::Basic => {}
        Verbosity::Normal => shown.push_str(&text::normal(batch)),
        Verbosity::Detailed => shown.push_str(&text::detailed(batch)),
    }
    if !shown.ends_with('\n') {
        shown.push('\n');
    }
    safe::shown(shown)
}

#[cfg(test)]
mod tests;
