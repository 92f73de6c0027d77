//! A program under observation: its lines, its pid, its end. Killed by its id when dropped.

use std::{
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

use crate::patient;

/// How long a program may take to say or do what a test waits for.
const PATIENCE: Duration = Duration::from_secs(8);
/// The most a program may say, in lines; a test whose program says more has lost its way.
const LINES_MAX: usize = 10_000;

/// A running program.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Arc<Lines>,
    stderr: Arc<Lines>,
    readers: JoinSet<()>,
}

/// How a program ended, and all it said.
#[derive(Debug)]
pub struct Ended {
    /// What it ended with.
    pub status: ExitStatus,
    /// All lines of standard output.
    pub stdout: String,
    /// All lines of standard error.
    pub stderr: String,
}

#[derive(Debug, Default)]
struct Lines {
    said: Mutex<Vec<String>>,
    changed: watch::Sender<usize>,
}

impl Program {
    /// Starts a command with its standard streams in our hands.
    pub fn start(mut command: Command) -> Self {
        let name = command
            .as_std()
            .get_program()
            .to_string_lossy()
            .into_owned();
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = child.unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let (stdout, stderr) = (Arc::<Lines>::default(), Arc::<Lines>::default());
        let mut readers = JoinSet::new();
        readers.spawn(read(
            child.stdout.take().expect("piped"),
            Arc::clone(&stdout),
        ));
        readers.spawn(read(
            child.stderr.take().expect("piped"),
            Arc::clone(&stderr),
        ));
        let stdin = child.stdin.take();
        Self {
            name,
            child,
            stdin,
            stdout,
            stderr,
            readers,
        }
    }

    /// Runs a command to its end.
    pub async fn run(command: Command) -> Ended {
        Self::start(command).end().await
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("not waited for yet")
    }

    /// Waits for a line of standard output.
    pub async fn line(&self, wanted: impl Fn(&str) -> bool) -> String {
        self.wait_line(&self.stdout, wanted).await
    }

    /// Waits for a line of standard error.
    pub async fn error_line(&self, wanted: impl Fn(&str) -> bool) -> String {
        self.wait_line(&self.stderr, wanted).await
    }

    /// Returns whether a line of standard error comes before the program ends.
    pub async fn says_before_it_ends(&mut self, wanted: &str) -> bool {
        // Both arms are cancel-safe: nothing is taken, and waiting can be begun again.
        let says = async {
            tokio::select! {
                _ = self.stderr.find(|line| line.contains(wanted)) => true,
                _ = self.child.wait() => false,
            }
        };
        timeout(patient(PATIENCE), says).await.unwrap_or(false)
    }

    /// Writes a line to standard input, and waits for the next line of standard output.
    pub async fn ask(&mut self, question: &str) -> String {
        let before = self.stdout.len();
        let stdin = self.stdin.as_mut().expect("not closed yet");
        stdin
            .write_all(format!("{question}\n").as_bytes())
            .await
            .expect("it listens");
        let answered = async {
            let mut changes = self.stdout.changed.subscribe();
            changes
                .wait_for(|lines| *lines > before)
                .await
                .expect("we hold the sender");
        };
        let is_answered = timeout(patient(PATIENCE), answered).await.is_ok();
        assert!(
            is_answered,
            "{} does not answer to {question:?}{}",
            self.name,
            self.said()
        );
        self.stdout.get(before)
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal by name, such as `HUP`, unless it ended.
    pub fn signal(&self, name: &str) {
        if let Some(pid) = self.child.id() {
            signal(pid, name);
        }
    }

    /// Closes its standard input, waits until it ends, and returns all it said.
    pub async fn end(self) -> Ended {
        self.end_within(patient(PATIENCE)).await
    }

    /// Does the same with a limit of one's own.
    pub async fn end_within(mut self, limit: Duration) -> Ended {
        drop(self.stdin.take());
        let Ok(status) = timeout(limit, self.child.wait()).await else {
            panic!("{} does not end{}", self.name, self.said());
        };
        let drained = async { while self.readers.join_next().await.is_some() {} };
        // A grandchild may hold the pipes open; what it says is not waited for.
        let _grandchild = timeout(Duration::from_secs(1), drained).await;
        Ended {
            status: status.expect("ours to wait for"),
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
        }
    }

    /// Returns all it said so far, to be appended to a message.
    pub fn said(&self) -> String {
        format!(
            "\nstdout:\n{}\nstderr:\n{}",
            self.stdout.text(),
            self.stderr.text()
        )
    }

    async fn wait_line(&self, lines: &Lines, wanted: impl Fn(&str) -> bool) -> String {
        let found = timeout(patient(PATIENCE), lines.find(wanted)).await;
        found.unwrap_or_else(|_| {
            panic!("{} does not say what we wait for{}", self.name, self.said())
        })
    }
}

impl Lines {
    fn push(&self, line: String) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(said.len() < LINES_MAX, "more than {LINES_MAX} lines");
        said.push(line);
        let count = said.len();
        drop(said);
        self.changed.send_replace(count);
    }

    async fn find(&self, wanted: impl Fn(&str) -> bool) -> String {
        let mut changes = self.changed.subscribe();
        loop {
            changes.mark_unchanged();
            let found = self.lock().iter().find(|line| wanted(line)).cloned();
            if let Some(line) = found {
                return line;
            }
            changes.changed().await.expect("we hold the sender");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn len(&self) -> usize {
        self.lock().len()
    }

    fn get(&self, index: usize) -> String {
        self.lock()[index].clone()
    }

    fn text(&self) -> String {
        self.lock().join("\n")
    }
}

/// Asks a process to end.
pub fn terminate(pid: u32) {
    signal(pid, "TERM");
}

fn signal(pid: u32, name: &str) {
    // The shell has its own `kill`, and a system call of ours would be unsafe code.
    let sent = std::process::Command::new("sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid.to_string()])
        // It may be gone already.
        .stderr(Stdio::null())
        .status();
    sent.expect("there is a shell");
}

async fn read(pipe: impl AsyncRead + Unpin, lines: Arc<Lines>) {
    let mut reader = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = reader.next_line().await {
        lines.push(line);
    }
}
