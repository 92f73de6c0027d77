//! `tapline record`: what the kernel tells, into a file.

use std::{
    fs::OpenOptions,
    io::BufWriter,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tapline_ebpf::{Bounds, Capture, Tap};
use tapline_receiver::ebpf::cassette::Recorder;

const WAIT: Duration = Duration::from_millis(5);

/// Records for some seconds.
pub(crate) fn record(output: &Path, seconds: u64) -> Result<()> {
    let mut tap = Tap::load(Bounds::default(), Capture::Auto)?;
    // What processes sent and received is in it, cookies and passwords too.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(output)
        .with_context(|| format!("cannot create {}", output.display()))?;
    let mut recorder = Recorder::new(BufWriter::new(file), &tap.existing)?;
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        // Asked before looking, so that whatever was there at the end is still taken.
        let last = Instant::now() >= end;
        while let Some(record) = tap.ring.take() {
            recorder.record(record)?;
        }
        if last {
            break;
        }
        tap.ring.wait(WAIT);
    }
    let records = recorder.finish()?;
    super::say(&format!("{records} records in {}\n", output.display()))
}
