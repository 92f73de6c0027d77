//! Runs a configuration from start to stop, and the next one in its place.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use tapline_config::{Problem, Problems};
use tapline_net::listen::close_parked;
use tapline_pipeline::{
    Gauge, Meters, Proxies, Shared,
    graph::{self, Graph, Keep, RunSettings, Running},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};
use tracing::{error, info, warn};

use crate::{
    cli::{Conduct, Sources},
    factories::Workshop,
    host_view::HostView,
    settings::{self, Settings},
    telemetry::{logs, metrics},
    watch::Watch,
};

/// 1 while what is written is not what runs, because it could not be used.
const RELOAD_FAILED: (&str, &str) = (
    "otelcol_config_reload_failed",
    "Whether the last configuration that was read could not be used, so that an older one runs.",
);

/// What the log says of a reload: what the Collector says, because tools look for it.
const UPDATED: &str = "Config updated, restart service";
/// And when there was nothing to do.
const UNCHANGED: &str = "Config unchanged, what runs keeps running";

/// How long a reload may go on that was under way when somebody asked to stop, and which part of
/// the time there is to stop that may be at most.
const RELOAD_GRACE: (Duration, u32) = (Duration::from_secs(1), 10);

/// How often sockets are closed that a stopped server has left and no other took over.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// A signal that comes sooner after the first one is the same wish.
const ASKED_TWICE_AFTER: Duration = Duration::from_millis(500);

/// Everything about the process that a reload may exchange.
pub(crate) struct Host {
    pub(crate) settings: Settings,
    pub(crate) running: Running,
    pub(crate) meters: Meters,
    pub(crate) shared: Shared,
    pub(crate) view: HostView,
    /// Absent while own metrics could not be told as the last configuration wants.
    pub(crate) telling: Option<metrics::Telling>,
    pub(crate) shipping: logs::Shipping,
    /// What a reload that was cut short has left to say.
    pub(crate) former_shipping: Option<logs::Shipping>,
    pub(crate) reload_failed: Gauge,
    pub(crate) started: Instant,
}

/// Builds every component without starting any; what cannot be built is shown where it is written,
/// and a file that cannot be read is a warning: it may be there where tapline starts.
pub(crate) fn check(settings: &Settings) -> Result<(), Problems> {
    let meters = Meters::new();
    let view = &HostView::new(meters.clone());
    let workshop = Workshop { settings, view };
    let built = graph::build(
        &settings.plan,
        &workshop,
        &meters,
        &shared(),
        Keep::default(),
    );
    built
        .map(drop)
        .map_err(|errors| settings.places.foreseen(&errors))
}

/// Builds the components of a configuration that are not kept.
pub(crate) fn build(
    settings: &Settings,
    view: &HostView,
    meters: &Meters,
    shared: &Shared,
    keep: Keep,
) -> Result<Graph> {
    let workshop = Workshop { settings, view };
    graph::build(&settings.plan, &workshop, meters, shared, keep)
        .map_err(|errors| settings.places.problems(&errors).into())
}

fn shared() -> Shared {
    let variable = |name: &str| std::env::var(name).ok();
    Shared {
        proxies: Arc::new(Proxies::from_variables(variable)),
        ..Shared::default()
    }
}

/// Runs until a signal asks to stop, or a receiver fails for good.
pub(crate) async fn run(
    settings: Settings,
    sources: Sources,
    conduct: Conduct,
    mut watch: Watch,
) -> Result<()> {
    info!(version = env!("CARGO_PKG_VERSION"), "Starting tapline...");
    // Listened to from here on, so that a signal during the start is not lost.
    let mut signals = Signals::new()?;
    let time_to_stop = conduct.shutdown_timeout.get();
    let mut host = Host::start(settings, time_to_stop).await?;
    info!("Everything is ready. Begin running and processing data.");
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    let failure = loop {
        tokio::select! {
            name = signals.any() => {
                info!(signal = name, "{RECEIVED}");
                if name != HANGUP {
                    break None;
                }
            }
            () = watch.changed() => {}
            // What a reload has left over may stop long after it: nobody will take its socket.
            _ = sweep.tick() => {
                close_parked();
                continue;
            }
            fatal = host.running.wait_fatal() => break Some(fatal.into()),
        }
        match reload(&mut host, &sources, &mut signals, time_to_stop).await {
            Ok(Wish::GoOn) => {}
            Ok(Wish::Stop) => break None,
            Err(failure) => break Some(failure),
        }
    };
    if let Some(failure) = &failure {
        error!(error = %failure, "Asynchronous error received, terminating process");
    }
    info!("Starting shutdown...");
    stop(host, &mut signals).await;
    failure.map_or(Ok(()), Err)
}

/// What somebody wants after a reload.
enum Wish {
    GoOn,
    Stop,
}

