//! What `tapline doctor` says: feature by feature what this kernel and these privileges allow.
//!
//! Follows from the facts alone, by the same plan that the loader obeys.

use crate::{
    Capabilities, Capture, Facts, Plan, Source, Unavailable,
    facts::capability::{BPF, DAC_READ_SEARCH, PERFMON, SYS_PTRACE, SYS_RESOURCE},
};

/// Locked memory that the maps need where it is counted, in bytes.
const MEMLOCK_BYTES: u64 = 128 * 1024 * 1024;
/// Open files below which a busy machine may have too few.
const OPEN_FILES: u64 = 1024;
const EVERYTHING: Capabilities = Capabilities(u64::MAX);

/// Something that works here or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// What it is, in a word or two.
    pub name: &'static str,
    /// Whether it works.
    pub on: bool,
    /// What that means, or why not.
    pub why: String,
    /// What it would need, if it is off.
    pub needs: Option<String>,
}

/// All there is to say about a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// Whether requests can be captured.
    pub works: bool,
    /// The most important first.
    pub features: Vec<Feature>,
}

/// How many programs the kernel took when they were loaded for a try, or its words.
pub type Trial = Result<usize, String>;

impl Feature {
    fn on(name: &'static str, why: impl Into<String>) -> Self {
        Self {
            name,
            on: true,
            why: why.into(),
            needs: None,
        }
    }

    fn off(name: &'static str, why: impl Into<String>, needs: impl Into<String>) -> Self {
        Self {
            name,
            on: false,
            why: why.into(),
            needs: Some(needs.into()),
        }
    }

    fn when(on: bool, name: &'static str, yes: &str, no: &str, needs: &str) -> Self {
        if on {
            Self::on(name, yes)
        } else {
            Self::off(name, no, needs)
        }
    }
}

impl Diagnosis {
    /// Judges a machine. `trial` is what came of loading the programs, where that could be tried.
    pub fn of(facts: &Facts, capture: Capture, trial: Option<&Trial>) -> Self {
        let plan = Plan::of(facts, capture);
        let works = plan.is_ok() && trial.is_none_or(Result::is_ok);
        let mut features = vec![captured(facts, capture, &plan)];
        features.extend(trial.map(tried));
        features.push(privileges(facts));
        features.push(kernel_types(facts));
        features.push(source(Source::Socket, facts));
        features.push(source(Source::Packet, facts));
        features.push(source(Source::Syscall, facts));
        features.push(unix_sockets(&plan));
        features.push(tls(&plan));
        features.extend(helpers(facts));
        features.extend(surroundings(facts));
        Self { works, features }
    }
}

fn captured(facts: &Facts, capture: Capture, plan: &Result<Plan, Unavailable>) -> Feature {
    match plan {
        Ok(plan) => Feature::on("capture", meaning(plan.source)),
        Err(Unavailable(findings)) => {
            let as_root = Facts {
                capabilities: EVERYTHING,
                ..facts.clone()
            };
            let found: Vec<&str> = findings.iter().map(|it| it.found.as_str()).collect();
            let needs = match Plan::of(&as_root, capture) {
                Ok(plan) => format!("root; then it works {}", meaning(plan.source)),
                Err(Unavailable(findings)) => {
                    let remedies: Vec<&str> =
                        findings.iter().map(|it| it.remedy.as_str()).collect();
                    remedies.join("; or ")
                }
            };
            Feature::off("capture", found.join("; "), needs)
        }
    }
}

fn meaning(source: Source) -> &'static str {
    match source {
        Source::Socket => "by socket tracepoints: TCP and AF_UNIX",
        Source::Packet => "in receiving calls and by packets that leave: TCP only",
        Source::Syscall => "as system calls end: TCP and AF_UNIX, at a cost for every call",
    }
}

fn tried(trial: &Trial) -> Feature {
    match trial {
        Ok(programs) => Feature::on("programs", format!("the kernel takes all {programs}")),
        Err(words) => Feature::off("programs", words.clone(), "a report of these words to us"),
    }
}

fn privileges(facts: &Facts) -> Feature {
    let lacks = lacking(facts, &[("CAP_BPF", BPF), ("CAP_PERFMON", PERFMON)]);
    if lacks.is_empty() {
        return Feature::on("privileges", "CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN");
    }
    Feature::off(
        "privileges",
        format!("no {}", lacks.join(", no ")),
        "root, or setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search+ep",
    )
}

fn lacking<'n>(facts: &Facts, wanted: &[(&'n str, u32)]) -> Vec<&'n str> {
    let missing = wanted
        .iter()
        .filter(|(_, number)| !facts.capabilities.has_or_admin(*number));
    missing.map(|(name, _)| *name).collect()
}

fn kernel_types(facts: &Facts) -> Feature {
    Feature::when(
        facts.types.is_some(),
        "kernel types",
        "BTF in /sys/kernel/btf/vmlinux",
        "no /sys/kernel/btf/vmlinux",
        "a kernel built with CONFIG_DEBUG_INFO_BTF=y",
    )
}

