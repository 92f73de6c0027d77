//! `bench gateway`: what it costs to take OTLP in, batch it and send it on, per million spans.
//!
//! The daemon has core 0 for itself; a load generator and a sink that counts share core 1. Every
//! kind of work is measured once per round, so that a slow minute of the machine falls on all of
//! them. Each round also sends the same spans from load to sink without a daemon between: who has
//! no other gateway to compare with scales by that.

mod load;
mod options;
mod place;
mod profile;
mod report;
mod run;
mod subject;
mod work;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use self::load::{Calibration, Otlpload};
use self::options::Options;
use self::report::Sizes;
use self::run::{Measured, measure};
use self::work::{SIZE_WORKS, WORKS, Work};
use super::scratch::Scratch;
use super::{machine, release};

/// Everything that is needed to measure.
struct Bench {
    otlpload: Otlpload,
    program: PathBuf,
    scratch: Scratch,
    seconds: u32,
}

pub(super) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    place::check()?;
    let before = machine::describe();
    let bench = Bench {
        otlpload: Otlpload::build(root, &options.otlpload)?,
        program: match &options.program {
            Some(program) => program.clone(),
            None => release::build(root)?,
        },
        scratch: Scratch::new()?,
        seconds: options.seconds,
    };
    let works: Vec<&Work> = options.chosen(WORKS).collect();
    let sizes: Vec<&Work> = options.chosen(SIZE_WORKS).collect();
    ensure!(
        works.len() + sizes.len() > 0,
        "no work is called {:?}",
        options.only
    );
    if options.profile {
        return profile::show(&bench, works.first().or(sizes.first()).expect("not empty"));
    }
    let Results {
        found,
        calibrations,
        failed,
    } = rounds(&bench, &works, &sizes, options.rounds)?;

    println!("{before}");
    println!("load average at the end {}\n", machine::load_average());
    println!("{}", report::calibration(&calibrations));
    print!("{}", report::costs(&works, &found));
    print!("{}", report::delays(&works, &found));
    print!("{}", report::compression(&sizes, &found));
    print!("{}", report::footprint(&found, &sizes_of(&bench)));
    let lost = report::lost(&found);
    ensure!(lost.is_empty(), "spans were lost: {}", lost.join(", "));
    ensure!(failed.is_empty(), "not measured: {failed:#?}");
    Ok(())
}

/// What was measured, by the name of the work.
type Found = BTreeMap<&'static str, Vec<Measured>>;

/// What all rounds gave.
#[derive(Default)]
struct Results {
    found: Found,
    calibrations: Vec<Calibration>,
    /// Why some work was not measured: the rest is worth having nevertheless.
    failed: BTreeMap<&'static str, String>,
}

fn rounds(
    bench: &Bench,
    works: &[&'static Work],
    sizes: &[&'static Work],
    rounds: u32,
) -> Result<Results> {
    let mut results = Results::default();
    for round in 1..=rounds {
        eprintln!("bench: round {round} of {rounds}");
        results.calibrations.push(bench.otlpload.calibrate()?);
        // Sizes do not depend on what else the machine does.
        let sizes = sizes.iter().filter(|_| round == 1);
        for work in works.iter().chain(sizes) {
            match measure(bench, work) {
                Ok(measured) => results.found.entry(work.name).or_default().push(measured),
                Err(error) => {
                    results.failed.insert(work.name, format!("{error:#}"));
                }
            }
        }
    }
    ensure!(
        !results.found.is_empty(),
        "nothing could be measured: {:#?}",
        results.failed
    );
    Ok(results)
}

/// How large the program is; stripped by a copy, where there is a `strip`.
fn sizes_of(bench: &Bench) -> Sizes {
    let bytes = |path: &Path| fs::metadata(path).map(|file| file.len()).ok();
    let copy = bench.scratch.path().join("stripped");
    let stripped = Command::new("strip")
        .arg("-o")
        .args([&copy, &bench.program])
        .stderr(Stdio::null())
        .status();
    Sizes {
        built: bytes(&bench.program),
        stripped: stripped
            .is_ok_and(|status| status.success())
            .then(|| bytes(&copy))
            .flatten(),
    }
}
