//! The room in a queue: how much is taken, and who waits for some, first come, first served.
//!
//! A batch keeps its place until it is settled, so the bound covers what is being sent as well.
//! This module must not know what a place is for.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use tapline_pdata::{Batch, Signal};
use tokio::sync::{Notify, oneshot};

use super::settings::{Overflow, QueueSettings, Sizer};
use crate::{
    Fault, Refusal,
    meter::{Gauge, Meters, names},
};

/// How large one batch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) items: u64,
    pub(super) bytes: u64,
}

impl Size {
    pub(super) fn of(batch: &Batch) -> Self {
        Self {
            items: u64::from(batch.items()),
            bytes: batch.size_bytes() as u64,
        }
    }

    /// Returns the size of one batch in units. An empty one takes up memory, too.
    pub(super) fn units(self, sizer: Sizer) -> u64 {
        match sizer {
            Sizer::Requests => 1,
            Sizer::Items => self.items.max(1),
            Sizer::Bytes => self.bytes.max(1),
        }
    }
}

/// The room one batch takes up, given back when dropped.
pub(super) struct Place {
    room: Arc<Room>,
    size: Size,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.give_back(self.size);
    }
}

/// The bound of one queue.
pub(super) struct Room {
    state: Mutex<State>,
    /// Told when a batch gives its place back.
    pub(super) freed: Notify,
    size: Gauge,
    bytes: Gauge,
    capacity: Gauge,
}

struct State {
    limits: Limits,
    requests: u64,
    items: u64,
    bytes: u64,
    /// What this room has put on the gauge of its size.
    shown: i64,
    open: bool,
    waiters: VecDeque<Waiter>,
}

#[derive(Clone, Copy)]
struct Limits {
    capacity: u64,
    sizer: Sizer,
    max_bytes: u64,
}

struct Waiter {
    size: Size,
    grant: oneshot::Sender<Result<Place, Refusal>>,
}

impl Room {
    pub(super) fn new(settings: &QueueSettings, signal: Signal, meters: &Meters) -> Arc<Self> {
        let labels = [("data_type", signal.name())];
        let gauge = |(name, help): names::Metric| meters.gauge(name, help, &labels);
        let limits = Limits::new(settings);
        let room = Self {
            state: Mutex::new(State {
                limits,
                requests: 0,
                items: 0,
                bytes: 0,
                shown: 0,
                open: true,
                waiters: VecDeque::new(),
            }),
            freed: Notify::new(),
            size: gauge(names::EXPORTER_QUEUE_SIZE),
            bytes: gauge(names::EXPORTER_QUEUE_BYTES),
            capacity: gauge(names::EXPORTER_QUEUE_CAPACITY),
        };
        room.capacity.set(limits.capacity.cast_signed());
        Arc::new(room)
    }

    /// Finds room for a batch, waiting for it if told so. Cancel-safe.
    pub(super) async fn place(
        self: &Arc<Self>,
        size: Size,
        overflow: Overflow,
    ) -> Result<Place, Refusal> {
        let granted = {
            let mut state = self.state();
            if !state.open {
                return Err(closed());
            }
            state.limits.check(size)?;
            if state.has_room(size) && state.waiters.is_empty() {
                return Ok(self.take(&mut state, size));
            }
            if overflow == Overflow::Refuse {
                return Err(Refusal::full("sending queue is full"));
            }
            let (grant, granted) = oneshot::channel();
            state.waiters.push_back(Waiter { size, grant });
            granted
        };
        // Whoever walks away may have stood in front of one that fits.
        let _let_others_pass = Leaving(self);
        granted.await.unwrap_or_else(|_gone| Err(closed()))
    }

    /// Takes room whether it is there or not: for what has been accepted before.
    pub(super) fn occupy(self: &Arc<Self>, size: Size) -> Place {
        self.take(&mut self.state(), size)
    }

