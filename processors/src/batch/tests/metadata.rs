//! Only batches whose senders agree are joined, and there is a bound on how many do not.

use super::*;

/// Makes a batch of log records that was sent with these headers, such as `tenant=a user=b`.
fn from(headers: &str, items: u32) -> Batch {
    let pairs = headers.split_whitespace().map(|pair| {
        let (name, value) = pair.split_once('=').expect("a header has a value");
        (name.to_owned(), value.to_owned())
    });
    logs(items).with_origin(Some(Arc::new(Origin::with_metadata(pairs))))
}

fn by(keys: &[&str], limit: u32, send_batch_size: u32, cut: u32) -> Config {
    Config {
        metadata_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        metadata_cardinality_limit: limit,
        ..config(send_batch_size, cut)
    }
}

impl Rig {
    async fn push_from(&self, headers: &str, items: u32) {
        let taken = self.stage.consume(from(headers, items)).await;
        taken.expect("held");
    }

    fn cardinality(&self) -> u64 {
        self.total("otelcol_processor_batch_metadata_cardinality")
    }
}

#[tokio::test(start_paused = true)]
async fn joins_only_what_agrees_in_the_keys() {
    let rig = Rig::new(&by(&["Tenant", "zone"], 10, 10, 0));
    rig.push_from("tenant=a user=x", 4).await;
    rig.push_from("tenant=b user=x", 4).await;
    rig.push_from("TENANT=a user=y peer=z", 7).await;
    rig.push_from("tenant=a zone=z", 1).await;
    rig.push_from("tenant=a tenant=b", 2).await;
    rig.push_from("user=x", 3).await;
    rig.push(&[3]).await;
    sleep(millis(1)).await;
    assert_eq!(rig.arrived(), "0:11@a");
    assert_eq!(rig.cardinality(), 5);
    rig.stage.drain(millis(1000)).await;
    assert_eq!(rig.arrived(), "0:11@a 1:4@b 1:1@a+z 1:2@a+b 1:6@");
    assert_eq!(rig.book(), "received=24 sent=24 queued=0");
}

#[tokio::test(start_paused = true)]
async fn says_nothing_of_the_senders_without_keys() {
    let rig = Rig::new(&config(10, 0));
    rig.push_from("tenant=a", 5).await;
    rig.push_from("tenant=b", 5).await;
    sleep(millis(1)).await;
    rig.push_from("tenant=b", 12).await;
    sleep(millis(1)).await;
    assert_eq!(rig.arrived(), "0:10 1:12");
    assert_eq!(rig.cardinality(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_combination_has_a_time_of_its_own() {
    let rig = Rig::new(&by(&["tenant"], 0, 10, 10));
    rig.push_from("tenant=a", 1).await;
    sleep(millis(50)).await;
    rig.push_from("tenant=b", 2).await;
    sleep(millis(50)).await;
    rig.push_from("tenant=a", 13).await;
    rig.push_from("tenant=c", 3).await;
    sleep(millis(300)).await;
    assert_eq!(rig.arrived(), "100:10@a 250:2@b 300:4@a 300:3@c");
    assert_eq!(rig.total("otelcol_processor_batch_timeout_trigger_send"), 3);
}

#[tokio::test(start_paused = true)]
async fn keeps_the_combination_of_what_is_sent_at_once() {
    let rig = Rig::new(&by(&["tenant"], 0, 0, 2));
    rig.push_from("tenant=a user=x", 3).await;
    sleep(millis(1)).await;
    assert_eq!(rig.arrived(), "0:2@a 0:1@a");
}

#[tokio::test(start_paused = true)]
async fn refuses_for_good_what_is_one_combination_too_many() {
    let rig = Rig::new(&by(&["tenant"], 2, 10, 0));
    rig.push_from("tenant=a", 1).await;
    rig.push_from("tenant=b", 1).await;
    let refused = rig.stage.consume(from("tenant=c", 5)).await;
    let refusal = refused.expect_err("one too many");
    assert_eq!(
        refusal.cause,
        "too many batcher metadata-value combinations"
    );
    assert!(!refusal.is_retryable());
    rig.push_from("tenant=a user=y", 1).await;
    assert_eq!(rig.cardinality(), 2);
    rig.stage.drain(millis(1000)).await;
    assert_eq!(
        rig.book(),
        "received=8 sent=3 refused(permanent)=5 queued=0"
    );
}

#[tokio::test(start_paused = true)]
async fn forgets_a_combination_that_nobody_uses_any_more() {
    let rig = Rig::new(&by(&["tenant"], 2, 10, 0));
    rig.push_from("tenant=a", 1).await;
    rig.push_from("tenant=b", 1).await;
    sleep(millis(299_000)).await;
    rig.push_from("tenant=b", 1).await;
    let early = rig.stage.consume(from("tenant=c", 1)).await;
    early.expect_err("both are remembered");
    sleep(millis(11_000)).await;
    rig.push_from("tenant=c", 1).await;
    assert_eq!(rig.cardinality(), 2);
    let late = rig.stage.consume(from("tenant=a", 1)).await;
    late.expect_err("its place is taken");
}

#[tokio::test(start_paused = true)]
async fn holds_no_more_bytes_than_without_keys() {
    let rig = Rig::new(&by(&["tenant"], 0, u32::MAX, 0));
    let quarter = MAX_HELD_BYTES as u32 / 8;
    for headers in ["tenant=a", "tenant=b", "tenant=c"] {
        rig.push_from(headers, quarter - 1000).await;
    }
    rig.push_from("tenant=b", 1).await;
    sleep(millis(1)).await;
    assert_eq!(rig.arrived(), "", "not yet");
    rig.push_from("tenant=d", quarter).await;
    rig.push_from("tenant=a", 4000).await;
    sleep(millis(1)).await;
    assert_eq!(rig.arrived(), format!("1:{}@a", quarter + 3000));
}

#[tokio::test(start_paused = true)]
async fn counts_what_every_combination_held_when_it_is_cut_off() {
    let mut rig = Rig::new(&by(&["tenant"], 0, 6, 0));
    rig.push_from("tenant=a", 2).await;
    rig.push_from("tenant=b", 3).await;
    sleep(millis(1)).await;
    rig.next.hangs.store(true, Relaxed);
    rig.push_from("tenant=c", 6).await;
    sleep(millis(1)).await;
    rig.push_from("tenant=a", 20).await;
    rig.work.shutdown().await;
    assert_eq!(
        rig.book(),
        "received=31 sent=0 dropped(shutdown)=31 queued=0"
    );
    let meters = rig.context.meters.clone();
    drop(rig);
    let known = meters.total("otelcol_processor_batch_metadata_cardinality", &[]);
    assert_eq!(known, 0, "nobody is known to nobody");
}
