//! The batch that is being filled, owned by one task, and the rules for sending it.

use std::{sync::Arc, time::Duration};

use tapline_pdata::{Batch, Signal};
use tapline_pipeline::{
    Account, Consumer, Counter, Histogram, Meters, Outage, Stop,
    meter::{
        account::{Outcome, Reason},
        names::Metric,
    },
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{Config, MAX_HELD_BYTES};
use crate::names;

/// Upper bounds of the histogram of items.
const ITEM_BOUNDS: [f64; 22] = [
    10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0,
    6000.0, 7000.0, 8000.0, 9000.0, 10_000.0, 20_000.0, 30_000.0, 50_000.0, 100_000.0,
];
/// Upper bounds of the histogram of bytes: powers of two from 128 B to 16 MiB.
const BYTE_BOUNDS: [f64; 18] = {
    let mut bounds = [128.0; 18];
    let mut at = 1;
    while at < bounds.len() {
        bounds[at] = bounds[at - 1] * 2.0;
        at += 1;
    }
    bounds
};

/// What the task is told.
pub(super) enum Message {
    /// Add this.
    Batch(Batch),
    /// Send what there is, then answer.
    Flush(oneshot::Sender<()>),
}

/// Owns the batch being filled. Whatever it still holds when dropped is counted as lost.
pub(super) struct Filling {
    /// How long a batch may wait; `None` sends at once.
    patience: Option<Duration>,
    send_batch_size: u32,
    send_batch_max_size: u32,
    incoming: mpsc::Receiver<Message>,
    next: Arc<dyn Consumer>,
    held: Option<(Batch, Instant)>,
    /// Items that are on their way downstream.
    in_hand: u64,
    outage: Outage,
    meters: BatchMeters,
    account: Account,
}

struct BatchMeters {
    id: String,
    size: Histogram,
    size_bytes: Histogram,
    size_trigger: Counter,
    timeout_trigger: Counter,
}

impl BatchMeters {
    fn new(meters: &Meters) -> Self {
        let counter = |(name, help): Metric| meters.counter(name, help, &[]);
        let histogram = |(name, help): Metric, bounds| meters.histogram(name, help, &[], bounds);
        let (cardinality, help) = names::BATCH_CARDINALITY;
        meters.gauge(cardinality, help, &[]).set(1);
        Self {
            id: meters.label("processor").unwrap_or("batch").to_owned(),
            size: histogram(names::BATCH_SEND_SIZE, &ITEM_BOUNDS),
            size_bytes: histogram(names::BATCH_SEND_SIZE_BYTES, &BYTE_BOUNDS),
            size_trigger: counter(names::BATCH_SIZE_TRIGGER),
            timeout_trigger: counter(names::BATCH_TIMEOUT_TRIGGER),
        }
    }
}

impl Filling {
    pub(super) fn new(
        config: &Config,
        incoming: mpsc::Receiver<Message>,
        next: Arc<dyn Consumer>,
        meters: &Meters,
        account: Account,
    ) -> Self {
        let patient = !config.timeout.is_zero() && config.send_batch_size > 0;
        Self {
            patience: patient.then(|| config.timeout.get()),
            send_batch_size: config.send_batch_size,
            send_batch_max_size: config.send_batch_max_size,
            incoming,
            next,
            held: None,
            in_hand: 0,
            outage: Outage::default(),
            meters: BatchMeters::new(meters),
            account,
        }
    }

    pub(super) async fn run(mut self, stop: Stop) -> Result<(), String> {
        loop {
            let due = self.held.as_ref().map(|(_, due)| *due);
            let timer = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            // All three are cancel-safe; a batch leaves the channel only when its arm is taken.
            tokio::select! {
                message = self.incoming.recv() => match message {
                    Some(Message::Batch(batch)) => self.add(batch).await,
                    Some(Message::Flush(flushed)) => {
                        self.flush().await;
                        // Nobody waits any more: the drain ran out of time.
                        let _late = flushed.send(());
                    }
                    None => return Ok(()),
                },
                () = timer => {
                    self.meters.timeout_trigger.add(1);
                    self.flush().await;
                }
                () = stop.requested() => return Ok(()),
            }
        }
    }

    /// Joins a batch to what is held, and sends what became full.
    async fn add(&mut self, batch: Batch) {
        if batch.items() == 0 {
            return;
        }
        let Some(patience) = self.patience.filter(|_| batch.signal() != Signal::Profiles) else {
            return self.send(batch.split(self.send_batch_max_size)).await;
        };
        match &mut self.held {
            Some((held, _)) => held.append(batch),
            None => self.held = Some((batch, Instant::now() + patience)),
        }
        let full = |held: &Batch| {
            held.items() >= self.send_batch_size || held.size_bytes() >= MAX_HELD_BYTES
        };
        let Some((held, _)) = self.held.take_if(|(held, _)| full(held)) else {
            return;
        };
        let too_large = held.size_bytes() >= MAX_HELD_BYTES;
        let mut pieces = held.split(self.send_batch_max_size);
        if let Some(rest) = pieces.pop_if(|rest| rest.items() < self.send_batch_size && !too_large)
        {
            self.held = Some((rest, Instant::now() + patience));
        }
        self.meters.size_trigger.add(pieces.len() as u64);
        self.send(pieces).await;
    }

    async fn flush(&mut self) {
        if let Some((held, _)) = self.held.take() {
            self.send(held.split(self.send_batch_max_size)).await;
        }
    }

    /// Sends all of these. Until one is answered its items are in hand, should we be cut off.
    async fn send(&mut self, pieces: Vec<Batch>) {
        self.in_hand = pieces.iter().map(|piece| u64::from(piece.items())).sum();
        for piece in pieces {
            let items = u64::from(piece.items());
            self.send_piece(piece, items).await;
            self.in_hand -= items;
        }
    }

    async fn send_piece(&mut self, piece: Batch, items: u64) {
        self.meters.size.record(items);
        self.meters.size_bytes.record(piece.size_bytes() as u64);
        let answer = self.next.consume(piece).await;
        match answer {
            Ok(()) => {
                self.account.settle(items, Outcome::Sent);
                if let Some(recovery) = self.outage.succeeded(Instant::now()) {
                    let dropped_items = recovery.dropped_items;
                    tracing::info!(
                        processor = self.meters.id,
                        dropped_items,
                        "sending works again"
                    );
                }
            }
            Err(refusal) => {
                let lost = Outcome::Dropped(Reason::Downstream);
                self.account.settle(items, lost);
                if self.outage.failed(Instant::now()) {
                    tracing::warn!(processor = self.meters.id, error = %refusal, "sender failed");
                }
                self.outage.dropped(items);
            }
        }
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        let held = self
            .held
            .take()
            .map_or(0, |(held, _)| u64::from(held.items()));
        let mut lost = self.in_hand + held;
        while let Ok(message) = self.incoming.try_recv() {
            if let Message::Batch(batch) = message {
                lost += u64::from(batch.items());
            }
        }
        self.account
            .settle(lost, Outcome::Dropped(Reason::Shutdown));
    }
}
