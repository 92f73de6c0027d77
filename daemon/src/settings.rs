//! From command-line sources to a checked configuration: every problem at once, nothing started.

use std::collections::BTreeMap;

use tapline_config::{
    ComponentId, Document, Input, KnownTypes, Layout, Lists, LoadOptions, Problem, Problems,
    Secrets, decode_valid, gather, print,
};
use tapline_pipeline::graph::Plan;
use tapline_receiver::ebpf;

use crate::{
    cli::Sources,
    components::{
        self, CONNECTORS, EXPORTERS, EXTENSIONS, MakeConnector, MakeExporter, MakeExtension,
        MakeProcessor, MakeReceiver, PROCESSORS, RECEIVERS,
    },
    fingerprints::Fingerprints,
    gates::{APPEND_LISTS, Gates},
    lint, names,
    places::Places,
    planning,
    surroundings::Surroundings,
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
    /// Connectors by id.
    pub(crate) connectors: BTreeMap<ComponentId, MakeConnector>,
    /// How they are joined.
    pub(crate) plan: Plan,
    /// How tapline speaks of itself.
    pub(crate) telemetry: TelemetryConfig,
    /// What is suspicious but usable.
    pub(crate) warnings: Problems,
    /// Where the components are written.
    pub(crate) places: Places,
    /// Sections and pipelines as they were written.
    pub(crate) layout: Layout,
    /// Which behaviour was turned on or off.
    pub(crate) gates: Gates,
    fingerprints: Fingerprints,
    /// All that was written, to be compared at a reload. It may hold secrets.
    written: String,
}

/// What the sources say, before any component has looked at its settings.
pub(crate) struct Written {
    /// All sources laid over each other.
    pub(crate) document: Document,
    /// Which behaviour was turned on or off.
    pub(crate) gates: Gates,
    /// What is wrong with the gates.
    problems: Problems,
}

impl Written {
    /// Checks what the sources say.
    pub(crate) fn check(&self) -> Result<Settings, Problems> {
        let settings = check(&self.document).map_err(|found| self.said(found))?;
        let warnings = self.said(settings.warnings);
        if warnings.has_errors() {
            return Err(warnings);
        }
        Ok(Settings {
            gates: self.gates.clone(),
            warnings,
            ..settings
        })
    }

    /// Returns what is suspicious; refuses what could not be read.
    pub(crate) fn read(&self) -> Result<Problems, Problems> {
        let problems = self.said(self.document.problems().clone());
        if problems.has_errors() {
            Err(problems)
        } else {
            Ok(problems)
        }
    }

    fn said(&self, mut problems: Problems) -> Problems {
        problems.extend(self.problems.clone());
        problems
    }
}

/// Reads the sources and checks what they say.
pub(crate) fn read(sources: &Sources) -> Result<Settings, Problems> {
    written(sources).check()
}

/// Reads the sources into one document, which tells what could not be read.
pub(crate) fn written(sources: &Sources) -> Written {
    let mut problems = Problems::new();
    let gates = Gates::read(&sources.feature_gates, &mut problems);
    let mut inputs: Vec<Input> = sources.configs.iter().map(Input::uri).collect();
    if sources.configs.is_empty() {
        inputs.push(Input::text("built-in configuration", BUILTIN));
    }
    inputs.extend(sources.sets.iter().map(Input::set));
    let options = LoadOptions {
        retrieve: &Surroundings::look(),
        lists: if gates.is_on(APPEND_LISTS) {
            Lists::Append
        } else {
            Lists::Replace
        },
    };
    Written {
        document: gather(&inputs, &options),
        gates,
        problems,
    }
}

/// Checks a document: sections, settings of every component, references, the plan.
pub(crate) fn check(document: &Document) -> Result<Settings, Problems> {
    let mut problems = document.problems().clone();
    let known = KnownTypes {
        receivers: &names::of(RECEIVERS),
        processors: &names::of(PROCESSORS),
        exporters: &names::of(EXPORTERS),
        connectors: &names::of(CONNECTORS),
        extensions: &names::of(EXTENSIONS),
        judge: names::judge,
    };
    let layout = Layout::read(document, &known, &mut problems);
    let extensions = section(EXTENSIONS, "extensions", &layout.extensions, &mut problems);
    let receivers = section(RECEIVERS, "receivers", &layout.receivers, &mut problems);
    let processors = section(PROCESSORS, "processors", &layout.processors, &mut problems);
    let exporters = section(EXPORTERS, "exporters", &layout.exporters, &mut problems);
    let connectors = section(CONNECTORS, "connectors", &layout.connectors, &mut problems);
    only_one_tap(&layout.receivers, &mut problems);
    lint::look(&layout, &mut problems);
    let telemetry = TelemetryConfig::read(&layout.service.telemetry, &mut problems);
    // How the parts join cannot be judged while some of them are missing.
    let plan = document
        .is_whole()
        .then(|| planning::plan(document, &layout, &connectors, &mut problems));
    if !document.is_whole() {
        problems.forget_absences();
    }
    let Some(plan) = plan.flatten().filter(|_| !problems.has_errors()) else {
        return Err(problems);
    };
    Ok(Settings {
        extensions,
        receivers,
        processors,
        exporters,
        connectors,
        plan,
        telemetry,
        places: Places::of(&layout),
        fingerprints: Fingerprints::of(&layout),
        written: print(document, Secrets::Shown),
        warnings: problems,
        gates: Gates::default(),
        layout,
    })
}

impl Settings {
    /// Returns whether other settings say the same.
    pub(crate) fn say_the_same_as(&self, other: &Self) -> bool {
        self.written == other.written
    }

    /// Returns the settings of the tap, if there is one.
    pub(crate) fn tap(&self) -> Option<ebpf::Config> {
        let mut taps = self.layout.receivers.iter();
        let (_, node) = taps.find(|(id, _)| id.value.kind == "ebpf")?;
        decode_valid(node, &mut Problems::default())
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
    name: &str,
    section: &tapline_config::Section,
    problems: &mut Problems,
) -> BTreeMap<ComponentId, M> {
    let read = |(id, node): &(tapline_config::Located<ComponentId>, _)| {
        let made = components::read(table, name, &id.value, node, problems);
        made.map(|made| (id.value.clone(), made))
    };
    section.iter().filter_map(read).collect()
}

/// Returns what is said about a configuration: its problems, or its warnings when it can run.
#[cfg(test)]
pub(crate) fn said_about(text: &str) -> String {
    let inputs = [Input::text("test.yaml", text)];
    let options = LoadOptions {
        retrieve: &tapline_config::Environment::default(),
        lists: Lists::Replace,
    };
    let checked = check(&gather(&inputs, &options));
    match checked {
        Ok(settings) => settings.warnings.to_string(),
        Err(problems) => problems.to_string(),
    }
}
