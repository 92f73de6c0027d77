//! More than the daemon can take: what is told and what is said to be lost are all there was.

use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value};
use tapline_integration_tests::Program;
use tapline_testkit::Seen;

use crate::{actors::script, daemon::Daemon, durations::named, spans};

const CONNECTIONS: usize = 16;
/// A ring of one MiB holds about a thousand exchanges.
const SMALL: &str = "ring_buffer_mib: 1";
const FLOOD: usize = 300;
const CALM: usize = 10;

pub(crate) async fn what_is_told_and_what_is_lost_are_all_there_was() {
    let daemon = Daemon::start_with(SMALL).await;
    let mut command = script("flood");
    command.arg(CONNECTIONS.to_string());
    let mut program = Program::start(command);
    program.line(|line| line == "ready").await;
    assert_eq!(program.ask(&format!("go {CALM}")).await, "done");
    let both_ends = 2 * CONNECTIONS * CALM;
    daemon.wait_for(|seen| whole(seen) == both_ends).await;

    daemon.pause();
    assert_eq!(program.ask(&format!("go {FLOOD}")).await, "done");
    daemon.resume();
    daemon.wait_for(|seen| lost(seen, "shed") > 0).await;
    let before = whole(&daemon.seen());
    assert_eq!(program.ask(&format!("go {CALM}")).await, "done");
    daemon
        .wait_for(|seen| whole(seen) >= before + both_ends)
        .await;
    assert_eq!(program.ask("end 0").await, "done");

    daemon.says("all connections are followed again").await;
    let truth = 2 * CONNECTIONS * (CALM + FLOOD + CALM);
    let told = daemon.stop_when(|seen| accounted(seen) == truth).await;
    let (told_whole, shed) = (whole(&told.seen), lost(&told.seen, "shed"));
    let at_random = lost(&told.seen, "lost");
    assert_eq!(
        told_whole + shed + at_random,
        truth,
        "{told_whole} told, {shed} let go, {at_random} lost"
    );
    assert!(told_whole >= 2 * both_ends + 100, "{told_whole} told");
    assert!(shed > at_random, "{shed} let go, {at_random} lost");
    let errors = &told.ended.stderr;
    let said = |words: &str| errors.lines().filter(|line| line.contains(words)).count();
    assert_eq!(said("a share of the connections is let go"), 1, "{errors}");
}

/// Exchanges that are told as if nothing of them was missing.
fn whole(seen: &Seen) -> usize {
    let is_whole = |span: &&tapline_testkit::ReceivedSpan<'_>| {
        spans::shown(span, "url.path").as_deref() == Some("/d9c1-flood")
            || spans::shown(span, "url.full").is_some_and(|url| url.ends_with("/d9c1-flood"))
    };
    let spans = seen.spans();
    let ours = spans.iter().filter(is_whole);
    ours.filter(|span| spans::shown(span, "error.type").is_none())
        .count()
}

fn accounted(seen: &Seen) -> usize {
    whole(seen) + lost(seen, "shed") + lost(seen, "lost")
}

/// The newest count of exchanges lost for a reason.
pub(crate) fn lost(seen: &Seen, reason: &str) -> usize {
    let metrics = named(seen, "tapline.ebpf.exchanges.lost");
    let Some(metric) = metrics.last() else {
        return 0;
    };
    let Some(Data::Sum(sum)) = &metric.record.data else {
        panic!("not a sum");
    };
    let point = sum.data_points.iter().find(|point| {
        let text = format!("{:?}", point.attributes);
        text.contains(&format!("{reason:?}"))
    });
    match point.and_then(|point| point.value) {
        Some(Value::AsInt(count)) => usize::try_from(count).expect("a count"),
        _ => 0,
    }
}
