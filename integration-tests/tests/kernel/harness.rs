//! Runs tests one after another and reports like libtest, which cannot skip with a reason.
//!
//! One after another, because every test taps the whole machine. It must not know what is tested.

use std::{
    any::Any,
    env, panic,
    pin::Pin,
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tapline_integration_tests::patient;
use tokio::{runtime::Runtime, time::timeout};

/// No test may take longer.
const TEST_LIMIT: Duration = Duration::from_secs(20);
/// Promises that everything can run here: then what cannot has failed.
const REQUIRE: &str = "TAPLINE_REQUIRE_BPF";
/// Promises that every program is here: then a test that misses one has failed.
const REQUIRE_PROGRAMS: &str = "TAPLINE_REQUIRE_CLIENTS";
/// Options of libtest that are followed by a value.
const VALUED: [&str; 5] = ["--test-threads", "--format", "--color", "--logfile", "-Z"];

/// Something a test cannot do without.
pub(crate) type Need = fn() -> Result<(), Missing>;

/// What a machine does not have.
#[derive(Clone, Debug)]
pub(crate) enum Missing {
    /// Something of the machine itself.
    Machine(String),
    /// A program that could be installed.
    Program(String),
    /// A kind of capture that this kernel does not do, or that was not asked for: no promise holds.
    Capture(String),
}

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One test.
pub(crate) struct Test {
    name: &'static str,
    needs: Vec<Need>,
    run: Box<dyn Fn() -> Running>,
}

/// Makes a test of a promise, what it needs, and how it is shown to hold.
pub(crate) fn test<F>(name: &'static str, needs: &[Need], run: fn() -> F) -> Test
where
    F: Future<Output = ()> + Send + 'static,
{
    Test {
        name,
        needs: needs.to_vec(),
        run: Box::new(move || Box::pin(run())),
    }
}

enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

/// Which tests were asked for.
#[derive(Default)]
struct Choice {
    list: bool,
    exact: bool,
    only: Vec<String>,
    skip: Vec<String>,
}

/// Runs what the command line chooses.
pub(crate) fn main(tests: Vec<Test>) -> ExitCode {
    let choice = Choice::read(env::args().skip(1));
    let all = tests.len();
    let chosen: Vec<Test> = tests
        .into_iter()
        .filter(|test| choice.takes(test.name))
        .collect();
    if choice.list {
        for test in &chosen {
            println!("{}: test", test.name);
        }
        return ExitCode::SUCCESS;
    }
    remember_panics();
    let begun = Instant::now();
    println!("\nrunning {} tests", chosen.len());
    let mut failures = Vec::new();
    let (mut passed, mut skipped) = (0, 0);
    for test in &chosen {
        let outcome = test.outcome();
        match &outcome {
            Outcome::Passed => println!("test {} ... ok", test.name),
            Outcome::Failed(_) => println!("test {} ... FAILED", test.name),
            Outcome::Skipped(why) => println!("test {} ... SKIP: {why}", test.name),
        }
        match outcome {
            Outcome::Passed => passed += 1,
            Outcome::Failed(why) => failures.push((test.name, why)),
            Outcome::Skipped(_) => skipped += 1,
        }
    }
    for (name, why) in &failures {
        println!("\n---- {name} ----\n{why}");
    }
    let (failed, word) = (
        failures.len(),
        if failures.is_empty() { "ok" } else { "FAILED" },
    );
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; {skipped} ignored; 0 measured; \
         {} filtered out; finished in {:.2}s\n",
        all - chosen.len(),
        begun.elapsed().as_secs_f64(),
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

// === impl Test ===

impl Test {
    fn outcome(&self) -> Outcome {
        let missing = self.needs.iter().find_map(|need| need().err());
        match missing {
            Some(missing) => missing.outcome(),
            None => self.run(),
        }
    }

    /// Each test has a runtime of its own, so that nothing of it outlives it.
    fn run(&self) -> Outcome {
        let runtime = Runtime::new().expect("a runtime can be started");
        let test = (self.run)();
        let ran = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            runtime.block_on(async { timeout(patient(TEST_LIMIT), test).await })
        }));
        runtime.shutdown_timeout(Duration::from_secs(1));
        match ran {
            Ok(Ok(())) => Outcome::Passed,
            Ok(Err(_)) => Outcome::Failed(format!("not done after {:?}", patient(TEST_LIMIT))),
            Err(panic) => Outcome::Failed(last_panic().unwrap_or_else(|| words(panic.as_ref()))),
        }
    }
}

// === impl Missing ===

impl Missing {
    fn outcome(self) -> Outcome {
        let (why, promises) = match self {
            Self::Machine(why) => (why, &[REQUIRE][..]),
            Self::Capture(why) => (why, &[][..]),
            Self::Program(why) => (why, &[REQUIRE, REQUIRE_PROGRAMS][..]),
        };
        match promises.iter().find(|promise| is_set(promise)) {
            Some(promise) => Outcome::Failed(format!("{why}, and {promise} is set")),
            None => Outcome::Skipped(why),
        }
    }
}

fn is_set(promise: &str) -> bool {
    env::var(promise).is_ok_and(|value| value == "1")
}

// === impl Choice ===

impl Choice {
    fn read(mut args: impl Iterator<Item = String>) -> Self {
        let mut choice = Self::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--list" => choice.list = true,
                "--exact" => choice.exact = true,
                "--skip" => choice.skip.extend(args.next()),
                valued if VALUED.contains(&valued) => drop(args.next()),
                flag if flag.starts_with('-') => {}
                _ => choice.only.push(arg),
            }
        }
        choice
    }

    fn takes(&self, name: &str) -> bool {
        let fits = |text: &String| {
            if self.exact {
                name == text
            } else {
                name.contains(text.as_str())
            }
        };
        (self.only.is_empty() || self.only.iter().any(fits)) && !self.skip.iter().any(fits)
    }
}

// Panics are told at the end, under the name of their test.
static LAST_PANIC: Mutex<Option<String>> = Mutex::new(None);

fn remember_panics() {
    panic::set_hook(Box::new(|info| {
        let at = info
            .location()
            .map(|at| format!(" at {at}"))
            .unwrap_or_default();
        let text = format!("panicked{at}:\n{}", words(info.payload()));
        let mut last = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(text);
    }));
}

fn last_panic() -> Option<String> {
    LAST_PANIC
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without words".to_owned())
}
