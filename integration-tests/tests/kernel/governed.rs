//! A machine without CPU to spare: the governor lets whole exchanges go, at both their ends, counts
//! each, and what is told counts for them.

use std::collections::HashSet;

use tapline_integration_tests::Program;
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::{Child, Command};

use crate::{
    actors::script,
    daemon::{Daemon, Told},
    durations::{self, named, newest},
    flood::lost,
    spans,
};

const CONNECTIONS: usize = 8;
const PATH: &str = "/d9c2-governed";
const SERVICE: &str = "d9c2-flood";
/// So little that a daemon built for tests has to let most go, and more than it takes for nothing.
/// Of others on this machine nothing is told, nor counted when it is let go.
const LITTLE: &str = "cpu_share: 0.02
targets: {include: [{cmd_args: '*/d9c2-governed'}]}";
const STORM: usize = 1000;
const CALM: usize = 10;
/// How far the counts of metrics may be off the truth: several standard deviations.
const TOLERANCE: f64 = 0.25;
/// The least that ends agree about of what either told: the share moves between the two.
const AGREEMENT: f64 = 0.9;

pub(crate) async fn what_is_told_of_a_saturated_machine_counts_for_what_is_let_go() {
    let daemon = Daemon::start_with(LITTLE).await;
    let mut command = script("flood");
    command
        .args([&CONNECTIONS.to_string(), PATH])
        .env("OTEL_SERVICE_NAME", SERVICE);
    let mut program = Program::start(command);
    program.line(|line| line == "ready").await;
    let burners: Vec<Child> = (0..cpus()).map(|_| burner()).collect();
    daemon.wait_for(|seen| level(seen, IDLE) < SATURATED).await;
    assert_eq!(program.ask(&format!("pace {STORM}")).await, "done");
    drop(burners);
    daemon.says("only a share of the exchanges is told").await;
    let before = named(&daemon.seen(), TOLD).len();
    daemon
        .wait_for(|seen| named(seen, TOLD).len() > before && is_everything(level(seen, TOLD)))
        .await;
    let is_calm = is_over(&daemon.seen());
    assert_eq!(program.ask(&format!("go {CALM}")).await, "done");
    assert_eq!(program.ask("end 0").await, "done");

    let asked = CONNECTIONS * (STORM + CALM);
    let told = daemon
        .stop_when(|seen| told(seen).len() + all_lost(seen) == 2 * asked)
        .await;
    assert_books_are_exact(&told, asked);
    assert_ends_agree(&told.seen);
    assert_counts_are_true(&told.seen, asked);
    if is_calm {
        assert_calm_is_told_as_it_is(&told.seen);
    }
}

const TOLD: &str = "tapline.ebpf.governor.told";
const IDLE: &str = "tapline.ebpf.governor.cpu.idle";
/// Idle less than this, nobody has anything to spare; more than that, everybody has.
const SATURATED: f64 = 0.05;
const SPARE: f64 = 0.6;

/// What the governor says newest; everything and all idle before it said anything.
fn level(seen: &Seen, name: &str) -> f64 {
    durations::latest_double(seen, name).unwrap_or(1.0)
}

fn is_everything(told: f64) -> bool {
    told >= 1.0
}

/// Returns whether everything is told again, as it must be unless others keep this machine busy.
fn is_over(seen: &Seen) -> bool {
    let (told, idle) = (level(seen, TOLD), level(seen, IDLE));
    let is_over = is_everything(told);
    assert!(is_over || idle < SPARE, "{told} told with {idle} idle");
    if !is_over {
        #[expect(clippy::print_stderr, reason = "a test that looks at less says so")]
        {
            eprintln!("busy ({idle} idle): what a calm machine tells is not looked at");
        }
    }
    is_over
}

