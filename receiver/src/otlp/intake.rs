//! From the bytes of a request to the answer of the pipeline, whatever protocol brought them.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use tapline_net::{
    UNASKED_BYTES,
    grpc::{Code, Refused},
};
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

/// What is known of a request before it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Announced {
    /// Its size on the wire; zero means that nobody knows.
    pub(super) bytes: usize,
    /// Whether it becomes larger.
    pub(super) packing: Packing,
    /// How much of it is in memory already.
    pub(super) arrived: usize,
}

impl Announced {
    /// Returns whether it is in memory as a whole, so that refusing it unread saves nothing.
    fn is_here(self) -> bool {
        self.packing == Packing::Plain && self.bytes > 0 && self.arrived >= self.bytes
    }

    /// Returns what to put on the account before it is read. A size that is only announced is not
    /// memory: otherwise a few clients that send nothing would lock out all others.
    fn bytes_at_first(self) -> usize {
        match (self.bytes, self.arrived.max(UNASKED_BYTES)) {
            (0, first) => first,
            (bytes, first) => bytes.min(first),
        }
    }
}

/// A request that was let in: what it takes of the memory, and its turn.
pub(super) struct Entry<'a> {
    pub(super) room: Room<'a>,
    pub(super) turn: Turn,
}

/// The bytes of a request on the account, which grow while it is read.
pub(super) struct Room<'a> {
    held: Held,
    outlet: &'a Arc<dyn Consumer>,
}

impl Room<'_> {
    /// Makes room for so many bytes in all, or refuses the request.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Refused> {
        let held = usize::try_from(self.held.bytes()).unwrap_or(usize::MAX);
        let Some(more) = bytes.checked_sub(held).filter(|more| *more > 0) else {
            return Ok(());
        };
        self.outlet.admit(more).map_err(|it| answer::refused(&it))?;
        self.held.resize(bytes);
        Ok(())
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

impl<'a> Way<'a> {
    /// Waits until it is the turn of a request that is about to be read, and makes room for its
    /// beginning; or refuses it. One that is here already is refused by the pipeline, which counts
    /// its items.
    pub(super) async fn admit(&self, announced: Announced) -> Result<Entry<'a>, Refused> {
        let turn = self.turns.next(announced.bytes, announced.packing).await;
        if !announced.is_here() {
            let admitted = self.outlet.admit(announced.bytes);
            admitted.map_err(|it| answer::refused(&it))?;
        }
        let held = self.memory.hold(announced.bytes_at_first());
        let outlet = self.outlet;
        Ok(Entry {
            room: Room { held, outlet },
            turn,
        })
    }

    /// Passes a request on. One without items is answered here.
    pub(super) async fn pass(
        &self,
        wire: Bytes,
        encoding: Encoding,
        entry: Entry<'_>,
        origin: Option<Arc<Origin>>,
    ) -> Result<(), Refused> {
        let batch = read(self.signal, wire, encoding)?;
        if batch.items() == 0 {
            return Ok(());
        }
        let Entry { room, turn: _turn } = entry;
        let mut held = room.held;
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
