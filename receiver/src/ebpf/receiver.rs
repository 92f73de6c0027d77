//! The component: loads the tap, starts the threads, hands their batches to the pipelines.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::SyncSender,
    },
    thread,
};

use async_trait::async_trait;
use tapline_ebpf::{Bounds, IgnoredProcesses, LoadError, Tap, Verdicts, clock};
use tapline_pdata::{Batch, Signal};
use tapline_pipeline::{Consumer, Outage, Outlets, Receiver, StartError, Stop, Work};
use tapline_protocols::conversation::Limits;
use tokio::{sync::mpsc, time::Instant};
use tracing::{info, warn};

use super::{
    Config,
    clock::WallClock,
    engine::{Advise, Engine, Parts},
    governor::Governing,
    ids::Ids,
    live::Mailbox,
    own::OwnCounts,
    process::{HostFacts, NoSource, ProcFs, ProcessSource, ProcessTable},
    threads::Parser,
    tls::{self, Notice, TlsReading},
    tracker::Judgement,
};

/// Batches that may wait for the pipelines. When they all do, the ring fills up.
const BATCHES_MAX: usize = 64;

/// The `ebpf` receiver.
pub struct Ebpf {
    config: Config,
}

impl Ebpf {
    /// Makes the receiver; nothing is loaded yet.
    pub fn new(config: Config) -> Self {
        Self { config }
    }
}

#[async_trait]
impl Receiver for Ebpf {
    async fn start(self: Box<Self>, out: Outlets, stop: Stop) -> Result<Work, StartError> {
        let bounds = Bounds {
            ring_bytes: self.config.ring_buffer_mib * 1024 * 1024,
            capture_bytes: self.config.capture_bytes,
        };
        let capture = self.config.capture.into();
        let (tls, scope) = (self.config.tls.clone(), tls::scope(&self.config));
        let load = move || {
            let (mut tap, gone) = Tap::load_and(bounds, capture, tls::gone_libraries)?;
            let probes = std::mem::replace(&mut tap.tls, Err(String::new()));
            Ok((tap, TlsReading::begin(probes, tls, scope, gone)))
        };
        let loaded = tokio::task::spawn_blocking(load).await;
        let (tap, tls) = loaded
            .map_err(|error| StartError(format!("loading the tap panicked: {error}")))?
            .map_err(|error: LoadError| StartError(error.to_string()))?;
        info!(
            existing_sockets = tap.existing.len(),
            capture = tap.plan.source.name(),
            without = tap.plan.without.join(" "),
            "tap loaded"
        );
        for error in &tap.refused {
            warn!(%error, "done without");
        }
        let (batches, received) = mpsc::channel(BATCHES_MAX);
        let threads = Threads::start(*self, tap, tls, batches)?;
        let outlet = |signal| Some((signal, out.get(signal)?));
        let out = Signal::ALL.into_iter().filter_map(outlet).collect();
        Ok(Box::pin(work(threads, received, out, stop)))
    }
}

/// The running threads and the way to end them.
struct Threads {
    stop: Arc<AtomicBool>,
    handles: Vec<thread::JoinHandle<()>>,
    /// The programs stay attached as long as this lives.
    programs: Option<tapline_ebpf::Programs>,
}

impl Threads {
    fn start(
        receiver: Ebpf,
        tap: Tap,
        tls: TlsReading,
        batches: mpsc::Sender<Batch>,
    ) -> Result<Self, StartError> {
        let Ebpf { config } = receiver;
        let host = HostFacts::read();
        let own = Arc::new(OwnCounts::new(tls.counts));
        let boot_wall_ns = boot_wall_ns();
        let host_name = host.name.clone();
        let live = config.live();
        let mut engine = Engine::new(Parts {
            processes: ProcessTable::new(source(tap.self_tgid), host, boot_wall_ns),
            live,
            buffered_bytes_max: config.buffered_mib as usize * 1024 * 1024,
            ids: Ids::from_system().map_err(|error| StartError(error.to_string()))?,
            clock: WallClock::new(clock::wall_offset_ns()),
            limits: limits(&config),
            existing: tap.existing,
            unknown_protocols: config.unknown_protocols,
            advice: Box::new(KernelAdvice {
                map: tap.ignored,
                verdicts: tap.verdicts,
                pids: HashMap::new(),
                notices: tls.notices,
            }),
        });
        tls.unseen
            .into_iter()
            .for_each(|pid| engine.on_running(pid));
        let parser = Parser {
            engine,
            batches,
            losses: tap.losses,
            silent: tap.silent,
            governing: Governing::new(config.cpu_share, tap.shedding),
            mailbox: Mailbox::open(),
            own,
            start_wall_ns: clock::monotonic_ns().saturating_add_signed(clock::wall_offset_ns()),
            host: host_name,
            metrics_interval: config.metrics_interval.get(),
            flush_interval: config.flush_interval.get(),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let ring_stop = Arc::clone(&stop);
        let ring = tap.ring;
        let mut threads = Self {
            stop,
            handles: Vec::new(),
            programs: Some(tap.programs),
        };
        let watch = tls.watch.map(|watch| spawn("tapline-tls", watch));
        threads.handles.extend(watch.transpose()?);
        let parse = move || parser.run(ring, &ring_stop);
        threads.handles.push(spawn("tapline-parse", parse)?);
        Ok(threads)
    }

    /// Detaches from the kernel first, so that the last look at the ring is really the last.
    fn request_stop(&mut self) {
        drop(self.programs.take());
        self.stop.store(true, Ordering::Release);
    }
}

/// Whatever happens to the work, the thread does not outlive it.
impl Drop for Threads {
    fn drop(&mut self) {
        self.request_stop();
    }
}

/// Returns what one connection may cost.
fn limits(config: &Config) -> Limits {
    let timeout_ns = u64::try_from(config.response_timeout.get().as_nanos());
    Limits {
        response_timeout_ns: timeout_ns.unwrap_or(u64::MAX),
        ..Limits::default()
    }
}

fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<thread::JoinHandle<()>, StartError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| StartError(format!("cannot start thread {name}: {error}")))
}

