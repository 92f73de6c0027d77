//! Puts the programs into the kernel and takes them out again when dropped.

use aya::{
    Btf, Ebpf, EbpfLoader, VerifierLogLevel,
    maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray},
};

use crate::{
    Bounds, Capture, ExistingSocket, Facts, IgnoredProcesses, Losses, Plan, Ring, SilentSockets,
    Source, Unavailable, Verdicts,
    abi::Control,
    control::{ControlEntry, Shedding},
    diagnosis::{Diagnosis, Trial},
    memlock, object, privilege, programs,
    tls::{self, TlsProbes},
};

#[cfg(target_arch = "x86_64")]
static OBJECT: &[u8] = aya::include_bytes_aligned!("../objects/tapline.x86_64.o");
#[cfg(target_arch = "aarch64")]
static OBJECT: &[u8] = aya::include_bytes_aligned!("../objects/tapline.aarch64.o");

/// What the programs read as global data: a map of one entry.
const CONTROL: &str = ".data.control";

/// Sockets remembered by their address, where nobody needs that.
const BY_ADDRESS: &str = "sockets_by_address";

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
    /// Sockets that have something untold.
    pub silent: SilentSockets,
    /// Processes to leave alone.
    pub ignored: IgnoredProcesses,
    /// What sockets were found to be.
    pub verdicts: Verdicts,
    /// How much of all is let go.
    pub shedding: Shedding,
    /// Probes for TLS libraries, not attached to any yet; or why there are none.
    pub tls: Result<TlsProbes, String>,
    /// What was decided to be loaded.
    pub plan: Plan,
    /// What the kernel refused of it that the rest can do without.
    pub refused: Vec<LoadError>,
    /// Our own process as the kernel counts: another number than ours inside a pid namespace.
    pub self_tgid: u32,
}

impl Tap {
    /// Checks the machine, loads and attaches all programs, and lists existing sockets.
    ///
    /// Takes some 100 ms: the kernel's types are parsed and every program is verified. Done by the
    /// thread that kept the right to, if [`keep_for_loading`](crate::keep_for_loading) was called;
    /// such a process loads once.
    pub fn load(bounds: Bounds, capture: Capture) -> Result<Self, LoadError> {
        Self::load_and(bounds, capture, || ()).map(|(tap, ())| tap)
    }

    /// Loads, and does something more with the rights that are given up after it.
    pub fn load_and<T: Send + 'static>(
        bounds: Bounds,
        capture: Capture,
        more: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(Self, T), LoadError> {
        privilege::with_rights(move || Ok((Self::load_here(bounds, capture)?, more())))
            .map_err(LoadError::Io)?
    }

    /// Loads with the capabilities of this very thread.
    fn load_here(bounds: Bounds, capture: Capture) -> Result<Self, LoadError> {
        let facts = Facts::gather();
        let plan = Plan::of(&facts, capture)?;
        let btf = Btf::from_sys_fs().map_err(LoadError::Btf)?;
        let object = object::planned(OBJECT, &plan);
        let mut ebpf = create(&object, &btf, bounds, &plan)?;
        let tls = load_tls(&object, &btf, &ebpf, &plan);
        let control = ControlEntry::new(take(&mut ebpf, CONTROL, Array::try_from)?);
        let in_use = |source| LoadError::Map {
            map: CONTROL,
            source,
        };
        let settings = settings(bounds);
        control.change(|now| *now = settings).map_err(in_use)?;
        let verified = programs::verify(&mut ebpf, &btf, &plan)?;
        let mut existing = Vec::new();
        if plan.lists_existing {
            // Before anything else is attached: it also tells the kernel half who we are.
            existing = programs::list_existing(&mut ebpf)?;
        }
        for hook in verified.hooks {
            programs::attach(&mut ebpf, hook)?;
        }
        if plan.source == Source::Packet {
            programs::attach_to_packets(&mut ebpf, &facts)?;
            if plan.lists_existing {
                // Once more: how far connections have come, now that nothing is missed any more.
                existing = programs::list_existing(&mut ebpf)?;
            }
        }
        let ring = take(&mut ebpf, "events", ring_data)?;
        // Only now: between two attached hooks a request would be seen without its answer.
        let capture_max = bounds.kernel_capture_bytes();
        let settings = control
            .change(|now| now.capture_max = capture_max)
            .map_err(in_use)?;
        let silent = SilentSockets::new(programs::find_silent(&ebpf), control.clone());
        Ok(Self {
            silent,
            ring: Ring::new(ring, bounds.kernel_ring_bytes()).map_err(LoadError::Io)?,
            existing,
            losses: Losses(take(&mut ebpf, "losses", PerCpuArray::try_from)?),
            ignored: IgnoredProcesses {
                ignored: take(&mut ebpf, "ignored", HashMap::try_from)?,
                control: control.clone(),
            },
            shedding: Shedding(control.clone()),
            verdicts: Verdicts {
                map: take(&mut ebpf, "verdicts", HashMap::try_from)?,
                control,
                is_renewed: false,
            },
            tls,
            self_tgid: settings.self_tgid,
            plan,
            refused: verified.refused,
            programs: Programs(ebpf),
        })
    }
}

