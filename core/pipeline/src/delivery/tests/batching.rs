//! What the queue puts together, cuts and keeps apart.

use bytes::Bytes;
use tapline_pdata::Origin;

use super::*;

/// Makes a batch of this many spans that can be cut.
fn spans(count: u8) -> Batch {
    let spans = [0x12, 0].repeat(usize::from(count));
    let scope = [&[0x12, spans.len() as u8], spans.as_slice()].concat();
    let resource = [&[0x0a, scope.len() as u8], scope.as_slice()].concat();
    Batch::checked(Signal::Traces, Bytes::from(resource)).expect("well-formed")
}

fn of(tenant: &str, count: u8) -> Batch {
    let header = ("x-tenant".to_owned(), tenant.to_owned());
    spans(count).with_origin(Some(Arc::new(Origin::with_metadata([header]))))
}

fn batching(change: impl FnOnce(&mut QueueSettings, &mut BatchSettings)) -> DeliverySettings {
    with_queue(|queue| {
        let mut batch = BatchSettings {
            min_size: 10,
            flush_timeout: secs(3),
            ..BatchSettings::default()
        };
        change(queue, &mut batch);
        queue.batch = Some(batch);
    })
}

async fn offer(rig: &Rig, batches: impl IntoIterator<Item = Batch>) {
    for batch in batches {
        rig.delivery.consume(batch).await.expect("there is room");
    }
}

#[tokio::test(start_paused = true)]
async fn sends_what_makes_a_batch_at_once_and_the_rest_after_a_while() {
    let rig = Rig::new("take", batching(|_, _| {}));
    offer(&rig, [4, 4, 4, 1].map(spans)).await;
    sleep(secs(1)).await;
    assert_eq!(rig.exporter.attempts(), "0:12");
    assert_eq!(rig.books(), "sent 12, queued 1");
    sleep(secs(3)).await;
    assert_eq!(rig.exporter.attempts(), "0:12 3:1");
    assert_eq!(rig.books(), "sent 13");
    assert_eq!(rig.total("otelcol_exporter_queue_size"), 0);
}

#[tokio::test(start_paused = true)]
async fn cuts_to_the_largest_size_and_books_each_piece_by_itself() {
    let rig = Rig::new(
        "take never take",
        batching(|_, batch| batch.max_size = Some(10)),
    );
    offer(&rig, [4, 24].map(spans)).await;
    sleep(secs(4)).await;
    assert_eq!(rig.exporter.attempts(), "0:10 0:10 3:8");
    assert_eq!(rig.books(), "sent 18, dropped 10");
    assert_eq!(rig.total("otelcol_exporter_queue_size"), 0);
}

#[tokio::test(start_paused = true)]
async fn cuts_by_bytes_when_told_to() {
    let rig = Rig::new(
        "take",
        batching(|_, batch| {
            batch.sizer = Sizer::Bytes;
            batch.min_size = 16;
            batch.max_size = Some(16);
        }),
    );
    offer(&rig, [spans(18)]).await;
    sleep(secs(4)).await;
    assert_eq!(rig.books(), "sent 18");
    for attempt in rig.exporter.attempts().split(' ') {
        let (_, items) = attempt.split_once(':').expect("time and items");
        let items: u32 = items.parse().expect("a number");
        assert!(items * 2 + 4 <= 16, "{attempt}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_each_caller_when_all_its_pieces_are_done() {
    let rig = Rig::new(
        "slow slow never",
        batching(|queue, batch| {
            queue.reply = Reply::OnceSent;
            batch.max_size = Some(10);
        }),
    );
    let (small, large) = tokio::join!(
        async { (rig.delivery.consume(spans(4)).await, Instant::now()) },
        async { (rig.delivery.consume(spans(22)).await, Instant::now()) },
    );
    small.0.expect("all of it was sent");
    assert_eq!(
        large.0.expect_err("the last piece was not").cause,
        "bad data"
    );
    assert_eq!(
        large.1 - small.1,
        secs(2),
        "the rest is due three seconds after it came"
    );
    assert_eq!(rig.books(), "sent 20, dropped 6");
}

#[tokio::test(start_paused = true)]
async fn keeps_senders_apart_by_metadata() {
    let rig = Rig::new(
        "take",
        batching(|_, batch| batch.metadata_keys = vec!["X-Tenant".to_owned()]),
    );
    offer(&rig, [of("a", 6), of("b", 1), of("a", 7), of("b", 2)]).await;
    sleep(secs(4)).await;
    assert_eq!(rig.exporter.attempts(), "0:13 3:3");
}

#[tokio::test(start_paused = true)]
async fn sends_what_waits_to_be_filled_when_it_drains() {
    let rig = Rig::new("take", batching(|_, _| {}));
    offer(&rig, [spans(3), spans(4)]).await;
    assert_eq!(rig.delivery.drain(secs(1)).await, Drained::default());
    assert_eq!(rig.exporter.attempts(), "0:7");
}

#[tokio::test(start_paused = true)]
async fn refuses_bytes_beyond_the_bound_whatever_the_sizer() {
    let rig = Rig::new("hang", with_queue(|queue| queue.max_bytes = 10));
    rig.offer(&[6]).await;
    let refusal = rig.delivery.consume(batch(5)).await.expect_err("full");
    assert_eq!(refusal.verdict, Verdict::Full);
    rig.offer(&[4]).await;
    assert_eq!(rig.total("tapline_exporter_queue_bytes"), 10);
    let refusal = rig
        .delivery
        .consume(batch(11))
        .await
        .expect_err("too large");
    assert_eq!(refusal.verdict, Verdict::Never);
}
