//! On what was measured, and who else was there: without it a number means nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, process, thread};

/// Describes the machine in one line.
pub(super) fn describe() -> String {
    let kernel = first_line("/proc/sys/kernel/osrelease");
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model(&processors).unwrap_or("processor of unknown model");
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = load_average();
    format!("Linux {kernel}, {model}, {cores} cores, load average at the start {load}")
}

/// Returns the load averages over 1, 5 and 15 minutes.
pub(super) fn load_average() -> String {
    let line = first_line("/proc/loadavg");
    line.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Names every process, but for us, that holds a BPF link: another tap would be measured as none.
pub(super) fn bpf_link_holders() -> BTreeSet<String> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| {
            let name = entry.file_name();
            let pid: u32 = name.to_str()?.parse().ok()?;
            let holds = pid != process::id() && holds_link(&entry.path());
            holds.then(|| {
                let comm = first_line(&format!("/proc/{pid}/comm"));
                format!("{comm} ({pid})")
            })
        })
        .collect()
}

fn holds_link(process: &Path) -> bool {
    let descriptors = fs::read_dir(process.join("fd"))
        .into_iter()
        .flatten()
        .flatten();
    descriptors
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target.as_os_str() == "anon_inode:bpf_link")
}

fn model(processors: &str) -> Option<&str> {
    let line = processors
        .lines()
        .find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}
