//! The order of a sending queue: first in, first out, in lanes that are never joined.
//!
//! Without batching there is one lane, and a job is taken as it is. With batching, a lane gives
//! what makes a batch, or what has waited long enough. The queue must not know what happens to a
//! job afterwards. Looking for the next job costs a step per lane.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{
    job::Job,
    room::Size,
    settings::{BatchSettings, QueueSettings},
};

/// The values of the metadata that batches are kept apart by.
type Lane = Vec<Option<Vec<String>>>;

/// Jobs to be sent together.
pub(super) struct Taken {
    pub(super) jobs: Vec<Job>,
    pub(super) settings: Option<Arc<BatchSettings>>,
}

/// Everything that waited when a queue was paused. However its holder ends, dropping it puts that
/// in front of what has come since, and the queue goes on.
pub(super) struct Paused<'q> {
    pub(super) jobs: Vec<Job>,
    queue: &'q Queue,
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.queue.put_back(std::mem::take(&mut self.jobs));
        self.queue.waiting().paused = false;
        self.queue.ready.notify_waiters();
        self.queue.ready.notify_one();
    }
}

pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    ready: Notify,
}

struct Waiting {
    lanes: BTreeMap<Lane, Line>,
    batch: Option<Arc<BatchSettings>>,
    open: bool,
    paused: bool,
    consumers: usize,
    wanted_consumers: usize,
}

#[derive(Default)]
struct Line {
    jobs: VecDeque<Job>,
    size: Size,
}

enum Look {
    Found(Taken),
    /// There is nothing yet; something is due then, if there is anything at all.
    Nothing(Option<Instant>),
}

impl Queue {
    pub(super) fn new(settings: &QueueSettings) -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                lanes: BTreeMap::new(),
                batch: settings.batch.clone().map(Arc::new),
                open: true,
                paused: false,
                consumers: 0,
                wanted_consumers: 0,
            }),
            ready: Notify::new(),
        }
    }

    /// Puts a job at the end; gives it back when the queue is closed.
    pub(super) fn push(&self, job: Job) -> Result<(), Box<Job>> {
        let mut waiting = self.waiting();
        if !waiting.open {
            return Err(Box::new(job));
        }
        waiting.push(job);
        drop(waiting);
        self.ready.notify_one();
        Ok(())
    }

    /// Puts jobs back where they came from, in their order.
    pub(super) fn put_back(&self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let mut waiting = self.waiting();
        for job in jobs.into_iter().rev() {
            let lane = waiting.lane(&job);
            waiting.lanes.entry(lane).or_default().push_front(job);
        }
        drop(waiting);
        self.ready.notify_one();
    }

    /// Waits for what is to be sent next; `None` once the queue is closed and empty, or when there
    /// are more consumers than wanted. Cancel-safe.
    pub(super) async fn next(&self) -> Option<Taken> {
        loop {
            // Created before looking: a change in between is not missed.
            let ready = self.ready.notified();
            let due = {
                let mut waiting = self.waiting();
                if waiting.consumers > waiting.wanted_consumers {
                    waiting.consumers -= 1;
                    drop(waiting);
                    // It may have been woken for a job: somebody else must look.
                    self.ready.notify_one();
                    return None;
                }
                match waiting.look(Instant::now()) {
                    Look::Found(taken) => {
                        // Two pushes can leave one wake-up: pass it on.
                        if !waiting.lanes.is_empty() {
                            self.ready.notify_one();
                        }
                        return Some(taken);
                    }
                    Look::Nothing(None) if !waiting.open => return None,
                    Look::Nothing(due) => due,
                }
            };
            match due {
                None => ready.await,
                Some(due) => tokio::select! {
                    () = ready => {}
                    () = sleep_until(due) => {}
                },
            }
        }
    }

    /// Sets how many consumers there should be, and returns how many are missing.
    pub(super) fn want_consumers(&self, wanted: usize) -> usize {
        let mut waiting = self.waiting();
        let missing = wanted.saturating_sub(waiting.consumers);
        waiting.wanted_consumers = wanted;
        waiting.consumers += missing;
        drop(waiting);
        self.ready.notify_waiters();
        missing
    }

    /// Changes how batches are made of what waits.
    pub(super) fn regroup(&self, batch: Option<&BatchSettings>) {
        let mut waiting = self.waiting();
        if waiting.batch.as_deref() != batch {
            waiting.batch = batch.cloned().map(Arc::new);
            let jobs = waiting.take_all();
            for job in jobs {
                waiting.push(job);
            }
        }
        drop(waiting);
        self.ready.notify_waiters();
        self.ready.notify_one();
    }

    /// Takes everything out and gives nothing to consumers until what it returns is dropped.
    pub(super) fn pause(&self) -> Paused<'_> {
        let mut waiting = self.waiting();
        waiting.paused = true;
        Paused {
            jobs: waiting.take_all(),
            queue: self,
        }
    }

    /// Takes no more jobs, and lets go of those that are safe on disk.
    pub(super) fn close(&self) {
        let mut waiting = self.waiting();
        waiting.open = false;
        let (on_disk, jobs): (Vec<_>, Vec<_>) =
            waiting.take_all().into_iter().partition(Job::is_on_disk);
        for job in jobs {
            waiting.push(job);
        }
        drop(waiting);
        // Outside the lock: a ticket books, a reply wakes somebody.
        drop(on_disk);
        self.ready.notify_waiters();
    }

    /// Lets go of everything that waits.
    pub(super) fn clear(&self) {
        let jobs = self.waiting().take_all();
        drop(jobs);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting
            .lock()
            .expect("nothing panics while the queue is held")
    }
}

