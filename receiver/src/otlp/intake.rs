//! From the bytes of a request to the answer of the pipeline, whatever protocol brought them.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use tapline_net::grpc::{Code, Refused};
use tapline_pdata::{Batch, Origin, Signal, json};
use tapline_pipeline::{Consumer, Held, Memory, Outlets};

use super::answer;

/// Where the requests of one protocol go.
pub(super) struct Intake {
    outlets: BTreeMap<Signal, Arc<dyn Consumer>>,
    memory: Memory,
}

/// How the bytes of a request are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

/// The way of one signal, which some pipeline wants.
pub(super) struct Way<'a> {
    signal: Signal,
    outlet: &'a Arc<dyn Consumer>,
    memory: &'a Memory,
}

impl Intake {
    /// Takes what comes by one transport, under whose name the receiver's metrics count it.
    pub(super) fn new(out: &Outlets, transport: &'static str, memory: Memory) -> Self {
        let outlet = |signal| Some((signal, out.get_via(signal, transport)?));
        Self {
            outlets: Signal::ALL.into_iter().filter_map(outlet).collect(),
            memory,
        }
    }

    /// Returns the way of a signal; there is none if no pipeline wants it.
    pub(super) fn way(&self, signal: Signal) -> Option<Way<'_>> {
        Some(Way {
            signal,
            outlet: self.outlets.get(&signal)?,
            memory: &self.memory,
        })
    }
}

impl Way<'_> {
    /// Holds the memory of a request that is about to be read, or refuses it.
    pub(super) fn admit(&self, bytes: usize) -> Result<Held, Refused> {
        self.outlet
            .admit(bytes)
            .map_err(|it| answer::refused(&it))?;
        Ok(self.memory.hold(bytes))
    }

    /// Passes a request on. One without items is answered here.
    pub(super) async fn pass(
        &self,
        wire: Bytes,
        encoding: Encoding,
        mut held: Held,
        origin: Option<Arc<Origin>>,
    ) -> Result<(), Refused> {
        let batch = read(self.signal, wire, encoding)?;
        if batch.items() == 0 {
            return Ok(());
        }
        held.resize(batch.size_bytes());
        let batch = batch.with_origin(origin).with_hold(Arc::new(held));
        let taken = self.outlet.consume(batch).await;
        taken.map_err(|refusal| answer::refused(&refusal))
    }
}

fn read(signal: Signal, wire: Bytes, encoding: Encoding) -> Result<Batch, Refused> {
    let malformed = |flaw: String| {
        let message = format!("cannot read the {signal} request: {flaw}");
        Refused::new(Code::InvalidArgument, message)
    };
    match encoding {
        Encoding::Protobuf => {
            Batch::checked(signal, wire).map_err(|flaw| malformed(flaw.to_string()))
        }
        Encoding::Json => {
            json::from_json(signal, &wire).map_err(|flaw| malformed(flaw.to_string()))
        }
    }
}
