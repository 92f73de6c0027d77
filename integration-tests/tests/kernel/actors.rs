//! The real programs that ask and answer.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use tapline_integration_tests::{Ended, Program, Scratch};

use crate::needs::python_path;

/// A server on a loopback port.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) port: u16,
}

impl Server {
    /// Starts a command that prints its port.
    pub(crate) async fn start(command: Command) -> Self {
        let program = Program::start(command);
        let line = program.line(|line| port_in(line).is_some()).await;
        let port = port_in(&line).expect("was found");
        Self { program, port }
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

/// Starts `python3 -m http.server` over a directory.
pub(crate) async fn http_server(address: &str, directory: &Path) -> Server {
    let mut command = python();
    command
        .args(["-m", "http.server", "0", "--bind", address])
        .current_dir(directory);
    Server::start(command).await
}

/// Returns the path of one of our own programs.
pub(crate) fn script_of(file: &str) -> PathBuf {
    programs().join(file)
}

/// Returns a command for one of our own Python programs, `programs/NAME.py`.
pub(crate) fn script(name: &str) -> Command {
    let mut command = python();
    command.arg(programs().join(format!("{name}.py")));
    command
}

/// Returns a command for one of our own Node programs, `programs/NAME.mjs`.
pub(crate) fn node(name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(programs().join(format!("{name}.mjs")));
    command
}

/// Compiles one of our own C programs, `programs/NAME.c`, and returns where the program is.
pub(crate) async fn compiled(name: &str, scratch: &Scratch) -> PathBuf {
    let program = scratch.path().join(name);
    let mut command = Command::new("gcc");
    command
        .args(["-O1", "-pthread", "-o"])
        .arg(&program)
        .arg(programs().join(format!("{name}.c")));
    let ended = Program::run(command).await;
    assert!(ended.status.success(), "{}", ended.stderr);
    program
}

/// Runs curl silently; its output is the status code and the size of the body.
pub(crate) async fn curl(args: &[&str], url: &str) -> Ended {
    Program::run(curl_command(args, url)).await
}

/// Returns what `curl` runs.
pub(crate) fn curl_command(args: &[&str], url: &str) -> Command {
    let mut command = Command::new("curl");
    let written = "%{http_code} %{size_download}\n";
    command.args([
        "--silent",
        "--noproxy",
        "*",
        "--output",
        "/dev/null",
        "--write-out",
        written,
    ]);
    command.args(args).arg(url);
    command
}

/// Returns a port where nobody listens, for programs that cannot choose one themselves.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("bound").port()
}

fn python() -> Command {
    let mut command = Command::new(python_path());
    command.arg("-u");
    command
}

/// Returns where our own programs are.
pub(crate) fn programs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/kernel/programs")
}

/// Finds the number after `port`.
fn port_in(line: &str) -> Option<u16> {
    let mut words = line.split_whitespace();
    words.find(|word| *word == "port")?;
    words.next()?.parse().ok()
}
