//! The memory limiter with a made-up amount of memory, on a paused clock.

use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use tapline_config::ComponentId;
use tapline_pipeline::Verdict;
use tokio::task::JoinSet;

use super::*;

struct Nowhere;

#[async_trait]
impl Consumer for Nowhere {
    async fn consume(&self, _: Batch) -> Result<(), Refusal> {
        Ok(())
    }
}

fn context() -> BuildContext {
    let id = ComponentId::parse("memory_limiter").expect("valid id");
    BuildContext::alone(id, Signal::Traces)
}

fn spans(items: u32) -> Batch {
    Batch::written(Signal::Traces, Bytes::new(), items)
}

fn config(text: &str) -> Config {
    let mut config = Config {
        check_interval: tapline_config::Duration::from_secs(1),
        ..Config::default()
    };
    for setting in text.split_whitespace() {
        let (key, value) = setting.split_once('=').expect("key=value");
        let value: u32 = value.parse().expect("a number");
        match key {
            "every" => config.check_interval = tapline_config::Duration::from_secs(value.into()),
            "limit_mib" => config.limit_mib = value,
            "spike_limit_mib" => config.spike_limit_mib = value,
            "limit_percentage" => config.limit_percentage = value,
            "spike_limit_percentage" => config.spike_limit_percentage = value,
            _ => panic!("no such setting: {key}"),
        }
    }
    config
}

#[test]
fn refuses_settings_in_the_words_of_the_collector() {
    let percentages = "must be greater than zero and less than or equal to hundred";
    let table = [
        (
            "every=0 limit_mib=1",
            "'check_interval' must be greater than zero",
        ),
        (
            "",
            "'limit_mib' or 'limit_percentage' must be greater than zero",
        ),
        (
            "limit_percentage=101",
            &format!("'limit_percentage' {percentages}"),
        ),
        (
            "limit_percentage=50 spike_limit_percentage=101",
            &format!("'spike_limit_percentage' {percentages}"),
        ),
        (
            "limit_mib=10 spike_limit_mib=10",
            "'spike_limit_mib' must be smaller than 'limit_mib'",
        ),
        (
            "limit_percentage=10 spike_limit_percentage=10",
            "'spike_limit_percentage' must be smaller than 'limit_percentage'",
        ),
    ];
    for (text, message) in table {
        let Err(refused) = build(&config(text), Arc::new(Nowhere), &context()) else {
            panic!("built: {text}")
        };
        assert_eq!(refused, message, "{text}");
    }
}

#[test]
fn begins_to_refuse_below_the_hard_limit() {
    let table = [
        ("limit_mib=100 spike_limit_mib=30", 70 << 20),
        ("limit_mib=100", 80 << 20),
        ("limit_mib=100 limit_percentage=50", 80 << 20),
        ("limit_percentage=50 spike_limit_percentage=10", 4_000),
        ("limit_percentage=50", 4_000),
    ];
    for (text, soft) in table {
        assert_eq!(
            soft_limit(&config(text), || Some(10_000)),
            Ok(soft),
            "{text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn refuses_retryably_while_memory_is_above_the_limit() {
    static USED: AtomicU64 = AtomicU64::new(81 << 20);
    let context = context();
    let used = || Some(USED.load(Relaxed));
    let config = config("limit_mib=100");
    let limiter = MemoryLimiter::new(&config, Arc::new(Nowhere), &context, || None, used);
    let limiter = Arc::new(limiter.expect("a valid configuration"));
    let stop = Stop::new();
    let mut work = JoinSet::new();
    work.spawn(
        Arc::clone(&limiter)
            .start(stop.clone())
            .expect("it watches"),
    );
    tokio::time::sleep(Duration::from_millis(1)).await;

    let refusal = limiter
        .consume(spans(3))
        .await
        .expect_err("too much memory");
    assert_eq!(
        refusal.verdict,
        Verdict::Later {
            after: Some(Duration::from_secs(1))
        }
    );
    assert_eq!(refusal.cause, "data refused due to high memory usage");

    USED.store(80 << 20, Relaxed);
    limiter.consume(spans(4)).await.expect_err("just looked");
    tokio::time::sleep(Duration::from_secs(1)).await;
    limiter.consume(spans(5)).await.expect("memory is fine");

    let total = |metric| context.meters.total(metric, &[]);
    assert_eq!(total("otelcol_processor_refused_spans"), 7);
    assert_eq!(total("otelcol_processor_accepted_spans"), 5);
    let book = context.meters.account(Signal::Traces, &[]).tally();
    let expected = "received=12 sent=5 refused(memory)=7 queued=0";
    assert_eq!(format!("{book:?}"), expected);
    stop.request();
    assert!(matches!(work.join_next().await, Some(Ok(Ok(())))));
}

#[tokio::test(start_paused = true)]
async fn notices_what_payloads_have_grown_by_between_two_looks() {
    let context = context();
    let used = || Some(70 << 20);
    let config = config("limit_mib=100");
    let limiter = MemoryLimiter::new(&config, Arc::new(Nowhere), &context, || None, used);
    let limiter = limiter.expect("a valid configuration");
    limiter.admit(10 << 20).expect("80 MiB are allowed");
    limiter.admit(11 << 20).expect_err("81 MiB are not");
    let held = context.shared.memory.hold(11 << 20);
    limiter.consume(spans(1)).await.expect_err("it is there");
    drop(held);
    limiter.consume(spans(1)).await.expect("it is gone");
}

#[tokio::test(start_paused = true)]
async fn looks_again_soon_when_much_is_used() {
    static USED: AtomicU64 = AtomicU64::new(50 << 20);
    let context = context();
    let used = || Some(USED.load(Relaxed));
    let config = config("limit_mib=100");
    let limiter = MemoryLimiter::new(&config, Arc::new(Nowhere), &context, || None, used);
    let limiter = limiter.expect("a valid configuration");
    USED.store(90 << 20, Relaxed);
    limiter.admit(0).expect("nobody has looked");
    tokio::time::sleep(Duration::from_millis(20)).await;
    limiter.admit(0).expect_err("it has looked long before 1 s");
    USED.store(60 << 20, Relaxed);
    tokio::time::sleep(Duration::from_millis(20)).await;
    limiter.admit(0).expect("and sees that it is over");
}
