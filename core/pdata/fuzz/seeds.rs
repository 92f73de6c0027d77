//! Writes the first inputs of all targets, made from the samples of the tests.
//!
//! `cargo run --bin seeds`, in this directory.

use std::{fs, io};

use tapline_pdata::{Signal, json, text};

const SAMPLES: [(&str, Signal); 5] = [
    ("traces", Signal::Traces),
    ("metrics", Signal::Metrics),
    ("logs", Signal::Logs),
    ("events", Signal::Logs),
    ("profiles", Signal::Profiles),
];

fn main() -> io::Result<()> {
    for (name, signal) in SAMPLES {
        let sample = fs::read(format!("../tests/testdata/{name}.json"))?;
        let batch = json::from_json(signal, &sample).map_err(io::Error::other)?;
        let which = Signal::ALL.iter().position(|one| *one == signal);
        let first = which.map_or(0, |index| index as u8);
        put("json", name, first, &json::to_json(&batch))?;
        put("text", name, first, text::compact(&batch).as_bytes())?;
        put("wire", name, first, &batch.to_bytes())?;
        if signal == Signal::Profiles {
            // The first byte says where the left request ends and the right one begins.
            for piece in batch.split(1) {
                let wire = piece.to_bytes();
                let both = [&wire[..], &wire[..]].concat();
                put(
                    "profiles",
                    &wire.len().to_string(),
                    wire.len().min(255) as u8,
                    &both,
                )?;
            }
        }
    }
    Ok(())
}

fn put(target: &str, name: &str, first: u8, input: &[u8]) -> io::Result<()> {
    let folder = format!("corpus/{target}");
    fs::create_dir_all(&folder)?;
    fs::write(format!("{folder}/{name}"), [&[first][..], input].concat())
}
