//! The programs of the object: shown to the kernel, then attached, each at its place.

use std::os::fd::{AsFd as _, OwnedFd};

use aya::{
    Btf, Ebpf,
    maps::Map,
    programs::{
        BtfTracePoint, CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, Iter, ProgramError,
    },
};

use crate::{ExistingSocket, Facts, LoadError, Plan, Source, existing, plan::Hook, silent};

const ITERATOR: &str = "existing_sockets";
/// The program that finds sockets with something untold, and the storage it looks through.
const SILENT: &str = "silent_sockets";
const SOCKETS: &str = "sockets";
/// The program that sees packets leave.
const EGRESS: &str = "packet_leaves";

/// What the kernel took of a plan.
pub(crate) struct Verified {
    /// How many programs.
    pub(crate) count: usize,
    /// Those on tracepoints, in the order they are to be attached.
    pub(crate) hooks: Vec<Hook>,
    /// What it did not take, and its words; the rest does without.
    pub(crate) refused: Vec<LoadError>,
}

/// Has the kernel verify every program of a plan.
pub(crate) fn verify(ebpf: &mut Ebpf, btf: &Btf, plan: &Plan) -> Result<Verified, LoadError> {
    let mut count = 0;
    let mut hooks = Vec::new();
    let mut refused_ones = Vec::new();
    for hook in &plan.beside {
        match verify_hook(ebpf, btf, *hook) {
            Ok(()) => hooks.push(*hook),
            Err(error) => refused_ones.push(error),
        }
    }
    if plan.lists_existing {
        program::<Iter>(ebpf, ITERATOR)?
            .load("task_file", btf)
            .map_err(|error| refused(ITERATOR, "load", &error))?;
        count += 1;
    }
    if plan.has_socket_storage() {
        let loaded = program::<Iter>(ebpf, SILENT)?.load("bpf_sk_storage_map", btf);
        match loaded {
            Ok(()) => count += 1,
            Err(error) => refused_ones.push(refused(SILENT, "load", &error)),
        }
    }
    // Before the bytes, so that nothing that helps with them comes too late.
    let mut needed: Vec<Hook> = plan.hooks().collect();
    for hook in &needed {
        verify_hook(ebpf, btf, *hook)?;
    }
    needed.splice(Plan::bytes_from()..Plan::bytes_from(), hooks);
    count += needed.len();
    if plan.source == Source::Packet {
        program::<CgroupSkb>(ebpf, EGRESS)?
            .load()
            .map_err(|error| refused(EGRESS, "load", &error))?;
        count += 1;
    }
    Ok(Verified {
        count,
        hooks: needed,
        refused: refused_ones,
    })
}

fn verify_hook(ebpf: &mut Ebpf, btf: &Btf, hook: Hook) -> Result<(), LoadError> {
    program::<BtfTracePoint>(ebpf, hook.program)?
        .load(hook.tracepoint, btf)
        .map_err(|error| refused(hook.program, "load", &error))
}

/// Sees the packets of everybody below the cgroup, which is everybody when it is the root.
pub(crate) fn attach_to_packets(ebpf: &mut Ebpf, facts: &Facts) -> Result<(), LoadError> {
    let cgroup = facts.cgroup2.as_ref().map(|it| it.path.as_path());
    let cgroup = std::fs::File::open(cgroup.unwrap_or_else(|| std::path::Path::new("/")))
        .map_err(LoadError::Io)?;
    program::<CgroupSkb>(ebpf, EGRESS)?
        .attach(
            cgroup,
            CgroupSkbAttachType::Egress,
            CgroupAttachMode::Single,
        )
        .map_err(|error| refused(EGRESS, "attach", &error))?;
    Ok(())
}

/// Runs the iterator, which was loaded, to its end.
pub(crate) fn list_existing(ebpf: &mut Ebpf) -> Result<Vec<ExistingSocket>, LoadError> {
    let program = program::<Iter>(ebpf, ITERATOR)?;
    let link = program
        .attach()
        .map_err(|error| refused(ITERATOR, "attach", &error))?;
    let link = program
        .take_link(link)
        .map_err(|error| refused(ITERATOR, "attach", &error))?;
    let file = link.into_file().map_err(|error| LoadError::Program {
        program: ITERATOR,
        step: "attach",
        reason: error.to_string(),
    })?;
    existing::read_all(file).map_err(LoadError::Io)
}

/// Makes the iterator over silent sockets, if its program was taken.
pub(crate) fn find_silent(ebpf: &Ebpf) -> Option<OwnedFd> {
    let Some(aya::programs::Program::Iter(program)) = ebpf.program(SILENT) else {
        return None;
    };
    let Some(Map::SkStorage(map)) = ebpf.map(SOCKETS) else {
        return None;
    };
    silent::attach(program.fd().ok()?.as_fd(), map.fd().as_fd()).ok()
}

/// Attaches a program that was verified.
pub(crate) fn attach(ebpf: &mut Ebpf, hook: Hook) -> Result<(), LoadError> {
    program::<BtfTracePoint>(ebpf, hook.program)?
        .attach()
        .map_err(|error| refused(hook.program, "attach", &error))?;
    Ok(())
}

fn program<'e, P>(ebpf: &'e mut Ebpf, name: &'static str) -> Result<&'e mut P, LoadError>
where
    &'e mut P: TryFrom<&'e mut aya::programs::Program, Error = ProgramError>,
{
    let missing = || LoadError::Program {
        program: name,
        step: "find",
        reason: "not in the object".into(),
    };
    ebpf.program_mut(name)
        .ok_or_else(missing)?
        .try_into()
        .map_err(|error| refused(name, "find", &error))
}

/// Keeps the end of the verifier's log: that is where the reason stands.
fn refused(program: &'static str, step: &'static str, error: &ProgramError) -> LoadError {
    const LOG_LINES: usize = 8;
    let reason = match error {
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } => {
            let log = verifier_log.to_string();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(LOG_LINES)..];
            format!("{io_error}\n{}", tail.join("\n"))
        }
        other => other.to_string(),
    };
    LoadError::Program {
        program,
        step,
        reason,
    }
}
