//! The components that the tests are played with. What one does is its type in the configuration.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use tapline_config::ComponentId;
use tapline_pdata::{Batch, Signal};
use tokio::time::sleep;

use super::super::{
    Branches, Connectors, Factories, Graph, Keep, MakeConnector, Node, Pipeline, PipelineId, Plan,
    PlanError, Processor, RunSettings, Running, Ship, build,
};
use super::transforms::{FakeTransform, logs};
use crate::{
    BuildContext, Consumer, DeliverySettings, Exporter, Extension, Outlets, Receiver, Refusal,
    Shared, Stage, StartError, Stop, Work,
    fake::{FakeExporter, batch_of, id},
    meter::{
        Meters,
        account::{Account, Outcome, Reason},
    },
};

/// What happened, in order.
pub(super) type Story = Arc<Mutex<Vec<String>>>;

pub(super) fn tell(story: &Story, line: String) {
    story.lock().expect("not poisoned").push(line);
}

/// Everything the components of one test share.
#[derive(Default)]
pub(super) struct Cast {
    pub(super) meters: Meters,
    pub(super) story: Story,
    pub(super) exporters: Mutex<BTreeMap<String, Arc<FakeExporter>>>,
    /// Where receivers leave their outlets, so that a test can push data itself.
    pub(super) outlets: Arc<Mutex<BTreeMap<String, Outlets>>>,
    /// Whether somebody has the one port there is.
    pub(super) port: Arc<AtomicBool>,
    /// How exporters are delivered to.
    pub(super) delivery: DeliverySettings,
    /// What is written for a component, by id: changing it makes a reload replace the component.
    pub(super) settings: Mutex<BTreeMap<String, String>>,
}

impl Cast {
    /// Says what an exporter does, by its script.
    pub(super) fn scripted(self, exporter: &str, script: &str) -> Self {
        let made = FakeExporter::new(script);
        self.exporters
            .lock()
            .expect("not poisoned")
            .insert(exporter.to_owned(), made);
        self
    }

    pub(super) fn exporter(&self, id: &str) -> Arc<FakeExporter> {
        Arc::clone(&self.exporters.lock().expect("not poisoned")[id])
    }

    pub(super) fn built(&self, pipelines: &str) -> Graph {
        let plan = planned(pipelines).expect("a valid plan");
        build(
            &plan,
            self,
            &self.meters,
            &Shared::default(),
            Keep::default(),
        )
        .unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    pub(super) async fn running(&self, pipelines: &str) -> Running {
        self.built(pipelines)
            .start(RunSettings::default())
            .await
            .expect("starts")
    }

    /// Puts a graph of these pipelines, and these extensions, in place of a running one.
    pub(super) async fn reload(
        &self,
        running: &mut Running,
        pipelines: &str,
        extensions: &str,
    ) -> Result<(), String> {
        let plan = planned(pipelines).expect("a valid plan");
        let plan = plan.with_extensions(extensions.split_whitespace().map(id).collect());
        let graph = build(
            &plan,
            self,
            &self.meters,
            &Shared::default(),
            running.keep(),
        );
        let graph = graph.unwrap_or_else(|errors| panic!("{errors:?}"));
        let taken = running.take_over(graph).await;
        taken.map_err(|failure| failure.to_string())
    }

    /// Changes what is written for a component.
    pub(super) fn rewrite(&self, id: &str, settings: &str) {
        let mut written = self.settings.lock().expect("not poisoned");
        written.insert(id.to_owned(), settings.to_owned());
    }

    /// Pushes a batch through a receiver, as if it had received it.
    pub(super) async fn push(
        &self,
        receiver: &str,
        signal: Signal,
        items: u32,
    ) -> Result<(), Refusal> {
        let outlets = self.outlets.lock().expect("not poisoned")[receiver].clone();
        outlets
            .get(signal)
            .expect("a pipeline wants it")
            .consume(batch_of(signal, items))
            .await
    }

    /// Pushes log records that transforms can look at.
    pub(super) async fn push_logs(&self, receiver: &str, items: u32) -> Result<(), Refusal> {
        let outlets = self.outlets.lock().expect("not poisoned")[receiver].clone();
        let outlet = outlets.get(Signal::Logs).expect("a pipeline wants it");
        outlet.consume(logs(items)).await
    }

    pub(super) fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.story.lock().expect("not poisoned"))
    }

    pub(super) fn total(&self, metric: &str, label: &'static str, value: &str) -> u64 {
        self.meters.total(metric, &[(label, value)])
    }
}

