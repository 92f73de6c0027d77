//! nginx with one small file and one worker, and wrk that asks for it.
//!
//! As Debian configures it, sendfile included, but without an access log: a disk is not measured.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::process;
use super::scratch::Scratch;
use super::tools::Tools;

/// Connections that wrk keeps busy.
pub(super) const CONNECTIONS: u64 = 16;
const SECONDS: u32 = 3;
const FILE: &str = "hello.txt";
const FILE_BYTES: usize = 612;
const START_PATIENCE: Duration = Duration::from_secs(5);
const STOP_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A running nginx. It is ended when this goes out of scope.
pub(super) struct Site {
    nginx: Child,
    wrk: PathBuf,
    address: SocketAddr,
}

/// What wrk says it did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    pub(super) requests: u64,
    pub(super) per_second: f64,
}

impl Site {
    pub(super) fn start(tools: &Tools, scratch: &Scratch) -> Result<Self> {
        scratch.write(FILE, &"x".repeat(FILE_BYTES))?;
        // Free a moment ago is as good as it gets: nginx cannot tell which port it was given.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = free.local_addr()?;
        drop(free);
        let text = config(&scratch.path().display().to_string(), address);
        let config = scratch.write("nginx.conf", &text)?;
        let nginx = Command::new(&tools.nginx)
            .arg("-c")
            .arg(config)
            .args(["-e", "stderr"])
            .stdin(Stdio::null())
            .spawn()
            .context("cannot run nginx")?;
        let mut site = Self {
            nginx,
            wrk: tools.wrk.clone(),
            address,
        };
        site.wait_ready()?;
        Ok(site)
    }

    /// Lets wrk ask for the file for a few seconds.
    pub(super) fn load(&self) -> Result<Load> {
        let output = Command::new(&self.wrk)
            .args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{SECONDS}s")])
            .arg(format!("http://{}/{FILE}", self.address))
            .output()
            .context("cannot run wrk")?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "wrk failed\n{text}");
        read(&text).with_context(|| format!("wrk did not say what is expected of it\n{text}"))
    }

    fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.nginx.try_wait()? {
                bail!("nginx ended before it was ready: {status}");
            }
            ensure!(
                Instant::now() < deadline,
                "nginx is not ready after {START_PATIENCE:?}"
            );
            process::pause(LOOK_AGAIN);
        }
        Ok(())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Asked and not killed, or its worker would live on. An error has nobody to go to.
        let _ = process::terminate(self.nginx.id());
        let _ = process::reap(&mut self.nginx, STOP_PATIENCE);
    }
}

fn config(folder: &str, address: SocketAddr) -> String {
    format!(
        "daemon off;
user root;
pid {folder}/nginx.pid;
worker_processes 1;
events {{ worker_connections 768; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    default_type text/plain;
    server {{
        listen {address};
        root {folder};
    }}
}}
"
    )
}

/// Fails when some request went wrong: those are fast, and nobody asked for them.
fn read(text: &str) -> Result<Load> {
    for trouble in ["Socket errors", "Non-2xx"] {
        ensure!(!text.contains(trouble), "there were errors");
    }
    let requests = text
        .lines()
        .find_map(|line| line.trim_start().split_once(" requests in "));
    let (requests, _) = requests.context("no number of requests")?;
    let per_second = text
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"));
    Ok(Load {
        requests: requests.parse().context("not a number of requests")?,
        per_second: per_second
            .context("no requests per second")?
            .trim()
            .parse()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
Running 3s test @ http://127.0.0.1:40001/hello.txt
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   377.41us  208.55us   5.96ms   89.30%
    Req/Sec    41.63k     2.77k   45.54k    83.33%
  124284 requests in 3.00s, 101.10MB read
Requests/sec:  41417.36
Transfer/sec:     33.69MB
";

    #[test]
    fn reads_what_wrk_says() {
        let load = read(SAID).expect("complete");
        assert_eq!(
            load,
            Load {
                requests: 124_284,
                per_second: 41417.36
            }
        );
    }

    #[test]
    fn does_not_count_failures_as_work() {
        for trouble in [
            "  Socket errors: connect 0, read 3",
            "  Non-2xx or 3xx responses: 9",
        ] {
            assert!(read(&format!("{SAID}{trouble}\n")).is_err(), "{trouble}");
        }
        assert!(read("Running 3s test\n").is_err());
    }
}