/// Where the batches of each signal go.
type Ways = BTreeMap<Signal, Arc<dyn Consumer>>;

/// Hands batches to the pipelines until the threads have told everything.
async fn work(
    mut threads: Threads,
    mut batches: mpsc::Receiver<Batch>,
    out: Ways,
    stop: Stop,
) -> Result<(), String> {
    let mut outage = Outage::default();
    let mut stopping = false;
    loop {
        let batch = tokio::select! {
            () = stop.requested(), if !stopping => {
                stopping = true;
                threads.request_stop();
                continue;
            }
            // Cancel-safe: a batch is either still in the channel or ours.
            batch = batches.recv() => batch,
        };
        let Some(batch) = batch else { break };
        hand_over(batch, &out, &mut outage).await;
    }
    // The parser is done, or has panicked.
    threads.request_stop();
    let handles = std::mem::take(&mut threads.handles);
    let joined = tokio::task::spawn_blocking(move || {
        handles.into_iter().all(|handle| handle.join().is_ok())
    });
    match (stopping, joined.await) {
        (true, Ok(true)) => Ok(()),
        (false, Ok(true)) => Err("the parsing thread ended by itself".to_owned()),
        _ => Err("a thread of the receiver panicked".to_owned()),
    }
}

/// A refused batch is lost: the kernel cannot be asked again. The pipeline's edge counts it.
async fn hand_over(batch: Batch, out: &Ways, outage: &mut Outage) {
    let Some(consumer) = out.get(&batch.signal()) else {
        return;
    };
    let items = u64::from(batch.items());
    match consumer.consume(batch).await {
        Ok(()) => {
            if let Some(over) = outage.succeeded(Instant::now()) {
                info!(
                    lost_items = over.dropped_items,
                    "pipeline takes captured telemetry again"
                );
            }
        }
        Err(refusal) => {
            if outage.failed(Instant::now()) {
                warn!(error = %refusal, "pipeline refuses captured telemetry; it is lost");
            }
            outage.dropped(items);
        }
    }
}

/// The kernel's list is bounded: whoever still shows up after this long has fallen out of it.
const FORGETS_AFTER_NS: u64 = 2_000_000_000;

/// Tells the kernel half, and remembers whom it was told about.
struct KernelAdvice {
    map: IgnoredProcesses,
    verdicts: Verdicts,
    /// And when, monotonic nanoseconds.
    pids: HashMap<u32, u64>,
    notices: Option<SyncSender<Notice>>,
}

impl Advise for KernelAdvice {
    fn ignore(&mut self, pid: u32) {
        let now_ns = clock::monotonic_ns();
        let told_ns = self.pids.get(&pid);
        // Records from before it was told are still on their way; later ones mean that it forgot.
        if told_ns.is_some_and(|told_ns| now_ns - told_ns < FORGETS_AFTER_NS) {
            return;
        }
        match self.map.ignore(pid) {
            Ok(()) => drop(self.pids.insert(pid, now_ns)),
            Err(error) => warn!(%error, pid, "cannot tell the kernel to leave a process alone"),
        }
    }

    fn announce_again(&mut self) {
        if let Err(error) = self.map.announce_again() {
            warn!(%error, "cannot ask the kernel to name its connections again");
        }
    }

    fn judge(&mut self, judgements: &[Judgement]) {
        let given = judgements.iter().try_for_each(|judgement| {
            self.verdicts
                .give(judgement.cookie, judgement.verdict, judgement.knows)
        });
        if let Err(error) = given.and_then(|()| self.verdicts.renew()) {
            warn!(%error, "cannot tell the kernel what connections are");
        }
    }

    fn look_for_tls(&mut self, notice: Notice) {
        if let Some(notices) = &self.notices {
            // A full queue is no reason to wait: the process is asked about again when it speaks.
            let _ = notices.try_send(notice);
        }
    }

    fn trace_all(&mut self) {
        let pids: Vec<u32> = self.pids.keys().copied().collect();
        for pid in pids {
            self.trace(pid);
        }
    }

    fn trace(&mut self, pid: u32) {
        if self.pids.remove(&pid).is_some()
            && let Err(error) = self.map.trace(pid)
        {
            warn!(%error, pid, "cannot tell the kernel to trace a process again");
        }
    }
}

/// In a pid namespace of our own the kernel's numbers are not those of our `/proc`: asking it would
/// give other processes' names.
fn source(self_tgid: u32) -> Box<dyn ProcessSource> {
    let own = std::process::id();
    if self_tgid == own {
        return Box::new(ProcFs::default());
    }
    warn!(
        kernel_pid = self_tgid,
        own_pid = own,
        "not in the initial pid namespace: processes older than tapline cannot be named (hostPID)"
    );
    Box::new(NoSource)
}

/// Wall time at which `CLOCK_BOOTTIME` was zero, nanoseconds since 1970.
fn boot_wall_ns() -> u64 {
    let suspended = i64::try_from(clock::suspended_ns()).unwrap_or(0);
    u64::try_from(clock::wall_offset_ns() - suspended).unwrap_or(0)
}
