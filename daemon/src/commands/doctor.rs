//! `tapline doctor`: what this kernel and these privileges allow, feature by feature, and why.
//!
//! The judgement is that of the crate which loads; here it is only written down.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;
use tapline_ebpf::{Capture, Diagnosis, Facts, Feature, Source, examine};

use super::{say, table};

pub(crate) const EXAMPLE: &str = "\
Example:
  sudo tapline doctor
  tapline doctor --format json";

/// What to judge, and how to tell.
#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// The `capture` setting to judge.
    #[arg(long, value_enum, default_value_t)]
    capture: Asked,
    /// How to tell.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Asked {
    #[default]
    Auto,
    Socket,
    Packet,
    Syscall,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// One object.
    Json,
}

/// Judges this machine; succeeds if requests can be captured here.
pub(super) fn doctor(arguments: &Arguments) -> Result<ExitCode> {
    let capture = match arguments.capture {
        Asked::Auto => Capture::Auto,
        Asked::Socket => Capture::By(Source::Socket),
        Asked::Packet => Capture::By(Source::Packet),
        Asked::Syscall => Capture::By(Source::Syscall),
    };
    let (facts, diagnosis) = examine(capture).context("cannot look at this machine")?;
    say(&match arguments.format {
        Format::Text => text(&facts, &diagnosis),
        Format::Json => json(&facts, &diagnosis),
    })?;
    Ok(if diagnosis.works {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn text(facts: &Facts, diagnosis: &Diagnosis) -> String {
    let verdict = if diagnosis.works {
        "requests can be captured"
    } else {
        "requests cannot be captured"
    };
    let rows: Vec<Vec<String>> = diagnosis.features.iter().flat_map(rows).collect();
    format!(
        "kernel {} on {}: {verdict}\n\n{}",
        facts.release,
        facts.architecture,
        table::write(&rows)
    )
}

fn rows(feature: &Feature) -> Vec<Vec<String>> {
    let state = if feature.on { "on" } else { "off" };
    // What the verifier says has lines of its own.
    let mut why = feature.why.lines();
    let first = why.next().unwrap_or_default().to_owned();
    let mut rows = vec![vec![feature.name.to_owned(), state.to_owned(), first]];
    let below = |text: String| vec![String::new(), String::new(), text];
    rows.extend(why.map(|line| below(line.to_owned())));
    rows.extend(
        feature
            .needs
            .iter()
            .map(|needs| below(format!("needs {needs}"))),
    );
    rows
}

#[derive(Serialize)]
struct Report<'r> {
    works: bool,
    kernel: &'r str,
    architecture: &'r str,
    features: Vec<Entry<'r>>,
}

#[derive(Serialize)]
struct Entry<'r> {
    name: &'r str,
    on: bool,
    why: &'r str,
    needs: Option<&'r str>,
}

impl<'r> Entry<'r> {
    fn of(feature: &'r Feature) -> Self {
        Self {
            name: feature.name,
            on: feature.on,
            why: &feature.why,
            needs: feature.needs.as_deref(),
        }
    }
}

fn json(facts: &Facts, diagnosis: &Diagnosis) -> String {
    let report = Report {
        works: diagnosis.works,
        kernel: &facts.release,
        architecture: &facts.architecture,
        features: diagnosis.features.iter().map(Entry::of).collect(),
    };
    serde_json::to_string_pretty(&report).expect("plain data") + "\n"
}

#[cfg(test)]
mod tests {
    use tapline_ebpf::{Capabilities, Types};

    use super::*;

    fn old_kernel(capabilities: u64) -> Facts {
        Facts {
            release: "5.10.0-46-amd64".to_owned(),
            architecture: "x86_64".to_owned(),
            types: Some(Types::of([
                "btf_trace_tcp_rcv_space_adjust",
                "bpf_ringbuf_output",
            ])),
            capabilities: Capabilities(capabilities),
            cgroup2: Some(tapline_ebpf::Cgroup2 {
                path: "/sys/fs/cgroup".into(),
                whole: true,
            }),
            uprobes: true,
            ..Facts::default()
        }
    }

    #[test]
    fn a_person_reads_what_is_on_and_what_the_rest_would_need() {
        let facts = old_kernel(u64::MAX);
        let diagnosis = Diagnosis::of(&facts, Capture::Auto, Some(&Ok(7)));
        let expected = "\
kernel 5.10.0-46-amd64 on x86_64: requests can be captured

capture         on   in receiving calls and by packets that leave: TCP only
programs        on   the kernel takes all 7
privileges      on   CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN
kernel types    on   BTF in /sys/kernel/btf/vmlinux
socket hooks    off  kernel 5.10.0-46-amd64 without them
                     needs use a kernel 6.3 or newer
";
        let text = text(&facts, &diagnosis);
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn somebody_without_rights_reads_what_root_would_have() {
        let facts = old_kernel(0);
        let diagnosis = Diagnosis::of(&facts, Capture::Auto, None);
        assert!(!diagnosis.works);
        let text = text(&facts, &diagnosis);
        assert!(text.contains("requests cannot be captured"), "{text}");
        assert!(
            text.contains("needs root; then it works in receiving calls"),
            "{text}"
        );
    }

    #[test]
    fn a_program_reads_the_same() {
        let facts = old_kernel(u64::MAX);
        let refused = Err("no room\nfor this".to_owned());
        let diagnosis = Diagnosis::of(&facts, Capture::Auto, Some(&refused));
        let told: serde_json::Value =
            serde_json::from_str(&json(&facts, &diagnosis)).expect("it is JSON");
        assert_eq!(told["works"], false);
        assert_eq!(told["kernel"], "5.10.0-46-amd64");
        assert_eq!(told["features"][1]["why"], "no room\nfor this");
        assert_eq!(told["features"][0]["on"], true);
    }
}
