//! Where things run: which core, which port.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::bench::process;

const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// A core that something is pinned to.
#[derive(Clone, Copy)]
pub(super) enum Core {
    /// The daemon's own.
    Daemon,
    /// Shared by the load generator and the sink.
    Others,
}

/// Fails where the two cores or the tool that pins are missing.
pub(super) fn check() -> Result<()> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    ensure!(
        cores >= 2,
        "cannot measure: the daemon and the load need a core each"
    );
    let taskset = Command::new("taskset").arg("--version").output();
    ensure!(
        taskset.is_ok_and(|done| done.status.success()),
        "cannot measure: taskset is not installed: apt-get install util-linux"
    );
    Ok(())
}

/// Prepares a program to run on one core.
pub(super) fn pinned(core: Core, program: &Path) -> Command {
    let number = match core {
        Core::Daemon => "0",
        Core::Others => "1",
    };
    let mut command = Command::new("taskset");
    command.args(["-c", number]).arg(program);
    command
}

/// Finds a loopback address where nobody listens.
pub(super) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}

/// Waits until `child` accepts at an address.
pub(super) fn wait_for_accept(
    child: &mut Child,
    address: SocketAddr,
    patience: Duration,
) -> Result<()> {
    let deadline = Instant::now() + patience;
    while TcpStream::connect(address).is_err() {
        ensure!(child.try_wait()?.is_none(), "it ended");
        ensure!(Instant::now() < deadline, "nobody listens on {address}");
        process::pause(LOOK_AGAIN);
    }
    Ok(())
}
