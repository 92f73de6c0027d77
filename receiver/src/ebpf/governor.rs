//! Which share of the exchanges is told, so that tapline takes no more of a saturated machine than
//! it may.
//!
//! What is idle costs nobody anything, and is used. Where nothing is, tapline may take a named
//! share of the machine. How much it would take if everything was told follows from what it takes
//! and from the share that is told by then; so the share to be told is known at once, without
//! feeling one's way, and a cut does not change what the next one is reckoned from: nothing swings.
//!
//! Pure: readings in, a share out. Must not know where they come from, or how exchanges are let go.

mod run;
mod usage;

pub(crate) use run::{Governing, Seen};

/// Idle CPU that is left alone, in parts of the machine and of a CPU: with less the machine is
/// called saturated. Where CPUs are few, those who work have none to go to while we work on theirs,
/// though each is idle now and then: two busy threads on two CPUs lost a third of their work to us
/// with a quarter of the time idle.
const RESERVE: f64 = 0.1;
const RESERVE_CPUS: f64 = 0.75;
const RESERVE_MAX: f64 = 0.5;
/// The least that is told, or nobody would know any more what it costs.
const TOLD_MIN: f64 = 1.0 / 4096.0;
/// How fast what is measured is believed, in seconds: that there is less to spare sooner than
/// that there is more. What is taken and what is idle make up what could be taken, and go alike.
const COSTLIER_SECONDS: f64 = 0.1;
const CHEAPER_SECONDS: f64 = 10.0;
const BUSIER_SECONDS: f64 = 0.1;
const IDLER_SECONDS: f64 = 1.0;
/// Readings for which a choice of the kernel half may stand: a slot of connections, and more.
const CHOICES: usize = 12;

/// What was measured since the last time. Shares are of all CPUs of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// How long that was.
    seconds: f64,
    /// What tapline took.
    own: f64,
    /// What nobody took.
    idle: f64,
    cpus: u32,
}

/// Decides from one reading after another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Governor {
    /// What tapline may take of a saturated machine.
    limit: f64,
    own: f64,
    idle: f64,
    /// What tapline would take if everything was told.
    whole: f64,
    /// The last two samples of that: with a third one, a single outlier is told from a change.
    samples: [f64; 2],
    /// The shares that were told during the last readings, the newest last.
    told: [f64; CHOICES],
}

impl Governor {
    /// Makes a governor of a machine that has time to spare.
    pub(crate) fn new(limit: f64) -> Self {
        Self {
            limit,
            own: 0.0,
            idle: 1.0,
            whole: 0.0,
            samples: [0.0; 2],
            told: [1.0; CHOICES],
        }
    }

    /// Takes what was measured while the last share held; returns the share to be told from now on.
    pub(crate) fn observe(&mut self, reading: Reading) -> f64 {
        let follow = |known: f64, now: f64, (up, down): (f64, f64)| {
            let seconds = if now > known { up } else { down };
            known + (now - known) * reading.seconds / (seconds + reading.seconds)
        };
        self.own = follow(self.own, reading.own, (IDLER_SECONDS, BUSIER_SECONDS));
        self.idle = follow(self.idle, reading.idle, (IDLER_SECONDS, BUSIER_SECONDS));
        // What is told now may have been chosen a while ago. The smaller the share, the more a
        // sample of what it costs depends on luck, and the less it is believed.
        let told = self.told.iter().copied().fold(0.0, f64::max);
        let costlier = (COSTLIER_SECONDS / told).min(CHEAPER_SECONDS);
        let sample = reading.own / told;
        let [older, old] = self.samples;
        let middle = sample.min(old).max(older.min(sample.max(old)));
        self.samples = [old, sample];
        self.whole = follow(self.whole, middle, (costlier, CHEAPER_SECONDS));
        let allowed = self.limit.max(self.own + self.idle - reserve(reading.cpus));
        let told = if self.whole <= allowed {
            1.0
        } else {
            (allowed / self.whole).max(TOLD_MIN)
        };
        self.told.rotate_left(1);
        self.told[CHOICES - 1] = told;
        told
    }

    /// Returns what tapline takes of the machine, and what nobody does.
    pub(crate) fn usage(&self) -> (f64, f64) {
        (self.own, self.idle)
    }
}

/// Returns the share of a machine that is left alone.
fn reserve(cpus: u32) -> f64 {
    (RESERVE_CPUS / f64::from(cpus)).clamp(RESERVE, RESERVE_MAX)
}

#[cfg(test)]
mod tests;
