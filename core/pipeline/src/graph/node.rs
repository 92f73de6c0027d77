//! What a graph consists of: component instances, each with a name a user understands.

use std::fmt;

use tapline_config::ComponentId;
use tapline_pdata::Signal;

/// `signal[/name]`: which pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipelineId {
    /// What flows through it.
    pub signal: Signal,
    /// What follows the slash; empty when there is none.
    pub name: String,
}

impl fmt::Display for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.signal.name())?;
        if self.name.is_empty() {
            Ok(())
        } else {
            write!(f, "/{}", self.name)
        }
    }
}

/// One component instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// An extension.
    Extension {
        /// Its id in the configuration.
        id: ComponentId,
    },
    /// A receiver, serving every signal it is used for.
    Receiver {
        /// Its id in the configuration.
        id: ComponentId,
    },
    /// A processor in one pipeline.
    Stage {
        /// The pipeline it belongs to.
        pipeline: PipelineId,
        /// Its id in the configuration.
        id: ComponentId,
    },
    /// A connector between the pipelines of two signals, which may be the same.
    Connector {
        /// Its id in the configuration.
        id: ComponentId,
        /// The signal of the pipelines that end in it.
        from: Signal,
        /// The signal of the pipelines that begin with it.
        to: Signal,
    },
    /// An exporter for one signal.
    Exporter {
        /// Its id in the configuration.
        id: ComponentId,
        /// The signal this instance ships.
        signal: Signal,
    },
}

impl Node {
    /// Returns the id in the configuration.
    pub fn id(&self) -> &ComponentId {
        match self {
            Self::Extension { id }
            | Self::Receiver { id }
            | Self::Stage { id, .. }
            | Self::Connector { id, .. }
            | Self::Exporter { id, .. } => id,
        }
    }

    /// Returns what it is, in the user's words: `receiver`, `processor`, `connector`, `exporter` or
    /// `extension`.
    pub fn role(&self) -> &'static str {
        match self {
            Self::Extension { .. } => "extension",
            Self::Receiver { .. } => "receiver",
            Self::Stage { .. } => "processor",
            Self::Connector { .. } => "connector",
            Self::Exporter { .. } => "exporter",
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension { id } => write!(f, "extension {id}"),
            Self::Receiver { id } => write!(f, "receiver {id}"),
            Self::Stage { pipeline, id } => write!(f, "processor {id} in {pipeline}"),
            Self::Connector { id, from, to } => write!(f, "connector {id} ({from} to {to})"),
            Self::Exporter { id, signal } => write!(f, "exporter {id} for {signal}"),
        }
    }
}