/// Reads pipelines, one per line: `traces/a: receivers | processors | exporters`.
pub(super) fn parsed(text: &str) -> Vec<Pipeline> {
    let ids = |text: &str| text.split_whitespace().map(id).collect::<Vec<_>>();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let pipeline = |line: &str| {
        let (at, rest) = line.split_once(':').expect("a pipeline has a colon");
        let (signal, name) = at.split_once('/').unwrap_or((at, ""));
        let signal = Signal::from_name(signal).expect("a signal");
        let parts: Vec<&str> = rest.split('|').collect();
        let [receivers, processors, exporters] = parts[..] else {
            panic!("three parts: {line}")
        };
        Pipeline {
            id: PipelineId {
                signal,
                name: name.to_owned(),
            },
            receivers: ids(receivers),
            processors: ids(processors),
            exporters: ids(exporters),
        }
    };
    lines.map(pipeline).collect()
}

/// Makes a plan in which `join` passes on what it gets, and `count` makes metrics of anything.
pub(super) fn planned(text: &str) -> Result<Plan, Vec<PlanError>> {
    let pipelines = parsed(text);
    let ids = pipelines
        .iter()
        .flat_map(|at| at.receivers.iter().chain(&at.exporters));
    let pairs = |id: &ComponentId| match id.kind.as_str() {
        "join" => Some(Signal::ALL.map(|signal| (signal, signal)).into()),
        "count" => Some(Signal::ALL.map(|signal| (signal, Signal::Metrics)).into()),
        _ => None,
    };
    let connectors: Connectors = ids
        .filter_map(|id| Some((id.clone(), pairs(id)?)))
        .collect();
    Plan::joined(pipelines, connectors)
}

impl Factories for Cast {
    fn fingerprint(&self, node: &Node) -> String {
        let settings = self.settings.lock().expect("not poisoned");
        settings
            .get(&node.id().to_string())
            .cloned()
            .unwrap_or_default()
    }

    fn extension(&self, context: &BuildContext) -> Result<Arc<dyn Extension>, String> {
        Ok(Arc::new(FakeExtension {
            id: context.id.clone(),
            story: Arc::clone(&self.story),
            port: Arc::clone(&self.port),
        }))
    }

    fn receiver(&self, context: &BuildContext, _: &[Signal]) -> Result<Box<dyn Receiver>, String> {
        if context.id.kind == "broken" {
            return Err("no such luck".to_owned());
        }
        Ok(Box::new(FakeReceiver {
            id: context.id.clone(),
            story: Arc::clone(&self.story),
            outlets: Arc::clone(&self.outlets),
        }))
    }

    fn processor(&self, context: &BuildContext) -> Result<Processor, String> {
        let id = context.id.clone();
        if id.kind == "broken" {
            return Err("no such luck".to_owned());
        }
        let settings = self.settings.lock().expect("not poisoned");
        let settings = settings
            .get(&id.to_string())
            .filter(|text| !text.is_empty());
        let name = settings.map_or_else(|| id.to_string(), |text| format!("{id}={text}"));
        if let Some(transform) = FakeTransform::of(&id.kind, name, &self.story) {
            return Ok(Processor::Transform(transform));
        }
        let story = Arc::clone(&self.story);
        let account = match id.kind.as_str() {
            "leaky" => context.meters.account(context.signal, &[]),
            _ => Account::new(),
        };
        Ok(Processor::Stage(Box::new(|next| {
            let held = Mutex::default();
            Ok(Arc::new(FakeStage {
                id,
                next,
                held,
                account,
                story,
            }))
        })))
    }

    fn connector(
        &self,
        context: &BuildContext,
        from: Signal,
        to: Signal,
    ) -> Result<MakeConnector, String> {
        let id = context.id.clone();
        if id.name == "broken" {
            return Err("no such luck".to_owned());
        }
        let story = Arc::clone(&self.story);
        Ok(Box::new(move |branches: Branches| {
            let next = branches.all();
            let made = if from == to { None } else { Some(to) };
            Ok(Arc::new(FakeConnector {
                id,
                made,
                next,
                story,
            }))
        }))
    }

    fn exporter(&self, context: &BuildContext) -> Result<Ship, String> {
        if context.id.kind == "broken" {
            return Err("no such luck".to_owned());
        }
        let mut exporters = self.exporters.lock().expect("not poisoned");
        let exporter = exporters.entry(context.id.to_string());
        let fake = Arc::clone(exporter.or_insert_with(|| FakeExporter::new("take")));
        let exporter: Arc<dyn Exporter> = fake;
        Ok(Ship {
            exporter,
            delivery: self.delivery.clone(),
        })
    }
}

/// Tells when it starts and stops; `port` needs the port, `refusing` does not start.
struct FakeExtension {
    id: ComponentId,
    story: Story,
    port: Arc<AtomicBool>,
}