fn source(source: Source, facts: &Facts) -> Feature {
    let name = match source {
        Source::Socket => "socket hooks",
        Source::Packet => "packet hooks",
        Source::Syscall => "syscall hooks",
    };
    let missing = source.missing(facts);
    let Some(first) = missing.first() else {
        let hooks = source.tracepoints();
        let place = facts.cgroup2.as_ref().map(|it| it.path.display());
        return match (source, place) {
            (Source::Packet, Some(place)) => Feature::on(name, format!("{hooks}; {place}")),
            _ => Feature::on(name, hooks),
        };
    };
    Feature::off(name, first.found.clone(), first.remedy.clone())
}

fn unix_sockets(plan: &Result<Plan, Unavailable>) -> Feature {
    let seen = plan
        .as_ref()
        .is_ok_and(|plan| plan.source != Source::Packet);
    Feature::when(
        seen,
        "AF_UNIX",
        "sockets within the machine are seen",
        "not seen: nothing of them leaves as a packet",
        "socket hooks, or `capture: syscall`",
    )
}

fn tls(plan: &Result<Plan, Unavailable>) -> Feature {
    let name = "TLS";
    match plan.as_ref().map(|plan| plan.tls) {
        Ok(Ok(())) => Feature::on(name, "what libraries encrypt is read in plaintext"),
        Ok(Err(why)) => Feature::off(name, why, "kernel 6.6 and socket hooks"),
        Err(_) => Feature::off(name, "nothing is captured", "capture"),
    }
}

/// What kernels since 5.10 have come to know, and what is done without.
fn helpers(facts: &Facts) -> [Feature; 5] {
    [
        Feature::when(
            facts.knows("bpf_ringbuf_output"),
            "ring buffer",
            "records reach us in order",
            "no way out for records",
            "kernel 5.8",
        ),
        Feature::when(
            facts.knows("bpf_sk_storage_get_tracing"),
            "socket storage",
            "what is known of a socket lives in it",
            "the last 65,536 sockets are remembered in a table",
            "kernel 5.11",
        ),
        Feature::when(
            facts.knows("bpf_get_socket_ptr_cookie"),
            "socket cookies",
            "sockets have the kernel's own names",
            "sockets have names of ours",
            "kernel 5.12",
        ),
        Feature::when(
            facts.knows("bpf_sock_from_file") && facts.knows("bpf_get_socket_ptr_cookie"),
            "open sockets",
            "connections older than tapline are known from the start",
            "connections older than tapline are noticed when they next move bytes",
            "kernel 5.12",
        ),
        Feature::when(
            facts.uprobes && facts.capabilities.has_or_admin(PERFMON),
            "uprobes",
            "programs and libraries can be probed",
            "programs and libraries cannot be probed",
            "CAP_PERFMON and a kernel with CONFIG_UPROBE_EVENTS=y",
        ),
    ]
}

/// What an administrator decides.
fn surroundings(facts: &Facts) -> Vec<Feature> {
    let lacks = lacking(
        facts,
        &[
            ("CAP_SYS_PTRACE", SYS_PTRACE),
            ("CAP_DAC_READ_SEARCH", DAC_READ_SEARCH),
        ],
    );
    let mut features = vec![if lacks.is_empty() {
        Feature::on("process names", "what other users run can be read in /proc")
    } else {
        let why = "what other users run is known only if it starts after tapline";
        Feature::off("process names", why, lacks.join(" and "))
    }];
    features.push(cgroups(facts));
    features.push(lockdown(facts));
    features.push(memlock(facts));
    let files = facts.open_files.unwrap_or(u64::MAX);
    features.push(Feature::when(
        files >= OPEN_FILES,
        "open files",
        &format!(
            "at most {}",
            facts.open_files.map_or("any".into(), |n| n.to_string())
        ),
        &format!("at most {files}"),
        &format!("ulimit -n {OPEN_FILES}"),
    ));
    features.push(Feature::on("tracefs", "not needed, mounted or not"));
    features
}

fn cgroups(facts: &Facts) -> Feature {
    let name = "cgroup2";
    match &facts.cgroup2 {
        None => Feature::off(
            name,
            "not mounted",
            "mount -t cgroup2 none /sys/fs/cgroup/unified",
        ),
        Some(tree) if tree.whole => Feature::on(name, tree.path.display().to_string()),
        Some(tree) => Feature::off(
            name,
            format!(
                "{} is a part of the tree: packets of others are not seen",
                tree.path.display()
            ),
            "the cgroup namespace of the host",
        ),
    }
}

fn lockdown(facts: &Facts) -> Feature {
    let set = facts.lockdown.as_deref().unwrap_or("not there");
    Feature::when(
        !facts.is_locked_down(),
        "lockdown",
        set,
        "confidentiality: the kernel shows its memory to nobody",
        "lockdown=integrity or less on the kernel's command line",
    )
}

fn memlock(facts: &Facts) -> Feature {
    let name = "locked memory";
    if facts.knows("bpf_sk_storage_get_tracing") {
        return Feature::on(name, "not counted by this kernel");
    }
    let enough = facts
        .memlock_bytes
        .is_none_or(|bytes| bytes >= MEMLOCK_BYTES);
    if enough {
        return Feature::on(name, "the limit is high enough");
    }
    Feature::when(
        facts.capabilities.has_or_admin(SYS_RESOURCE),
        name,
        "the limit is low, and will be lifted",
        "the limit is too low for our maps, and cannot be lifted",
        "CAP_SYS_RESOURCE, or ulimit -l unlimited",
    )
}

#[cfg(test)]
mod tests;
