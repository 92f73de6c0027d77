//! From command-line sources to a checked configuration: every problem at once, nothing started.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use tapline_config::{
    ComponentId, Document, Environment, Input, KnownTypes, Layout, Problem, Problems, Secrets,
    load, print, read_file,
};
use tapline_pdata::Signal;
use tapline_pipeline::graph::{Pipeline, PipelineId, Plan};

use crate::{
    cli::Sources,
    components::{
        self, EXPORTERS, EXTENSIONS, MakeExporter, MakeExtension, MakeProcessor, MakeReceiver,
        PROCESSORS, RECEIVERS,
    },
    fingerprints::Fingerprints,
    places::Places,
    telemetry::TelemetryConfig,
};

/// The configuration that runs when none is given.
pub(crate) const BUILTIN: &str = include_str!("builtin.yaml");

/// A configuration that can run.
pub(crate) struct Settings {
    /// Extensions by id.
    pub(crate) extensions: BTreeMap<ComponentId, MakeExtension>,
    /// Receivers by id.
    pub(crate) receivers: BTreeMap<ComponentId, MakeReceiver>,
    /// Processors by id.
    pub(crate) processors: BTreeMap<ComponentId, MakeProcessor>,
    /// Exporters by id.
    pub(crate) exporters: BTreeMap<ComponentId, MakeExporter>,
    /// How they are joined.
    pub(crate) plan: Plan,
    /// How tapline speaks of itself.
    pub(crate) telemetry: TelemetryConfig,
    /// What is suspicious but usable.
    pub(crate) warnings: Problems,
    /// Where the components are written.
    pub(crate) places: Places,
    fingerprints: Fingerprints,
    /// All that was written, to be compared at a reload. It may hold secrets.
    written: String,
}

/// Reads the sources into one document.
pub(crate) fn document(sources: &Sources) -> Result<Document, Problems> {
    let mut inputs = Vec::new();
    let mut problems = Problems::new();
    for path in sources.files() {
        match read_file(Path::new(path)) {
            Ok(input) => inputs.push(input),
            Err(found) => problems.extend(found),
        }
    }
    if sources.configs.is_empty() {
        inputs.push(Input::text("built-in configuration", BUILTIN));
    }
    inputs.extend(sources.sets.iter().map(Input::set));
    if problems.has_errors() {
        return Err(problems);
    }
    load(&inputs, &environment())
}

/// Our own environment; what is no text cannot be referred to.
fn environment() -> Environment {
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

/// Checks a document: sections, settings of every component, references, the plan.
pub(crate) fn check(document: &Document) -> Result<Settings, Problems> {
    let mut problems = document.warnings().clone();
    let known = KnownTypes {
        receivers: &components::names(RECEIVERS),
        processors: &components::names(PROCESSORS),
        exporters: &components::names(EXPORTERS),
        connectors: &[],
        extensions: &components::names(EXTENSIONS),
    };
    let layout = Layout::read(document, &known, &mut problems);
    let extensions = section(EXTENSIONS, &layout.extensions, &mut problems);
    let receivers = section(RECEIVERS, &layout.receivers, &mut problems);
    let processors = section(PROCESSORS, &layout.processors, &mut problems);
    let exporters = section(EXPORTERS, &layout.exporters, &mut problems);
    only_one_tap(&layout.receivers, &mut problems);
    let telemetry = TelemetryConfig::read(&layout.service.telemetry, &mut problems);
    if problems.has_errors() {
        return Err(problems);
    }
    let pipelines = layout.service.pipelines.iter().filter_map(pipeline);
    let plan = Plan::new(pipelines.collect()).map_err(|errors| {
        for error in errors {
            problems.push(Problem::unplaced(error.to_string()));
        }
        problems.clone()
    })?;
    let started = layout.service.extensions.iter();
    let plan = plan.with_extensions(started.map(|id| id.value.clone()).collect());
    Ok(Settings {
        extensions,
        receivers,
        processors,
        exporters,
        plan,
        telemetry,
        places: Places::of(&layout),
        fingerprints: Fingerprints::of(&layout),
        written: print(document, Secrets::Shown),
        warnings: problems,
    })
}

impl Settings {
    /// Returns whether other settings say the same.
    pub(crate) fn say_the_same_as(&self, other: &Self) -> bool {
        self.written == other.written
    }

    /// Returns a text that differs when the settings of a component differ.
    pub(crate) fn fingerprint(&self, role: &str, id: &ComponentId) -> Option<&str> {
        self.fingerprints.get(role, id)
    }
}

/// The right to load is given up after the first tap, and a second would tell everything twice.
fn only_one_tap(receivers: &tapline_config::Section, problems: &mut Problems) {
    let taps = receivers.iter().filter(|(id, _)| id.value.kind == "ebpf");
    for (id, _) in taps.skip(1) {
        let message = "only one `ebpf` receiver can run: join its targets with those of the first";
        problems.push(Problem::error(&id.place, message));
    }
}

fn section<M>(
    table: &[components::Row<M>],
    section: &tapline_config::Section,
    problems: &mut Problems,
) -> BTreeMap<ComponentId, M> {
    let read = |(id, node): &(tapline_config::Located<ComponentId>, _)| {
        components::read(table, &id.value, node, problems).map(|made| (id.value.clone(), made))
    };
    section.iter().filter_map(read).collect()
}

/// `None` for a signal that does not exist, which `Layout::read` has reported.
fn pipeline(written: &tapline_config::Pipeline) -> Option<Pipeline> {
    let ids = |list: &[tapline_config::Located<ComponentId>]| {
        list.iter().map(|id| id.value.clone()).collect()
    };
    let id = &written.id.value;
    let signal = Signal::from_name(&id.signal)?;
    Some(Pipeline {
        id: PipelineId {
            signal,
            name: id.name.clone(),
        },
        receivers: ids(&written.receivers),
        processors: ids(&written.processors),
        exporters: ids(&written.exporters),
    })
}
