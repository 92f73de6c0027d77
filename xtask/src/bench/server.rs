//! A server of somebody else that is measured: started on a port of its own, asked to end.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::process;

const START_PATIENCE: Duration = Duration::from_secs(10);
const STOP_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A running server. It is ended when this goes out of scope.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    /// Returns an address that was free a moment ago, which is as good as it gets: the servers
    /// cannot tell which port they were given.
    pub(super) fn address() -> Result<SocketAddr> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok(free.local_addr()?)
    }

    /// Starts a server that was told to listen there, and returns when it does.
    pub(super) fn start(command: &mut Command, address: SocketAddr) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        let mut server = Self { child, address };
        server.wait_ready()?;
        Ok(server)
    }

    fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("a server ended before it was ready: {status}");
            }
            ensure!(
                Instant::now() < deadline,
                "a server is not ready after {START_PATIENCE:?}"
            );
            process::pause(LOOK_AGAIN);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked and not killed, or its workers would live on. An error has nobody to go to.
        let _ = process::terminate(self.child.id());
        let _ = process::reap(&mut self.child, STOP_PATIENCE);
    }
}