#[async_trait]
impl Extension for FakeExtension {
    async fn start(self: Arc<Self>, stop: Stop) -> Result<Option<Work>, StartError> {
        let needs_port = self.id.kind == "port";
        if self.id.kind == "refusing" || (needs_port && self.port.swap(true, Relaxed)) {
            return Err(StartError("address in use".to_owned()));
        }
        tell(&self.story, format!("{} started", self.id));
        Ok(Some(Box::pin(async move {
            stop.requested().await;
            if needs_port {
                self.port.store(false, Relaxed);
            }
            tell(&self.story, format!("{} stopped", self.id));
            Ok(())
        })))
    }
}

/// `open` waits for stop; `busy` pushes a batch, then waits for its answer and for stop; `stuck`
/// never stops; `failing` and `panicking` do so at once; `refusing` does not start.
struct FakeReceiver {
    id: ComponentId,
    story: Story,
    outlets: Arc<Mutex<BTreeMap<String, Outlets>>>,
}

#[async_trait]
impl Receiver for FakeReceiver {
    async fn start(self: Box<Self>, out: Outlets, stop: Stop) -> Result<Work, StartError> {
        let Self { id, story, outlets } = *self;
        if id.kind == "refusing" {
            return Err(StartError("address in use".to_owned()));
        }
        tell(&story, format!("{id} started"));
        // As every receiver does: what it may count is listed from now on.
        let _asked = Signal::ALL.map(|signal| out.get(signal).is_some());
        outlets
            .lock()
            .expect("not poisoned")
            .insert(id.to_string(), out.clone());
        Ok(Box::pin(async move {
            match id.kind.as_str() {
                "failing" => return Err("socket is gone".to_owned()),
                "panicking" => panic!("receiver bug"),
                "busy" => {
                    let outlet = out.get(Signal::Traces).expect("a pipeline wants it");
                    let taken = outlet.consume(batch_of(Signal::Traces, 3)).await.is_ok();
                    tell(&story, format!("{id} got its answer: {taken}"));
                    stop.requested().await;
                }
                "stuck" => std::future::pending().await,
                _ => stop.requested().await,
            }
            tell(&story, format!("{id} stopped"));
            Ok(())
        }))
    }
}

/// `pass` passes on; `hold` keeps everything until it is drained, and
/// `tardy` for a second longer; `leaky` loses it then; `bomb` panics on a batch;
/// `worker` fails in the background; `clog` never finishes draining.
struct FakeStage {
    id: ComponentId,
    next: Arc<dyn Consumer>,
    held: Mutex<Vec<Batch>>,
    account: Account,
    story: Story,
}

#[async_trait]
impl Consumer for FakeStage {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        match self.id.kind.as_str() {
            "bomb" => panic!("stage bug"),
            "leaky" => {
                self.account.receive(u64::from(batch.items()));
                self.held.lock().expect("not poisoned").push(batch);
                Ok(())
            }
            "hold" | "tardy" => {
                self.held.lock().expect("not poisoned").push(batch);
                Ok(())
            }
            _ => self.next.consume(batch).await,
        }
    }
}

#[async_trait]
impl Stage for FakeStage {
    fn start(self: Arc<Self>, stop: Stop) -> Option<Work> {
        tell(&self.story, format!("{} started", self.id));
        let id = self.id.clone();
        Some(Box::pin(async move {
            if id.kind == "worker" {
                return Err("lost its way".to_owned());
            }
            stop.requested().await;
            Ok(())
        }))
    }

    async fn drain(&self, _: Duration) {
        if self.id.kind == "clog" {
            std::future::pending::<()>().await;
        }
        if self.id.kind == "tardy" {
            sleep(Duration::from_secs(1)).await;
        }
        let held = std::mem::take(&mut *self.held.lock().expect("not poisoned"));
        for batch in held {
            if self.id.kind == "leaky" {
                let items = u64::from(batch.items());
                self.account
                    .settle(items, Outcome::Dropped(Reason::Shutdown));
                continue;
            }
            let _refused = self.next.consume(batch).await;
        }
        tell(&self.story, format!("{} drained", self.id));
    }
}

/// Passes on what it gets, or one item of another signal for each batch.
struct FakeConnector {
    id: ComponentId,
    made: Option<Signal>,
    next: Arc<dyn Consumer>,
    story: Story,
}

#[async_trait]
impl Consumer for FakeConnector {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        let batch = self.made.map_or(batch, |signal| batch_of(signal, 1));
        self.next.consume(batch).await
    }
}

#[async_trait]
impl Stage for FakeConnector {
    fn start(self: Arc<Self>, _: Stop) -> Option<Work> {
        tell(&self.story, format!("{} started", self.id));
        None
    }

    async fn drain(&self, _: Duration) {
        tell(&self.story, format!("{} drained", self.id));
    }
}
