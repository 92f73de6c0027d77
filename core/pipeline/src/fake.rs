//! Scripted stand-ins for the tests of this crate: an exporter that does what a text says, a log
//! that can be read back.

use std::{
    cell::RefCell,
    collections::VecDeque,
    fmt::{Debug, Write},
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tapline_config::ComponentId;
use tapline_pdata::{Batch, Signal};
use tokio::time::{Instant, sleep};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{Exporter, Fault, Refusal};

/// Makes a batch of traces with this many items and as many bytes.
pub(crate) fn batch(items: u32) -> Batch {
    batch_of(Signal::Traces, items)
}

/// Makes a batch of a signal with this many items and as many bytes.
pub(crate) fn batch_of(signal: Signal, items: u32) -> Batch {
    Batch::written(signal, Bytes::from(vec![0; items as usize]), items)
}

pub(crate) fn id(text: &str) -> ComponentId {
    ComponentId::parse(text).expect("valid id")
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// An exporter that follows a script of words, then repeats the last one.
///
/// `take`, `slow` (takes after 1 s), `later`, `later=7` (asks for 7 s), `full`, `never`, `hang`,
/// `panic`.
pub(crate) struct FakeExporter {
    script: Mutex<VecDeque<String>>,
    started: Instant,
    attempts: Mutex<Vec<String>>,
    pub(crate) taken_items: AtomicU64,
    pub(crate) closed: AtomicUsize,
}

impl FakeExporter {
    pub(crate) fn new(script: &str) -> Arc<Self> {
        Lines::install();
        Arc::new(Self {
            script: Mutex::new(script.split_whitespace().map(str::to_owned).collect()),
            started: Instant::now(),
            attempts: Mutex::default(),
            taken_items: AtomicU64::new(0),
            closed: AtomicUsize::new(0),
        })
    }

    /// Lists the attempts so far, each as `seconds:items`.
    pub(crate) fn attempts(&self) -> String {
        self.attempts.lock().expect("not poisoned").join(" ")
    }

    fn next_word(&self) -> String {
        let mut script = self.script.lock().expect("not poisoned");
        if script.len() > 1 {
            return script.pop_front().expect("checked");
        }
        script.front().expect("a script has a word").clone()
    }
}

#[async_trait]
impl Exporter for FakeExporter {
    async fn export(&self, batch: Batch) -> Result<(), Refusal> {
        let at = self.started.elapsed().as_secs_f64();
        self.attempts
            .lock()
            .expect("not poisoned")
            .push(format!("{at:.0}:{}", batch.items()));
        let word = self.next_word();
        let after = word
            .strip_prefix("later=")
            .and_then(|secs| secs.parse().ok())
            .map(secs);
        match word.as_str() {
            "take" => {}
            "slow" => sleep(secs(1)).await,
            "never" => return Err(Refusal::never(Fault::Sender, "bad data")),
            "full" => return Err(Refusal::full("busy")),
            "hang" => std::future::pending().await,
            "panic" => panic!("as the script says"),
            _ => return Err(Refusal::later(Fault::Backend, "connection refused", after)),
        }
        self.taken_items
            .fetch_add(u64::from(batch.items()), Relaxed);
        Ok(())
    }

    async fn close(&self) {
        self.closed.fetch_add(1, Relaxed);
    }
}

/// A small generator of numbers that look random and repeat with their seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Returns a number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    pub(crate) fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.roll(words.len() as u64) as usize]
    }
}

thread_local! {
    static LOGGED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Returns what this thread has logged since the last call, each line as `LEVEL message fields`.
pub(crate) fn logged() -> Vec<String> {
    LOGGED.take()
}

/// Keeps log lines per thread. One subscriber for all tests: with one per test, `tracing` may cache
/// on one thread that nobody listens on another.
struct Lines;

impl Lines {
    /// Must run before the first line is logged, so every [`FakeExporter`] does it.
    fn install() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| tracing::subscriber::set_global_default(Self).expect("only here"));
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::INFO
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = event.metadata().level().to_string();
        event.record(&mut Text(&mut line));
        LOGGED.with_borrow_mut(|lines| lines.push(line));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Text<'l>(&'l mut String);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = if field.name() == "message" {
            write!(self.0, " {value:?}")
        } else {
            write!(self.0, " {field}={value:?}")
        };
        written.expect("a string takes everything");
    }
}
