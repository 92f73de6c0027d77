//! `tapline record`: what the kernel tells, into a file.

use std::{
    fs::File,
    io::BufWriter,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tapline_ebpf::{Bounds, Tap};
use tapline_receiver::ebpf::cassette::Recorder;

const WAIT: Duration = Duration::from_millis(5);

/// Records for some seconds.
pub(crate) fn record(output: &Path, seconds: u64) -> Result<()> {
    let mut tap = Tap::load(Bounds::default())?;
    let file =
        File::create(output).with_context(|| format!("cannot create {}", output.display()))?;
    let mut recorder = Recorder::new(BufWriter::new(file), &tap.existing)?;
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        while let Some(record) = tap.ring.take() {
            recorder.record(&record)?;
        }
        tap.ring.wait(WAIT);
    }
    let records = recorder.finish()?;
    println!("{records} records in {}", output.display());
    Ok(())
}
