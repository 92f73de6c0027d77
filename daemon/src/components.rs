//! Every component there is, from top to bottom. A component not in these tables does not exist.

use std::sync::{Arc, Mutex};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;
use tapline_config::{ComponentId, Node, Problems, decode_valid};
use tapline_exporters::{debug, otlp_grpc, otlp_http, terminal};
use tapline_pdata::Signal;
use tapline_pipeline::{
    BuildContext, DeliverySettings, Exporter, Extension, Receiver,
    graph::{self, Processor, Ship},
};
use tapline_processors::{attributes, batch, forward, memory_limiter, resource};
use tapline_receiver::{ebpf, otlp};

use crate::{
    delivery,
    extensions::{basic_auth, bearer_token_auth, file_storage, health_check, zpages},
    host_view::HostView,
    names, output,
    stability::{EVERY_SIGNAL, FORWARDED, Level, SHOWN, Stability, TAPPED},
};

/// Makes an extension that may show the process.
pub(crate) type MakeExtension = Box<dyn Fn(&HostView) -> Result<Arc<dyn Extension>, String>>;
/// Makes a receiver.
pub(crate) type MakeReceiver = Box<dyn Fn(&BuildContext) -> Result<Box<dyn Receiver>, String>>;
/// Makes a processor.
pub(crate) type MakeProcessor = Box<dyn Fn(&BuildContext) -> Result<Processor, String>>;
/// Makes a connector, and says between which signals it can stand.
pub(crate) struct MakeConnector {
    /// Pairs of a signal it takes and one it gives for it.
    pub(crate) joins: &'static [(Signal, Signal)],
    /// Makes it between the two.
    pub(crate) make: Join,
}
/// Makes a connector from one signal to another.
pub(crate) type Join =
    Box<dyn Fn(&BuildContext, Signal, Signal) -> Result<graph::MakeConnector, String>>;
/// Makes an exporter and says how to deliver to it.
pub(crate) type MakeExporter = Box<dyn Fn(&BuildContext) -> Result<Ship, String>>;

/// One component type: its names, the canonical one first, and how its settings are read.
pub(crate) struct Row<M> {
    /// Canonical name, then older ones.
    pub(crate) names: &'static [&'static str],
    /// Which signals it carries, and how settled it is.
    pub(crate) stability: Stability,
    /// What it is for, in a sentence.
    pub(crate) about: &'static str,
    /// Describes its settings.
    pub(crate) settings: fn(&mut SchemaGenerator) -> Settings,
    /// Reads settings; `None` when they have an error, which is then in the list.
    pub(crate) read: fn(&Node, &mut Problems) -> Option<M>,
}

/// What may be written for a component, and what is meant when nothing is.
pub(crate) struct Settings {
    /// The settings by name.
    pub(crate) schema: Schema,
    /// Their defaults.
    pub(crate) defaults: Value,
}

/// What serves the process.
pub(crate) static EXTENSIONS: &[Row<MakeExtension>] = &[
    Row {
        names: &["basicauth"],
        stability: Stability::Whole(Level::Beta),
        about: "Basic authentication: sends a name and a password with requests, or asks clients for theirs.",
        settings: settings::<basic_auth::Config>,
        read: read_basic_auth,
    },
    Row {
        names: &["bearertokenauth"],
        stability: Stability::Whole(Level::Beta),
        about: "Bearer tokens: sends one with requests, or asks clients for theirs.",
        settings: settings::<bearer_token_auth::Config>,
        read: read_bearer_token_auth,
    },
    Row {
        names: &["file_storage"],
        stability: Stability::Whole(Level::Beta),
        about: "Keeps sending queues in a directory, so that they survive a crash.",
        settings: settings::<file_storage::Config>,
        read: read_file_storage,
    },
    Row {
        names: &["health_check"],
        stability: Stability::Whole(Level::Beta),
        about: "Answers whether tapline is alive and ready, on `localhost:13133` unless told otherwise.",
        settings: settings::<health_check::Written>,
        read: read_health_check,
    },
    Row {
        names: &["zpages"],
        stability: Stability::Whole(Level::Beta),
        about: "Pages about pipelines, extensions, features and build, on `localhost:55679` unless told otherwise.",
        settings: settings::<zpages::Written>,
        read: read_zpages,
    },
];

/// Where telemetry comes from.
pub(crate) static RECEIVERS: &[Row<MakeReceiver>] = &[
    Row {
        names: &["ebpf"],
        stability: TAPPED,
        about: "Taps the kernel: requests, connections and processes of this machine, without touching them.",
        settings: settings::<ebpf::Config>,
        read: read_ebpf,
    },
    Row {
        names: &["otlp"],
        stability: EVERY_SIGNAL,
        about: "Takes OTLP, by gRPC on `localhost:4317` and by HTTP on `localhost:4318` unless told otherwise.",
        settings: settings::<otlp::Config>,
        read: read_otlp,
    },
];

