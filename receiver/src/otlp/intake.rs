//! From the bytes of a request to the answer of the pipeline, whatever protocol brought them.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use tapline_net::grpc::{Code, Refused};
use tapline_pdata::{Batch, Origin, Signal, json};
use tapline_pipeline::{Consumer, Held, Memory, Outlets};

use super::{
    answer,
    turns::{Packing, Turn, Turns},
};

/// Where the requests of one protocol go.
pub(super) struct Intake {
    outlets: BTreeMap<Signal, (Arc<dyn Consumer>, Turns)>,
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
    turns: &'a Turns,
    memory: &'a Memory,
}

/// A request that was let in: its bytes on the account, and its turn if there was one.
pub(super) struct Entry {
    held: Held,
    _turn: Option<Turn>,
}

impl Entry {
    /// Notes how large the request is by now.
    pub(super) fn resize(&mut self, bytes: usize) {
        self.held.resize(bytes);
    }
}

impl Intake {
    /// Takes what comes by one transport, under whose name the receiver's metrics count it.
    pub(super) fn new(out: &Outlets, transport: &'static str, memory: Memory) -> Self {
        let outlet = |signal| {
            let outlet = out.get_via(signal, transport)?;
            Some((signal, (outlet, Turns::default())))
        };
        Self {
            outlets: Signal::ALL.into_iter().filter_map(outlet).collect(),
            memory,
        }
    }

    /// Returns the way of a signal; there is none if no pipeline wants it.
    pub(super) fn way(&self, signal: Signal) -> Option<Way<'_>> {
        let (outlet, turns) = self.outlets.get(&signal)?;
        Some(Way {
            signal,
            outlet,
            turns,
            memory: &self.memory,
        })
    }
}

impl Way<'_> {
    /// Waits until it is the turn of a request that is about to be read, and holds its memory; or
    /// refuses it.
    pub(super) async fn admit(&self, bytes: usize, packing: Packing) -> Result<Entry, Refused> {
        let turn = self.turns.next(bytes, packing).await;
        self.outlet
            .admit(bytes)
            .map_err(|it| answer::refused(&it))?;
        Ok(Entry {
            held: self.memory.hold(bytes),
            _turn: turn,
        })
    }

    /// Passes a request on. One without items is answered here.
    pub(super) async fn pass(
        &self,
        wire: Bytes,
        encoding: Encoding,
        entry: Entry,
        origin: Option<Arc<Origin>>,
    ) -> Result<(), Refused> {
        let batch = read(self.signal, wire, encoding)?;
        if batch.items() == 0 {
            return Ok(());
        }
        let Entry { mut held, _turn } = entry;
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
