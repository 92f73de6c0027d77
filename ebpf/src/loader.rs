//! Puts the programs into the kernel and takes them out again when dropped.

use aya::{
    Btf, Ebpf, EbpfLoader, VerifierLogLevel,
    maps::{Array, HashMap, Map, MapError, PerCpuArray, RingBuf},
    programs::{BtfTracePoint, Iter, ProgramError},
};

use crate::{
    Bounds, ExistingSocket, IgnoredProcesses, Losses, Ring, Unavailable, Verdicts,
    abi::Control,
    control::ControlEntry,
    existing, preflight, privilege,
    tls::{self, TlsProbes},
};

#[cfg(target_arch = "x86_64")]
static OBJECT: &[u8] = aya::include_bytes_aligned!("../objects/tapline.x86_64.o");
#[cfg(target_arch = "aarch64")]
static OBJECT: &[u8] = aya::include_bytes_aligned!("../objects/tapline.aarch64.o");

/// Programs that hook a tracepoint of their own name, in the order they are attached: connections
/// before bytes, so that no connection moves bytes before its role could be remembered.
const TRACEPOINTS: [&str; 11] = [
    "sched_process_fork",
    "sched_process_exec",
    "sched_process_exit",
    "inet_sock_set_state",
    "tcp_destroy_sock",
    "io_uring_submit_req",
    "io_uring_poll_arm",
    "io_uring_queue_async_work",
    "tcp_rcv_space_adjust",
    "sock_recv_length",
    "sock_send_length",
];
const ITERATOR: &str = "existing_sockets";

/// The programs could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The machine lacks something; nothing was tried.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The object itself was refused.
    #[error("cannot load the kernel object: {0}")]
    Object(#[source] aya::EbpfError),
    /// One program was refused, or could not be attached.
    #[error("cannot {step} kernel program {program}: {reason}")]
    Program {
        /// The function in the object.
        program: &'static str,
        /// `load` or `attach`.
        step: &'static str,
        /// The kernel's words, the verifier's last lines if it spoke.
        reason: String,
    },
    /// A map is not there or not as expected.
    #[error("cannot use kernel map {map}: {source}")]
    Map {
        /// Its name in the object.
        map: &'static str,
        /// What aya said.
        #[source]
        source: MapError,
    },
    /// The kernel's type information could not be read.
    #[error("cannot read the kernel's type information: {0}")]
    Btf(#[source] aya::BtfError),
    /// The ring or the iterator could not be opened.
    #[error("cannot read from the kernel: {0}")]
    Io(#[source] std::io::Error),
}

/// The programs in the kernel, attached as long as this lives.
pub struct Programs(#[expect(dead_code, reason = "held for its drop, which detaches")] Ebpf);

/// The loaded tap.
pub struct Tap {
    /// Keeps everything attached.
    pub programs: Programs,
    /// Records, in order.
    pub ring: Ring,
    /// Sockets that existed before.
    pub existing: Vec<ExistingSocket>,
    /// Loss counters.
    pub losses: Losses,
    /// Processes to leave alone.
    pub ignored: IgnoredProcesses,
    /// What sockets were found to be.
    pub verdicts: Verdicts,
    /// Probes for TLS libraries, not attached to any yet; or why there are none.
    pub tls: Result<TlsProbes, String>,
    /// Our own process as the kernel counts: another number than ours inside a pid namespace.
    pub self_tgid: u32,
}

impl Tap {
    /// Checks the machine, loads and attaches all programs, and lists existing sockets.
    ///
    /// Takes some 100 ms: the kernel's types are parsed and every program is verified. Done by the
    /// thread that kept the right to, if [`keep_for_loading`](crate::keep_for_loading) was called;
    /// such a process loads once.
    pub fn load(bounds: Bounds) -> Result<Self, LoadError> {
        privilege::load(bounds)
    }

    /// Loads with the capabilities of this very thread.
    pub(crate) fn load_here(bounds: Bounds) -> Result<Self, LoadError> {
        preflight()?;
        let btf = Btf::from_sys_fs().map_err(LoadError::Btf)?;
        let mut ebpf = EbpfLoader::new()
            .btf(Some(&btf))
            .verifier_log_level(VerifierLogLevel::DISABLE)
            // aya has no type for task storage; only the programs use it.
            .allow_unsupported_maps()
            .map_max_entries("events", bounds.kernel_ring_bytes())
            .load(OBJECT)
            .map_err(LoadError::Object)?;
        let tls = tls::MapFds::of(&ebpf)
            .map_err(|error| error.to_string())
            .and_then(|maps| tls::load(OBJECT, &btf, &maps));
        let control = ControlEntry::new(take(&mut ebpf, "control", Array::try_from)?);
        let in_use = |source| LoadError::Map {
            map: "control",
            source,
        };
        let settings = Control {
            generation: 1,
            shed_from: bounds.kernel_shed_from(),
            data_until: bounds.kernel_data_until(),
            ..Control::default()
        };
        control.change(|now| *now = settings).map_err(in_use)?;
        let existing = list_existing(&mut ebpf, &btf)?;
        for name in TRACEPOINTS {
            attach(&mut ebpf, name, &btf)?;
        }
        let ring = take(&mut ebpf, "events", RingBuf::try_from)?;
        // Only now: between two attached hooks a request would be seen without its answer.
        let capture_max = bounds.kernel_capture_bytes();
        let settings = control
            .change(|now| now.capture_max = capture_max)
            .map_err(in_use)?;
        Ok(Self {
            ring: Ring::new(ring).map_err(LoadError::Io)?,
            existing,
            losses: Losses(take(&mut ebpf, "losses", PerCpuArray::try_from)?),
            ignored: IgnoredProcesses {
                ignored: take(&mut ebpf, "ignored", HashMap::try_from)?,
                control: control.clone(),
            },
            verdicts: Verdicts {
                map: take(&mut ebpf, "verdicts", HashMap::try_from)?,
                control,
                is_renewed: false,
            },
            tls,
            self_tgid: settings.self_tgid,
            programs: Programs(ebpf),
        })
    }
}

fn take<T>(
    ebpf: &mut Ebpf,
    map: &'static str,
    convert: impl FnOnce(Map) -> Result<T, MapError>,
) -> Result<T, LoadError> {
    let found = ebpf.take_map(map).ok_or_else(|| LoadError::Map {
        map,
        source: MapError::InvalidName {
            name: map.to_owned(),
        },
    })?;
    convert(found).map_err(|source| LoadError::Map { map, source })
}

/// Runs the iterator before anything else is attached: it also tells the kernel half who we are.
fn list_existing(ebpf: &mut Ebpf, btf: &Btf) -> Result<Vec<ExistingSocket>, LoadError> {
    let program = program::<Iter>(ebpf, ITERATOR)?;
    program
        .load("task_file", btf)
        .map_err(|error| refused(ITERATOR, "load", &error))?;
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

fn attach(ebpf: &mut Ebpf, name: &'static str, btf: &Btf) -> Result<(), LoadError> {
    let program = program::<BtfTracePoint>(ebpf, name)?;
    program
        .load(name, btf)
        .map_err(|error| refused(name, "load", &error))?;
    program
        .attach()
        .map_err(|error| refused(name, "attach", &error))?;
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
