//! The task that joins, and the rules for sending what was joined.
//!
//! One task serves all combinations of metadata: they share what follows, so that a slow one makes
//! all of them wait.

use std::{sync::Arc, time::Duration};

use tapline_pdata::Batch;
use tapline_pipeline::{
    Account, Consumer, Meters, Outage, Stop,
    meter::account::{Outcome, Reason},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{Config, MAX_HELD_BYTES, filling::Fillings, meters::BatchMeters};

/// What the task is told.
pub(super) enum Message {
    /// Add this.
    Batch(Batch),
    /// Send what there is, then answer.
    Flush(oneshot::Sender<()>),
}

/// Owns the batches being filled. Whatever it still holds when dropped is counted as lost.
pub(super) struct Joining {
    /// How long a batch may wait; `None` sends at once.
    patience: Option<Duration>,
    send_batch_size: u32,
    send_batch_max_size: u32,
    incoming: mpsc::Receiver<Message>,
    next: Arc<dyn Consumer>,
    fillings: Fillings,
    /// Items that are on their way downstream.
    in_hand: u64,
    outage: Outage,
    meters: BatchMeters,
    account: Account,
}

impl Joining {
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
            fillings: Fillings::default(),
            in_hand: 0,
            outage: Outage::default(),
            meters: BatchMeters::new(meters),
            account,
        }
    }

    pub(super) async fn run(mut self, stop: Stop) -> Result<(), String> {
        loop {
            let due = self.fillings.next_due();
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
                    if let Some(held) = self.fillings.take_next() {
                        self.send(held).await;
                    }
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
        let Some(patience) = self.patience else {
            return self.send(batch).await;
        };
        let combination = batch.origin().cloned();
        let items = self.fillings.add(batch, Instant::now() + patience);
        if items >= self.send_batch_size
            && let Some(held) = self.fillings.take(&combination)
        {
            let mut pieces = self.split(held);
            if let Some(rest) = pieces.pop_if(|rest| rest.items() < self.send_batch_size) {
                self.fillings.add(rest, Instant::now() + patience);
            }
            self.meters.size_trigger.add(pieces.len() as u64);
            self.send_pieces(pieces).await;
        }
        // However little of one combination there is: all together must not be too much.
        if self.fillings.size_bytes() >= MAX_HELD_BYTES
            && let Some(held) = self.fillings.take_largest()
        {
            let pieces = self.split(held);
            self.meters.size_trigger.add(pieces.len() as u64);
            self.send_pieces(pieces).await;
        }
    }

    async fn flush(&mut self) {
        while let Some(held) = self.fillings.take_next() {
            self.send(held).await;
        }
    }

    async fn send(&mut self, held: Batch) {
        let pieces = self.split(held);
        self.send_pieces(pieces).await;
    }

    /// Cuts what is in hand from now on.
    fn split(&mut self, held: Batch) -> Vec<Batch> {
        self.in_hand = u64::from(held.items());
        held.split(self.send_batch_max_size)
    }

    /// Sends all of these. Until one is answered its items are in hand, should we be cut off.
    async fn send_pieces(&mut self, pieces: Vec<Batch>) {
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

impl Drop for Joining {
    fn drop(&mut self) {
        let mut lost = self.in_hand + self.fillings.items();
        while let Ok(message) = self.incoming.try_recv() {
            if let Message::Batch(batch) = message {
                lost += u64::from(batch.items());
            }
        }
        self.account
            .settle(lost, Outcome::Dropped(Reason::Shutdown));
    }
}
