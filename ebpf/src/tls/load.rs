//! Loads the probes. aya loads uprobes only of the other kind, one descriptor for each site, each
//! of which takes a privilege; so its parser relocates them here, against the maps it has made.
#![expect(unsafe_code, reason = "bpf(2)")]

use std::{
    collections::HashSet,
    ffi::CStr,
    io,
    os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
};

use aya::{Btf, Ebpf, maps::Map};
use aya_obj::{Object, generated::bpf_insn};

use super::{TlsProbes, link::BPF_TRACE_UPROBE_MULTI};

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_TYPE_KPROBE: u32 = 2;
/// Room for what the verifier says; it keeps the end, where the reason stands.
const LOG_BYTES: usize = 256 * 1024;

/// Descriptors of the maps that the tap has made, by name.
pub struct MapFds(Vec<(String, OwnedFd)>);

/// `union bpf_attr`, as far as `BPF_PROG_LOAD` needs it.
#[repr(C)]
struct ProgramLoad {
    prog_type: u32,
    insn_count: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    ifindex: u32,
    expected_attach_type: u32,
}

impl MapFds {
    /// Duplicates them, before the maps are taken for use.
    pub(crate) fn of(ebpf: &Ebpf) -> io::Result<Self> {
        let fds = ebpf.maps().filter_map(|(name, map)| {
            let (Map::Array(data)
            | Map::PerCpuArray(data)
            | Map::HashMap(data)
            | Map::LruHashMap(data)
            | Map::RingBuf(data)
            | Map::SkStorage(data)
            | Map::Unsupported(data)) = map
            else {
                return None;
            };
            let fd = data.fd().as_fd().try_clone_to_owned();
            Some(fd.map(|fd| (name.to_owned(), fd)))
        });
        Ok(Self(fds.collect::<io::Result<_>>()?))
    }

    fn raw(&self, name: &str) -> Option<RawFd> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, fd)| fd.as_raw_fd())
    }
}

/// Loads the probes of the object. An error is in words: nothing depends on its kind.
pub(crate) fn load(object: &[u8], btf: &Btf, maps: &MapFds) -> Result<TlsProbes, String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let mut parsed = Object::parse(object).map_err(|error| words(&error))?;
    parsed.relocate_btf(btf).map_err(|error| words(&error))?;
    let sections: HashSet<usize> = parsed
        .functions
        .keys()
        .map(|(section, _)| *section)
        .collect();
    let known = parsed.maps.clone();
    let known = known
        .iter()
        .filter_map(|(name, map)| Some((name.as_str(), maps.raw(name)?, map)));
    parsed
        .relocate_maps(known, &sections)
        .map_err(|error| words(&error))?;
    parsed
        .relocate_calls(&sections)
        .map_err(|error| words(&error))?;
    let one = |name: &str| {
        let program = parsed
            .programs
            .get(name)
            .ok_or_else(|| format!("{name} is not in the object"))?;
        let function = &parsed.functions[&program.function_key()];
        load_one(name, &program.license, &function.instructions)
            .map_err(|error| format!("cannot load kernel program {name}: {error}"))
    };
    Ok(TlsProbes {
        tls_enter: one("tls_enter")?,
        tls_return: one("tls_return")?,
        go_enter: one("go_enter")?,
        go_return: one("go_return")?,
        rust_enter: one("rust_enter")?,
        rust_return: one("rust_return")?,
    })
}

/// Loads without a log, and once more with one to say why it failed.
fn load_one(name: &str, license: &CStr, instructions: &[bpf_insn]) -> Result<OwnedFd, String> {
    if let Ok(fd) = try_load(name, license, instructions, &mut []) {
        return Ok(fd);
    }
    let mut log = vec![0; LOG_BYTES];
    try_load(name, license, instructions, &mut log).map_err(|error| {
        let said = String::from_utf8_lossy(&log);
        let said: Vec<&str> = said.trim_end_matches('\0').lines().collect();
        format!(
            "{error}\n{}",
            said[said.len().saturating_sub(8)..].join("\n")
        )
    })
}

fn try_load(
    name: &str,
    license: &CStr,
    instructions: &[bpf_insn],
    log: &mut [u8],
) -> io::Result<OwnedFd> {
    let mut short_name = [0; 16];
    for (to, from) in short_name.iter_mut().take(15).zip(name.bytes()) {
        *to = from;
    }
    let mut attributes = ProgramLoad {
        prog_type: BPF_PROG_TYPE_KPROBE,
        insn_count: u32::try_from(instructions.len()).unwrap_or(u32::MAX),
        insns: instructions.as_ptr() as u64,
        license: license.as_ptr() as u64,
        log_level: u32::from(!log.is_empty()),
        log_size: u32::try_from(log.len()).unwrap_or(0),
        log: if log.is_empty() {
            0
        } else {
            log.as_mut_ptr() as u64
        },
        kernel_version: 0,
        flags: 0,
        name: short_name,
        ifindex: 0,
        expected_attach_type: BPF_TRACE_UPROBE_MULTI,
    };
    // SAFETY: the attributes and all they point to outlive the call; the lengths are theirs.
    let program = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_PROG_LOAD,
            &raw mut attributes,
            size_of::<ProgramLoad>(),
        )
    };
    let program = libc::c_int::try_from(program).unwrap_or(-1);
    if program < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(program) })
}
