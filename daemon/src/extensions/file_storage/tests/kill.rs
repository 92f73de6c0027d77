//! `kill -9`: this test program starts itself as the process that is killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead, BufReader, Write},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
};

use super::*;

const DIRECTORY: &str = "TAPLINE_TEST_STORAGE_DIRECTORY";
const ROUND: &str = "TAPLINE_TEST_STORAGE_ROUND";
/// The process that is killed, as the test runner knows it.
const CHILD: &str = "extensions::file_storage::tests::kill::child";

/// The record that was written as the given one of a round.
fn record(round: u64, sequence: u64) -> Vec<Bytes> {
    let head = format!("{round} {sequence} ");
    let size = usize::try_from(sequence * 7919 % 60_000).expect("small");
    let body = Dice(1 + round * 1000 + sequence).bytes(size);
    vec![head.into(), body.into()]
}

fn say(what: &str, number: RecordNumber, sequence: u64) {
    // A whole line in one write, and not through the test runner, which would hold it back.
    let line = format!("\n{what} {number} {sequence}\n");
    let _ = io::stdout().write_all(line.as_bytes());
    let _ = io::stdout().flush();
}

#[tokio::test]
#[ignore = "the process that `nothing_acknowledged_is_lost_to_kill_9` starts and kills"]
async fn child() {
    let directory = env::var(DIRECTORY).expect("started by the other test");
    let round: u64 = env::var(ROUND)
        .expect("started so")
        .parse()
        .expect("a number");
    let fsync = round.is_multiple_of(2);
    let disk = Disk::new(&format!(
        "directory: {directory}\nfsync: {fsync}\nmax_size_mib: 100"
    ));
    let log = disk.open().await;
    for sequence in (0..).step_by(2) {
        let (first, second) = tokio::join!(
            log.append(HEAD, record(round, sequence)),
            log.append(HEAD, record(round, sequence + 1)),
        );
        let first = first.expect("the disk takes it");
        say("ack", first, sequence);
        say("ack", second.expect("the disk takes it"), sequence + 1);
        if sequence % 3 == 0 {
            say("removing", first, sequence);
            log.remove(&[first]).await.expect("the disk takes it");
            say("removed", first, sequence);
        }
    }
}

fn start(scratch: &Scratch, round: u64) -> Child {
    Command::new(env::current_exe().expect("this program"))
        .args([CHILD, "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY, &scratch.0)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

/// What a child said: each word, number and sequence.
fn said(line: &str) -> Option<(&str, RecordNumber, u64)> {
    let mut words = line.split(' ');
    let word = words
        .next()
        .filter(|word| ["ack", "removing", "removed"].contains(word))?;
    Some((
        word,
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
    ))
}

/// What a child said until it was killed.
#[derive(Debug, Default)]
struct Said {
    /// Records that were acknowledged, with their sequence.
    acknowledged: BTreeMap<RecordNumber, u64>,
    /// Records whose removal was asked for: until it is acknowledged they may be there or not.
    removing: BTreeSet<RecordNumber>,
    removed: BTreeSet<RecordNumber>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        match said(line) {
            Some(("ack", number, sequence)) => {
                self.acknowledged.insert(number, sequence);
            }
            Some(("removing", number, _)) => {
                self.removing.insert(number);
            }
            Some((_, number, _)) => {
                self.removed.insert(number);
            }
            None => {}
        }
    }

    /// Returns the records that must be there.
    fn kept(&self, round: u64) -> impl Iterator<Item = (RecordNumber, Bytes)> {
        let kept = self
            .acknowledged
            .iter()
            .filter(|it| !self.removing.contains(it.0));
        kept.map(move |(number, sequence)| (*number, record(round, *sequence).concat().into()))
    }
}

/// Lets a child run for a while and kills it.
async fn killed(scratch: &Scratch, round: u64, kill_after: usize) -> Said {
    let mut child = start(scratch, round);
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut heard = Said::default();
    // What it said until its end counts, also what it said while it was killed.
    for (at, line) in output.lines().map_while(Result::ok).enumerate() {
        heard.hear(&line);
        if at == kill_after {
            let open = scratch.store("timeout: 0s").store.open(OWNER).await;
            assert!(
                open.err().is_some_and(|it| it.contains("is in use")),
                "it is locked"
            );
            child.kill().expect("it runs");
        }
    }
    let status = child.wait().expect("it ended");
    assert_eq!(status.signal(), Some(9), "it did not end by itself");
    assert!(heard.acknowledged.len() > 5, "round {round}: {heard:?}");
    heard
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_to_kill_9() {
    let scratch = Scratch::new();
    let mut expected: BTreeMap<RecordNumber, Bytes> = BTreeMap::new();
    let mut dice = Dice(99);
    for round in 0..10 {
        let heard = killed(&scratch, round, 20 + dice.below(150)).await;
        expected.extend(heard.kept(round));

        let disk = scratch.store("max_size_mib: 100");
        let log = disk.open().await;
        let found = contents(&*log).await;
        assert_eq!(disk.damaged(), 0, "round {round}");
        assert!(
            found.is_sorted_by_key(|it| it.0),
            "round {round}: not in order"
        );
        let back = found.iter().find(|it| heard.removed.contains(&it.0));
        assert!(back.is_none(), "round {round}: what was removed is back");
        let (acknowledged, extra): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|it| expected.contains_key(&it.0));
        assert!(
            acknowledged.into_iter().eq(expected.clone()),
            "round {round}: something acknowledged is lost or changed"
        );

        // At most what was under way is there too: two appends, or a removal.
        let extra: Vec<_> = extra.iter().map(|it| it.0).collect();
        assert!(extra.len() <= 2, "round {round}: {extra:?}");
        log.remove(&extra).await.expect("the disk works");
        scratch.close(log).await;
    }
}