/// What the kernel half is told at first: not to capture yet.
fn settings(bounds: Bounds) -> Control {
    Control {
        generation: 1,
        // Inside a pid namespace the kernel counts otherwise; then the iterator knows better.
        self_tgid: std::process::id(),
        shed_from: bounds.kernel_shed_from(),
        data_until: bounds.kernel_data_until(),
        ..Control::default()
    }
}

/// Says what this machine allows, with the rights that were kept for loading: the programs are
/// loaded for a try, where that is allowed, and not attached.
pub fn examine(capture: Capture) -> Result<(Facts, Diagnosis), LoadError> {
    privilege::with_rights(move || {
        let facts = Facts::gather();
        let plan = Plan::of(&facts, capture).ok();
        let trial: Option<Trial> =
            plan.map(|plan| try_programs(&plan).map_err(|error| error.to_string()));
        let diagnosis = Diagnosis::of(&facts, capture, trial.as_ref());
        (facts, diagnosis)
    })
    .map_err(LoadError::Io)
}

/// Has every program verified; returns how many there are.
fn try_programs(plan: &Plan) -> Result<usize, LoadError> {
    let btf = Btf::from_sys_fs().map_err(LoadError::Btf)?;
    let object = object::planned(OBJECT, plan);
    let mut ebpf = create(&object, &btf, Bounds::default(), plan)?;
    let verified = programs::verify(&mut ebpf, &btf, plan)?;
    match verified.refused.into_iter().next() {
        Some(error) => Err(error),
        None => Ok(verified.count),
    }
}

/// The memory of the ring is ours to map.
fn ring_data(map: Map) -> Result<MapData, MapError> {
    match map {
        Map::RingBuf(data) => Ok(data),
        _ => Err(MapError::InvalidMapType { map_type: 0 }),
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

/// Creates the maps; nothing is verified yet.
fn create(object: &[u8], btf: &Btf, bounds: Bounds, plan: &Plan) -> Result<Ebpf, LoadError> {
    let mut loader = EbpfLoader::new();
    loader
        .btf(Some(btf))
        // Asked for only when a program was refused.
        .verifier_log_level(VerifierLogLevel::VERBOSE | VerifierLogLevel::STATS)
        // aya has no type for task storage; only the programs use it.
        .allow_unsupported_maps()
        .map_max_entries("events", bounds.kernel_ring_bytes())
        .override_global("kernel_has", &plan.kernel_has, true);
    if plan.has_socket_storage() {
        loader.map_max_entries(BY_ADDRESS, 1);
    } else {
        memlock::lift();
    }
    if !plan.has_task_storage() {
        // The kernel would refuse the whole object for maps that no program of ours would use.
        for map in object::TASK_STORAGES {
            loader.map_max_entries(map, 1);
        }
    }
    loader.load(object).map_err(LoadError::Object)
}

/// Loads the probes for TLS libraries, which the rest can do without.
fn load_tls(object: &[u8], btf: &Btf, ebpf: &Ebpf, plan: &Plan) -> Result<TlsProbes, String> {
    plan.tls?;
    let maps = tls::MapFds::of(ebpf).map_err(|error| error.to_string())?;
    tls::load(object, btf, &maps)
}
