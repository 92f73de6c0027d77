//! Sending one batch: attempts and waits, until it is taken or given up; and what to log about it.
//!
//! The exporter may be replaced at any moment: an attempt ends with the exporter it began with, a
//! wait ends at once and the next attempt goes to the new one.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tapline_pdata::Batch;
use tokio::{sync::watch, time::Instant};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

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

/// The wait between attempts while everything ends, unless the backend asks for more.
const HURRIED_DELAY: Duration = Duration::from_millis(500);

/// What comes after a failed attempt.
enum Next {
    /// Another attempt.
    Again,
    /// Another attempt, with another exporter and its own patience.
    Afresh,
    /// Nothing.
    GiveUp(Reason),
}

/// A backend that has taken a batch takes more for so long, as far as anybody knows.
const FLOWING_FOR: Duration = Duration::from_secs(1);

/// A batch was given up.
pub(super) struct Failure {
    pub(super) refusal: Refusal,
    pub(super) reason: Reason,
}

/// What happens to a batch that is waiting for another attempt when everything ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Somebody waits for the outcome: one more attempt, then it is theirs again.
    Caller,
    /// It would be lost: attempts go on, close together, until they are cut off.
    Memory,
    /// It is safe on disk: no more attempts.
    Disk,
}

/// An exporter with its retry and timeout.
pub(super) struct Target {
    pub(super) exporter: Arc<dyn Exporter>,
    pub(super) timeout: Option<Duration>,
    pub(super) retry: Option<RetrySettings>,
    attempts: TaskTracker,
}

impl Target {
    pub(super) fn new(
        exporter: Arc<dyn Exporter>,
        timeout: Option<Duration>,
        retry: Option<RetrySettings>,
    ) -> Self {
        Self {
            exporter,
            timeout,
            retry,
            attempts: TaskTracker::new(),
        }
    }

    /// Waits for the last attempt, once there can be no new ones. Cancel-safe.
    pub(super) async fn finished(&self) {
        self.attempts.close();
        self.attempts.wait().await;
    }
}

/// Sends batches to whatever is the target now.
pub(super) struct Sender {
    targets: watch::Sender<Arc<Target>>,
    node: Node,
    status: StatusTable,
    ledger: Arc<Ledger>,
    hurry: Stop,
    log: Mutex<Log>,
}

/// What has been logged.
struct Log {
    outage: Outage,
    last_sent: Option<Instant>,
    dropping: RateLimit,
    overflow: RateLimit,
}

impl Sender {
    pub(super) fn new(
        target: Target,
        node: Node,
        status: StatusTable,
        ledger: Arc<Ledger>,
    ) -> Self {
        let log = Mutex::new(Log {
            outage: Outage::default(),
            last_sent: None,
            dropping: RateLimit::new(WARN_EVERY),
            overflow: RateLimit::new(WARN_EVERY),
        });
        Self {
            targets: watch::Sender::new(Arc::new(target)),
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

    pub(super) fn exporter(&self) -> Arc<dyn Exporter> {
        Arc::clone(&self.targets.borrow().exporter)
    }

    /// Sends to this target from now on, and returns the one before. Waiting batches notice.
    pub(super) fn retarget(&self, target: Target) -> Arc<Target> {
        self.targets.send_replace(Arc::new(target))
    }

    /// Ends every long wait, now and for good.
    pub(super) fn hurry(&self) {
        self.hurry.request();
    }

    /// Waits until long waits are over. Cancel-safe.
    pub(super) async fn hurried(&self) {
        self.hurry.requested().await;
    }

    /// Sends a batch, trying again while that may help.
    pub(super) async fn send(&self, batch: Batch, patience: Patience) -> Result<(), Failure> {
        let items = u64::from(batch.items());
        let mut targets = self.targets.subscribe();
        let mut backoff: Option<Backoff> = None;
        let mut fresh = true;
        loop {
            let (target, attempt_token) = current(&mut targets);
            if fresh {
                let retry = target.retry.as_ref();
                backoff = retry.map(|retry| Backoff::new(retry, Instant::now()));
            }
            let answer = attempt(
                &*target.exporter,
                batch.clone(),
                target.timeout,
                self.ledger.in_flight(),
            )
            .await;
            drop(attempt_token);
            let refusal = match answer {
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
            self.failed(&refusal, target.retry.is_some());
            // Not held while waiting: nobody needs the old exporter then.
            drop(target);
            match self
                .wait(&refusal, backoff.as_mut(), patience, &mut targets)
                .await
            {
                Next::Again => fresh = false,
                Next::Afresh => fresh = true,
                Next::GiveUp(reason) => {
                    self.log().outage.dropped(items);
                    return Err(Failure { refusal, reason });
                }
            }
        }
    }

    /// Waits until it is time for another attempt, or says why there will be none.
    async fn wait(
        &self,
        refusal: &Refusal,
        backoff: Option<&mut Backoff>,
        patience: Patience,
        targets: &mut watch::Receiver<Arc<Target>>,
    ) -> Next {
        // Asked before waiting: a wait that shutdown cuts short still earns a last attempt.
        let hurried = self.hurry.is_requested();
        if hurried && patience != Patience::Memory {
            return Next::GiveUp(Reason::Shutdown);
        }
        let throttle = match refusal.verdict {
            Verdict::Later { after } => after,
            Verdict::Never | Verdict::Full => None,
        };
        let delay =
            backoff.and_then(|backoff| backoff.next_delay(Instant::now(), throttle, chance()));
        let Some(delay) = delay else {
            return Next::GiveUp(Reason::RetriesExhausted);
        };
        if hurried {
            let short = HURRIED_DELAY.max(throttle.unwrap_or_default());
            tokio::time::sleep(delay.min(short)).await;
            return Next::Again;
        }
        tokio::select! {
            () = tokio::time::sleep(delay) => Next::Again,
            Ok(()) = targets.changed() => Next::Afresh,
            () = self.hurry.requested() => match patience {
                Patience::Disk => Next::GiveUp(Reason::Shutdown),
                Patience::Caller | Patience::Memory => Next::Again,
            },
        }
    }

    /// Says whether a batch was taken lately, so that others may be soon.
    pub(super) fn flows(&self) -> bool {
        let log = self.log();
        let lately = |sent: Instant| sent.elapsed() < FLOWING_FOR;
        !log.outage.is_ongoing() && log.last_sent.is_some_and(lately)
    }

    fn succeeded(&self) {
        let mut log = self.log();
        log.last_sent = Some(Instant::now());
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

    fn failed(&self, refusal: &Refusal, retries: bool) {
        let (status, cause) = (Status::RecoverableError, &refusal.cause);
        let alone = self.status.report_alone(&self.node, status, cause);
        if !self.log().outage.failed(Instant::now()) || !alone {
            return;
        }
        let plan = if retries {
            "will retry"
        } else {
            "retry_on_failure is off, so the data is not kept"
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

/// Returns the target of now. It is not closed before the token is dropped: both are taken under
/// the lock that replacing takes.
fn current(targets: &mut watch::Receiver<Arc<Target>>) -> (Arc<Target>, TaskTrackerToken) {
    let target = targets.borrow_and_update();
    (Arc::clone(&target), target.attempts.token())
}
