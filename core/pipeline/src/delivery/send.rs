//! Sending one batch: attempts and waits, until it is taken or given up; and what to log about it.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tapline_pdata::Batch;
use tokio::time::Instant;

use super::{
    ledger::{Ledger, Reason},
    retry::{Backoff, RetrySettings, chance},
    timeout::{Failed, attempt},
};
use crate::{
    Exporter, Fault, Outage, RateLimit, Refusal, Status, StatusTable, Stop, Verdict, graph::Node,
};

/// How often a warning of one kind is logged at most.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// A batch was given up.
pub(super) struct Failure {
    pub(super) refusal: Refusal,
    pub(super) reason: Reason,
}

/// An exporter with its retry and timeout.
pub(super) struct Sender {
    exporter: Arc<dyn Exporter>,
    timeout: Option<Duration>,
    retry: Option<RetrySettings>,
    node: Node,
    status: StatusTable,
    ledger: Arc<Ledger>,
    hurry: Stop,
    log: Mutex<Log>,
}

/// What has been logged.
struct Log {
    outage: Outage,
    dropping: RateLimit,
    overflow: RateLimit,
}

impl Sender {
    pub(super) fn new(
        exporter: Arc<dyn Exporter>,
        timeout: Option<Duration>,
        retry: Option<RetrySettings>,
        node: Node,
        status: StatusTable,
        ledger: Arc<Ledger>,
    ) -> Self {
        let log = Mutex::new(Log {
            outage: Outage::default(),
            dropping: RateLimit::new(WARN_EVERY),
            overflow: RateLimit::new(WARN_EVERY),
        });
        Self {
            exporter,
            timeout,
            retry,
            node,
            status,
            ledger,
            hurry: Stop::new(),
            log,
        }
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    pub(super) fn exporter(&self) -> &dyn Exporter {
        &*self.exporter
    }

    /// Ends every wait, now and for good.
    pub(super) fn hurry(&self) {
        self.hurry.request();
    }

    /// Sends a batch, trying again while that may help.
    pub(super) async fn send(&self, batch: Batch) -> Result<(), Failure> {
        let items = u64::from(batch.items());
        let mut backoff = self
            .retry
            .as_ref()
            .map(|retry| Backoff::new(retry, Instant::now()));
        loop {
            let answer = attempt(
                &*self.exporter,
                batch.clone(),
                self.timeout,
                self.ledger.in_flight(),
            );
            let refusal = match answer.await {
                Ok(()) => {
                    self.succeeded();
                    return Ok(());
                }
                Err(Failed::Panicked(cause)) => return Err(self.panicked(&cause)),
                Err(Failed::Refused(refusal)) => refusal,
            };
            if !refusal.is_retryable() {
                self.refused_for_good(&refusal, items);
                return Err(Failure {
                    refusal,
                    reason: Reason::Permanent,
                });
            }
            self.failed(&refusal);
            if let Some(reason) = self.wait(&refusal, backoff.as_mut()).await {
                self.log().outage.dropped(items);
                return Err(Failure { refusal, reason });
            }
        }
    }

    /// Waits until it is time for another attempt, or says why there will be none.
    async fn wait(&self, refusal: &Refusal, backoff: Option<&mut Backoff<'_>>) -> Option<Reason> {
        // Asked before waiting: a wait that shutdown cuts short still earns a last attempt.
        if self.hurry.is_requested() {
            return Some(Reason::Shutdown);
        }
        let throttle = match refusal.verdict {
            Verdict::Later { after } => after,
            Verdict::Never | Verdict::Full => None,
        };
        let delay =
            backoff.and_then(|backoff| backoff.next_delay(Instant::now(), throttle, chance()));
        let Some(delay) = delay else {
            return Some(Reason::RetriesExhausted);
        };
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = self.hurry.requested() => {}
        }
        None
    }

    fn succeeded(&self) {
        let mut log = self.log();
        if !log.outage.is_ongoing() {
            return;
        }
        let alone = self.status.report_alone(&self.node, Status::Ok, "");
        if let Some(recovery) = log.outage.succeeded(Instant::now()).filter(|_| alone) {
            tracing::info!(
                exporter = %self.node.id(),
                lasted = ?recovery.lasted,
                waiting_batches = self.ledger.queued_batches(),
                dropped_items = recovery.dropped_items,
                "exporting works again"
            );
        }
    }

    fn failed(&self, refusal: &Refusal) {
        let (status, cause) = (Status::RecoverableError, &refusal.cause);
        let alone = self.status.report_alone(&self.node, status, cause);
        if !self.log().outage.failed(Instant::now()) || !alone {
            return;
        }
        let plan = match &self.retry {
            Some(_) => "will retry",
            None => "retry_on_failure is off, so the data is not kept",
        };
        tracing::warn!(exporter = %self.node.id(), error = %refusal, plan, "exporting fails");
    }

    fn refused_for_good(&self, refusal: &Refusal, items: u64) {
        // The backend answers, so this is no outage, nor does it end one.
        let due = self.log().dropping.due(Instant::now(), items);
        if let Some(dropped_items) = due {
            tracing::warn!(
                component = %self.node,
                error = %refusal,
                dropped_items,
                "exporting failed, dropping data"
            );
        }
    }

    fn panicked(&self, cause: &str) -> Failure {
        if self
            .status
            .report(&self.node, Status::PermanentError, cause)
        {
            tracing::error!(component = %self.node, error = %cause, "component panicked");
        }
        // The same batch would do it again.
        let cause = format!("{} panicked: {cause}", self.node);
        let refusal = Refusal::never(Fault::Tapline, cause);
        Failure {
            refusal,
            reason: Reason::Permanent,
        }
    }

    /// Notes that the queue turned a batch away.
    pub(super) fn turned_away(&self, refusal: &Refusal, items: u64) {
        let mut log = self.log();
        // During an outage a full queue is no news.
        if log.outage.is_ongoing() {
            return;
        }
        if let Some(refused_items) = log.overflow.due(Instant::now(), items) {
            tracing::warn!(
                component = %self.node,
                error = %refusal,
                refused_items,
                "sending queue refuses data, consider raising queue_size or num_consumers"
            );
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log
            .lock()
            .expect("nothing panics while the log state is held")
    }
}