/// Reloads, for as long as nobody asks to stop: a reload may be slow, or hang.
async fn reload(
    host: &mut Host,
    sources: &Sources,
    signals: &mut Signals,
    time_to_stop: Duration,
) -> Result<Wish> {
    let mut reloading = Box::pin(host.reload(sources));
    let name = tokio::select! {
        done = &mut reloading => return done.map(|()| Wish::GoOn),
        name = signals.stop() => name,
    };
    let asked = Instant::now();
    info!(signal = name, "{RECEIVED}");
    let (longest, part) = RELOAD_GRACE;
    // Cut off after that; what runs can be stopped all the same.
    let ended = timeout(longest.min(time_to_stop / part), &mut reloading).await;
    drop(reloading);
    match ended {
        Ok(done) => done?,
        Err(_elapsed) => warn!("stopping in the middle of a reload"),
    }
    host.running.shorten_stop(asked.elapsed());
    Ok(Wish::Stop)
}

/// Stops everything, or not everything if somebody asks for that.
async fn stop(host: Host, signals: &mut Signals) {
    let asked = Instant::now();
    let stopping = host.stop();
    tokio::pin!(stopping);
    loop {
        tokio::select! {
            () = &mut stopping => return info!("Shutdown complete."),
            name = signals.stop() => {
                // `timeout`, for one, signals the process and its group: that is one wish.
                if asked.elapsed() >= ASKED_TWICE_AFTER {
                    let text = "asked twice: not waiting for what is still queued";
                    return warn!(signal = name, "{text}");
                }
            }
        }
    }
}

/// The files to look at: those of the command line, if somebody asked to.
pub(crate) fn watched(sources: &Sources, conduct: &Conduct) -> Vec<PathBuf> {
    if conduct.watch {
        sources.files().map(Into::into).collect()
    } else {
        Vec::new()
    }
}

impl Host {
    async fn start(settings: Settings, shutdown_deadline: Duration) -> Result<Self> {
        let started = Instant::now();
        let (meters, shared) = (Meters::new(), shared());
        let view = HostView::new(meters.clone());
        view.set_gates(settings.gates.list());
        shared.memory.show(&meters);
        let (name, help) = RELOAD_FAILED;
        let reload_failed = meters.gauge(name, help, &[]);
        let telemetry = &settings.telemetry;
        let shipping = logs::start_shipping();
        let telling = metrics::start(&telemetry.metrics, &telemetry.resource, &meters, started)
            .await
            .map_err(|error| anyhow!(error))?;
        let graph = build(&settings, &view, &meters, &shared, Keep::default())?;
        view.set_graph(
            graph.status(),
            settings.plan.pipelines(),
            settings.plan.extensions(),
        );
        let running = graph.start(RunSettings { shutdown_deadline }).await?;
        tapline_ebpf::give_up_loading();
        view.is_running();
        Ok(Self {
            settings,
            running,
            meters,
            shared,
            view,
            telling: Some(telling),
            shipping,
            former_shipping: None,
            reload_failed,
            started,
        })
    }

    async fn stop(mut self) {
        self.view.is_stopping();
        // What could not be delivered is in the log by now.
        let _stopped = self.running.stop().await;
        close_parked();
        if let Some(telling) = &mut self.telling {
            telling.stop().await;
        }
        if let Some(former) = &mut self.former_shipping {
            former.stop().await;
        }
        self.shipping.stop().await;
    }

    /// Cancel-safe as far as stopping goes: whatever it has come to, everything can be stopped.
    async fn reload(&mut self, sources: &Sources) -> Result<()> {
        let done = match read(sources).await {
            Ok(next) if self.runs(&next) => Ok(UNCHANGED),
            Ok(next) => self.exchange(next).await?.map(|()| UPDATED),
            Err(problems) => Err(problems.to_string()),
        };
        close_parked();
        match done {
            Ok(news) => {
                self.reload_failed.set(0);
                info!("{news}");
            }
            Err(problem) => {
                self.reload_failed.set(1);
                error!(problem, "configuration not used, what runs keeps running");
            }
        }
        Ok(())
    }
}

/// Reads the configuration anew, on a thread that may wait for its files.
async fn read(sources: &Sources) -> Result<Settings, Problems> {
    let sources = sources.clone();
    let read = tokio::task::spawn_blocking(move || settings::written(&sources)).await;
    let written = read.map_err(|error| Problem::unplaced(error.to_string()))?;
    written.check()
}

/// What is said of a signal.
const RECEIVED: &str = "Received signal from OS";

/// The signal that means: read the configuration again.
const HANGUP: &str = "SIGHUP";

/// The signals that mean something to us.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind, name| signal(kind).with_context(|| format!("cannot listen for {name}"));
        Ok(Self {
            terminate: listen(SignalKind::terminate(), "SIGTERM")?,
            interrupt: listen(SignalKind::interrupt(), "SIGINT")?,
            hangup: listen(SignalKind::hangup(), "SIGHUP")?,
        })
    }

    /// Waits for a signal. Cancel-safe.
    async fn any(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hangup.recv() => HANGUP,
        }
    }

    /// Waits to be asked to stop. Cancel-safe: a signal that was not received yet is received next
    /// time.
    async fn stop(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