impl Waiting {
    fn lane(&self, job: &Job) -> Lane {
        let Some(batch) = &self.batch else {
            return Lane::new();
        };
        let value = |key: &String| {
            let values = job.origin.as_ref()?.metadata(key)?;
            Some(values.to_vec())
        };
        batch.metadata_keys.iter().map(value).collect()
    }

    fn push(&mut self, job: Job) {
        let lane = self.lane(&job);
        self.lanes.entry(lane).or_default().push_back(job);
    }

    /// Takes everything, in the order in which it came.
    fn take_all(&mut self) -> Vec<Job> {
        let lanes = std::mem::take(&mut self.lanes);
        let mut jobs: Vec<Job> = lanes.into_values().flat_map(|line| line.jobs).collect();
        jobs.sort_by_key(|job| job.since);
        jobs
    }

    fn look(&mut self, now: Instant) -> Look {
        if self.paused {
            return Look::Nothing(None);
        }
        let mut due = None;
        let mut oldest: Option<(Instant, &Lane)> = None;
        for (lane, line) in &self.lanes {
            let Some(since) = line.jobs.front().map(|job| job.since) else {
                continue;
            };
            let ready_at = match &self.batch {
                Some(batch) if self.open && line.size.units(batch.sizer) < batch.min_size => {
                    since + batch.flush_timeout
                }
                _ => since,
            };
            if ready_at > now {
                due = Some(due.map_or(ready_at, |due: Instant| due.min(ready_at)));
            } else if oldest.is_none_or(|(oldest, _)| since < oldest) {
                oldest = Some((since, lane));
            }
        }
        let Some(lane) = oldest.map(|(_, lane)| lane.clone()) else {
            return Look::Nothing(due);
        };
        let line = self.lanes.get_mut(&lane).expect("found above");
        let jobs = line.take(self.batch.as_deref());
        if line.jobs.is_empty() {
            self.lanes.remove(&lane);
        }
        Look::Found(Taken {
            jobs,
            settings: self.batch.clone(),
        })
    }
}

impl Line {
    fn push_back(&mut self, job: Job) {
        self.size.items += job.size.items;
        self.size.bytes += job.size.bytes;
        self.jobs.push_back(job);
    }

    fn push_front(&mut self, job: Job) {
        self.size.items += job.size.items;
        self.size.bytes += job.size.bytes;
        self.jobs.push_front(job);
    }

    /// Takes one job, and more while they do not make a batch.
    fn take(&mut self, batch: Option<&BatchSettings>) -> Vec<Job> {
        let mut taken = Vec::new();
        let mut units = 0;
        while let Some(job) = self.jobs.pop_front() {
            self.size.items -= job.size.items;
            self.size.bytes -= job.size.bytes;
            units += batch.map_or(0, |batch| job.size.units(batch.sizer));
            taken.push(job);
            if batch.is_none_or(|batch| units >= batch.min_size) {
                break;
            }
        }
        taken
    }
}