    /// Changes the bound. What is inside stays, what waits is looked at again.
    pub(super) fn resize(self: &Arc<Self>, settings: &QueueSettings) {
        let limits = Limits::new(settings);
        let too_large: VecDeque<Waiter> = {
            let mut state = self.state();
            state.limits = limits;
            self.show(&mut state);
            let (kept, too_large) = std::mem::take(&mut state.waiters)
                .into_iter()
                .partition(|waiter| limits.check(waiter.size).is_ok());
            state.waiters = kept;
            too_large
        };
        self.capacity.set(limits.capacity.cast_signed());
        for Waiter { size, grant } in too_large {
            let refusal = limits.check(size).expect_err("partitioned above");
            let _unheard = grant.send(Err(refusal));
        }
        self.grant();
    }

    /// Gives no more room; those that wait for some are refused.
    pub(super) fn close(&self) {
        let waiters = {
            let mut state = self.state();
            state.open = false;
            std::mem::take(&mut state.waiters)
        };
        drop(waiters);
    }

    fn take(self: &Arc<Self>, state: &mut State, size: Size) -> Place {
        state.requests += 1;
        state.items += size.units(Sizer::Items);
        state.bytes += size.units(Sizer::Bytes);
        self.show(state);
        Place {
            room: Arc::clone(self),
            size,
        }
    }

    fn give_back(self: &Arc<Self>, size: Size) {
        let mut state = self.state();
        state.requests -= 1;
        state.items -= size.units(Sizer::Items);
        state.bytes -= size.units(Sizer::Bytes);
        self.show(&mut state);
        drop(state);
        self.freed.notify_waiters();
        self.grant();
    }

    /// Returns how many bytes are inside.
    pub(super) fn bytes(&self) -> u64 {
        self.state().bytes
    }

    /// Serves those who wait, in their order.
    fn grant(self: &Arc<Self>) {
        loop {
            let mut state = self.state();
            let Some(first) = state.waiters.front() else {
                return;
            };
            let (gone, size) = (first.grant.is_closed(), first.size);
            if !gone && !state.has_room(size) {
                return;
            }
            let waiter = state.waiters.pop_front().expect("looked at above");
            if gone {
                continue;
            }
            let place = self.take(&mut state, size);
            drop(state);
            // A caller that left just now gives its place back here, outside the lock.
            let _returned = waiter.grant.send(Ok(place));
        }
    }

    fn show(&self, state: &mut State) {
        let used = state.used().cast_signed();
        self.size.add(used - state.shown);
        state.shown = used;
        self.bytes.set(state.bytes.cast_signed());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("nothing panics while the room is held")
    }
}

impl State {
    fn used(&self) -> u64 {
        match self.limits.sizer {
            Sizer::Requests => self.requests,
            Sizer::Items => self.items,
            Sizer::Bytes => self.bytes,
        }
    }

    fn has_room(&self, size: Size) -> bool {
        let limits = self.limits;
        self.used().saturating_add(size.units(limits.sizer)) <= limits.capacity
            && self.bytes.saturating_add(size.bytes) <= limits.max_bytes
    }
}

impl Limits {
    fn new(settings: &QueueSettings) -> Self {
        Self {
            // Gauges are signed.
            capacity: (settings.capacity as u64).min(i64::MAX as u64),
            sizer: settings.sizer,
            max_bytes: match &settings.storage {
                Some(_) => u64::MAX,
                None => settings.max_bytes,
            },
        }
    }

    /// Says whether a batch would fit an empty queue.
    fn check(self, size: Size) -> Result<(), Refusal> {
        let (units, name, limit) = if size.bytes > self.max_bytes {
            (size.bytes, "bytes", self.max_bytes)
        } else {
            (size.units(self.sizer), self.sizer.name(), self.capacity)
        };
        if units <= limit {
            return Ok(());
        }
        let cause = format!(
            "element size too large: the batch has {units} {name}, the whole sending queue {limit}"
        );
        Err(Refusal::never(Fault::Tapline, cause))
    }
}

struct Leaving<'r>(&'r Arc<Room>);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.grant();
    }
}

pub(super) fn closed() -> Refusal {
    Refusal::later(Fault::Tapline, "sending queue is shutting down", None)
}