/// What changes it on the way.
pub(crate) static PROCESSORS: &[Row<MakeProcessor>] = &[
    Row {
        names: &["attributes"],
        stability: EVERY_SIGNAL,
        about: "Edits the attributes of spans, data points and log records.",
        settings: settings::<attributes::Config>,
        read: read_attributes,
    },
    Row {
        names: &["batch"],
        stability: EVERY_SIGNAL,
        about: "Puts small batches together before they are sent.",
        settings: settings::<batch::Config>,
        read: read_batch,
    },
    Row {
        names: &["memory_limiter"],
        stability: EVERY_SIGNAL,
        about: "Refuses data, to be sent again later, while too much memory is in use.",
        settings: settings::<memory_limiter::Config>,
        read: read_memory_limiter,
    },
    Row {
        names: &["resource"],
        stability: EVERY_SIGNAL,
        about: "Edits the attributes of resources.",
        settings: settings::<resource::Config>,
        read: read_resource,
    },
];

/// What ends one pipeline and begins another.
pub(crate) static CONNECTORS: &[Row<MakeConnector>] = &[Row {
    names: &["forward"],
    stability: FORWARDED,
    about: "Joins pipelines of one signal, changing nothing.",
    settings: settings::<forward::Config>,
    read: read_forward,
}];

/// Where it goes.
pub(crate) static EXPORTERS: &[Row<MakeExporter>] = &[
    Row {
        names: &["debug"],
        stability: EVERY_SIGNAL,
        about: "Prints what arrives, for people.",
        settings: settings::<debug::Config>,
        read: read_debug,
    },
    Row {
        names: &["otlp_grpc", "otlp"],
        stability: EVERY_SIGNAL,
        about: "Sends OTLP by gRPC.",
        settings: settings::<otlp_grpc::Config>,
        read: read_otlp_grpc,
    },
    Row {
        names: &["otlp_http", "otlphttp"],
        stability: EVERY_SIGNAL,
        about: "Sends OTLP by HTTP, as protobuf or JSON.",
        settings: settings::<otlp_http::Config>,
        read: read_otlp_http,
    },
    Row {
        names: &["terminal"],
        stability: SHOWN,
        about: "Shows requests as they happen, in colours.",
        settings: settings::<terminal::Config>,
        read: read_terminal,
    },
];

/// From every signal to itself.
const SAME: &[(Signal, Signal)] = &[
    (Signal::Traces, Signal::Traces),
    (Signal::Metrics, Signal::Metrics),
    (Signal::Logs, Signal::Logs),
    (Signal::Profiles, Signal::Profiles),
];

/// Describes settings of a type.
pub(crate) fn settings<T: JsonSchema + Serialize + Default>(
    generator: &mut SchemaGenerator,
) -> Settings {
    Settings {
        schema: generator.subschema_for::<T>(),
        defaults: serde_json::to_value(T::default()).expect("settings are plain data"),
    }
}

/// Returns which signals a component type carries, if it exists.
pub(crate) fn stability(section: &str, kind: &str) -> Option<Stability> {
    match section {
        "receivers" => names::row(RECEIVERS, section, kind).map(|row| row.stability),
        "processors" => names::row(PROCESSORS, section, kind).map(|row| row.stability),
        "connectors" => names::row(CONNECTORS, section, kind).map(|row| row.stability),
        "exporters" => names::row(EXPORTERS, section, kind).map(|row| row.stability),
        "extensions" => names::row(EXTENSIONS, section, kind).map(|row| row.stability),
        _ => None,
    }
}

/// Reads one component's settings, if its type exists.
pub(crate) fn read<M>(
    table: &[Row<M>],
    section: &str,
    id: &ComponentId,
    node: &Node,
    problems: &mut Problems,
) -> Option<M> {
    let row = names::row(table, section, &id.kind)?;
    (row.read)(node, problems)
}

fn read_basic_auth(node: &Node, problems: &mut Problems) -> Option<MakeExtension> {
    let config: basic_auth::Config = decode_valid(node, problems)?;
    Some(Box::new(move |_| basic_auth::build(&config)))
}

fn read_bearer_token_auth(node: &Node, problems: &mut Problems) -> Option<MakeExtension> {
    let config: bearer_token_auth::Config = decode_valid(node, problems)?;
    Some(Box::new(move |_| bearer_token_auth::build(&config)))
}

fn read_file_storage(node: &Node, problems: &mut Problems) -> Option<MakeExtension> {
    let config: file_storage::Config = decode_valid(node, problems)?;
    Some(Box::new(move |host| {
        file_storage::build(&config, host.meters())
    }))
}

fn read_health_check(node: &Node, problems: &mut Problems) -> Option<MakeExtension> {
    let config = health_check::Config::read(node, problems)?;
    Some(Box::new(move |host| health_check::build(&config, host)))
}

fn read_zpages(node: &Node, problems: &mut Problems) -> Option<MakeExtension> {
    let config = zpages::Config::read(node, problems)?;
    Some(Box::new(move |host| zpages::build(&config, host)))
}