fn assert_books_are_exact(told: &Told, asked: usize) {
    let seen = &told.seen;
    let (whole, governed) = (self::told(seen).len(), lost(seen, "governed"));
    assert_eq!(
        whole + all_lost(seen),
        2 * asked,
        "{whole} told, {governed} let go, {} by the ring, {} lost",
        lost(seen, "shed"),
        lost(seen, "lost")
    );
    assert!(governed > asked, "{governed} let go of {}", 2 * asked);
    let errors = &told.ended.stderr;
    let said = |words: &str| errors.lines().filter(|line| line.contains(words)).count();
    assert_eq!(said("only a share of the exchanges is told"), 1, "{errors}");
}

fn assert_ends_agree(seen: &Seen) {
    let paths = |found: Vec<ReceivedSpan<'_>>| -> HashSet<String> {
        let whole = found.iter().filter(|span| is_whole(span));
        whole.map(|span| path(span)).collect()
    };
    let servers = paths(spans::servers(seen, PATH));
    let clients = paths(spans::clients(seen, PATH));
    let both = servers.intersection(&clients).count();
    let either = servers.union(&clients).count();
    assert!(
        to_f64(both) >= AGREEMENT * to_f64(either),
        "of {either} told by either end {both} are told by both"
    );
}

/// Weights are on the spans, and in the metrics.
fn assert_counts_are_true(seen: &Seen, asked: usize) {
    let sides = [
        ("http.server.request.duration", spans::servers(seen, PATH)),
        ("http.client.request.duration", spans::clients(seen, PATH)),
    ];
    for (name, spans) in sides {
        let weights = spans.iter().map(|span| weight(span).unwrap_or(1.0));
        let weighed: f64 = weights.sum();
        let counted = newest(seen, name, SERVICE).expect("a metric").count;
        let counted = to_f64(usize::try_from(counted).expect("a count"));
        assert!(
            (weighed - counted).abs() <= 2.0,
            "{name}: {counted}, and {weighed} by spans"
        );
        let ratio = counted / to_f64(asked);
        assert!(
            (ratio - 1.0).abs() < TOLERANCE,
            "{name}: {counted} of {asked}, from {} spans",
            spans.len()
        );
        assert!(spans.iter().any(|span| weight(span) > Some(1.0)), "{name}");
    }
}

/// The newest are as many as were asked for, and each stands for itself.
fn assert_calm_is_told_as_it_is(seen: &Seen) {
    for mut spans in [spans::servers(seen, PATH), spans::clients(seen, PATH)] {
        spans.sort_by_key(|span| span.record.start_time_unix_nano);
        let newest = spans.iter().rev().take(CONNECTIONS * CALM);
        let light = newest.filter(|span| weight(span).is_none());
        assert_eq!(light.count(), CONNECTIONS * CALM);
    }
}

fn told(seen: &Seen) -> Vec<ReceivedSpan<'_>> {
    let mut told = spans::servers(seen, PATH);
    told.extend(spans::clients(seen, PATH));
    told.retain(is_whole);
    told
}

fn all_lost(seen: &Seen) -> usize {
    ["governed", "shed", "lost"]
        .iter()
        .map(|reason| lost(seen, reason))
        .sum()
}

fn is_whole(span: &ReceivedSpan<'_>) -> bool {
    spans::shown(span, "error.type").is_none()
}

fn path(span: &ReceivedSpan<'_>) -> String {
    let url = ["url.path", "url.full"].iter();
    let mut shown = url.filter_map(|key| spans::shown(span, key));
    let shown = shown.next().expect("a path");
    shown[shown.find(PATH).expect("ours")..].to_owned()
}

fn weight(span: &ReceivedSpan<'_>) -> Option<f64> {
    let weight = spans::shown(span, "tapline.exchange.weight")?;
    Some(weight.parse().expect("a number"))
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn to_f64(count: usize) -> f64 {
    count as f64
}

fn cpus() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Takes what others leave of one CPU until it is dropped.
fn burner() -> Child {
    Command::new("nice")
        .args(["-n", "19", "sh", "-c", "while :; do :; done"])
        .kill_on_drop(true)
        .spawn()
        .expect("a shell")
}
