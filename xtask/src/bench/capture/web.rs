//! nginx with one small file and one worker, and wrk that asks for it.
//!
//! As Debian configures it, sendfile included, but without an access log: a disk is not measured.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::bench::scratch::Scratch;
use crate::bench::server::Server;
use crate::bench::tools::Tools;

/// Connections that wrk keeps busy.
pub(super) const CONNECTIONS: u64 = 16;
const SECONDS: u32 = 3;
const FILE: &str = "hello.txt";
const FILE_BYTES: usize = 612;

/// A running nginx, and who asks it.
pub(super) struct Site {
    nginx: Server,
    wrk: PathBuf,
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
        let address = Server::address()?;
        let text = config(&scratch.path().display().to_string(), address);
        let config = scratch.write("nginx.conf", &text)?;
        let mut nginx = Command::new(tools.path("nginx"));
        nginx.arg("-c").arg(config).args(["-e", "stderr"]);
        Ok(Self {
            nginx: Server::start(&mut nginx, address)?,
            wrk: tools.path("wrk").to_path_buf(),
        })
    }

    /// Lets wrk ask for the file for a few seconds.
    pub(super) fn load(&self) -> Result<Load> {
        let output = Command::new(&self.wrk)
            .args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{SECONDS}s")])
            .arg(format!("http://{}/{FILE}", self.nginx.address))
            .output()
            .context("cannot run wrk")?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "wrk failed\n{text}");
        read(&text).with_context(|| format!("wrk did not say what is expected of it\n{text}"))
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