fn read_ebpf(node: &Node, problems: &mut Problems) -> Option<MakeReceiver> {
    let config: ebpf::Config = decode_valid(node, problems)?;
    Some(Box::new(move |_| {
        Ok(Box::new(ebpf::Ebpf::new(config.clone())))
    }))
}

fn read_otlp(node: &Node, problems: &mut Problems) -> Option<MakeReceiver> {
    let config: otlp::Config = decode_valid(node, problems)?;
    Some(Box::new(move |context| otlp::build(&config, context)))
}

fn read_attributes(node: &Node, problems: &mut Problems) -> Option<MakeProcessor> {
    let config: attributes::Config = decode_valid(node, problems)?;
    Some(Box::new(move |_| {
        attributes::build(&config).map(Processor::Transform)
    }))
}

fn read_batch(node: &Node, problems: &mut Problems) -> Option<MakeProcessor> {
    let config: batch::Config = decode_valid(node, problems)?;
    Some(Box::new(move |context| {
        let (config, context) = (config.clone(), context.clone());
        let make = move |next| batch::build(&config, next, &context);
        Ok(Processor::Stage(Box::new(make)))
    }))
}

fn read_memory_limiter(node: &Node, problems: &mut Problems) -> Option<MakeProcessor> {
    let config: memory_limiter::Config = decode_valid(node, problems)?;
    Some(Box::new(move |context| {
        let (config, context) = (config.clone(), context.clone());
        let make = move |next| memory_limiter::build(&config, next, &context);
        Ok(Processor::Stage(Box::new(make)))
    }))
}

fn read_resource(node: &Node, problems: &mut Problems) -> Option<MakeProcessor> {
    let config: resource::Config = decode_valid(node, problems)?;
    Some(Box::new(move |_| {
        resource::build(&config).map(Processor::Transform)
    }))
}

fn read_forward(node: &Node, problems: &mut Problems) -> Option<MakeConnector> {
    let forward::Config {} = decode_valid(node, problems)?;
    let make = |context: &BuildContext, _, _| -> Result<graph::MakeConnector, String> {
        let context = context.clone();
        Ok(Box::new(move |branches| {
            Ok(forward::build(&branches, &context))
        }))
    };
    Some(MakeConnector {
        joins: SAME,
        make: Box::new(make),
    })
}

fn read_debug(node: &Node, problems: &mut Problems) -> Option<MakeExporter> {
    let config: debug::Config = decode_valid(node, problems)?;
    Some(Box::new(move |context| {
        let exporter = debug::build(&config, output::debug(&config, context))?;
        let queue = delivery::queue(&config.sending_queue, &context.shared.services)?;
        Ok(Ship {
            exporter,
            delivery: DeliverySettings {
                timeout: None,
                queue,
                retry: None,
            },
        })
    }))
}

fn read_otlp_grpc(node: &Node, problems: &mut Problems) -> Option<MakeExporter> {
    let config: otlp_grpc::Config = decode_valid(node, problems)?;
    Some(Box::new(move |context| {
        let exporter = otlp_grpc::build(&config, context)?;
        let (queue, retry) = (&config.sending_queue, &config.retry_on_failure);
        Ok(Ship {
            exporter,
            delivery: delivery::settings(config.timeout, queue, retry, &context.shared.services)?,
        })
    }))
}

fn read_otlp_http(node: &Node, problems: &mut Problems) -> Option<MakeExporter> {
    let config: otlp_http::Config = decode_valid(node, problems)?;
    Some(Box::new(move |context| {
        let exporter = otlp_http::build(&config, context)?;
        let (queue, retry) = (&config.sending_queue, &config.retry_on_failure);
        Ok(Ship {
            exporter,
            delivery: delivery::settings(config.timeout, queue, retry, &context.shared.services)?,
        })
    }))
}

/// One instance for all signals, so that its summary covers them all.
fn read_terminal(node: &Node, problems: &mut Problems) -> Option<MakeExporter> {
    let config: terminal::Config = decode_valid(node, problems)?;
    let shared: Mutex<Option<Arc<dyn Exporter>>> = Mutex::new(None);
    Some(Box::new(move |_| {
        let mut shared = shared.lock().expect("no holder panics");
        let exporter = match &*shared {
            Some(exporter) => Arc::clone(exporter),
            None => Arc::clone(shared.insert(terminal::build(&config, output::screen())?)),
        };
        let delivery = DeliverySettings {
            timeout: None,
            queue: None,
            retry: None,
        };
        Ok(Ship { exporter, delivery })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<M>(table: &[Row<M>]) -> Vec<&'static str> {
        table.iter().flat_map(|row| row.names).copied().collect()
    }

    #[test]
    fn no_name_is_taken_twice() {
        let tables = [
            names(EXTENSIONS),
            names(RECEIVERS),
            names(PROCESSORS),
            names(EXPORTERS),
            names(CONNECTORS),
        ];
        for mut names in tables {
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }
}
