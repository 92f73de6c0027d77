//! The load generator and the sink: one program, built here, that tells what it did as JSON.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::place::{Core, free_address, pinned, wait_for_accept};
use super::work::{Wire, Work};
use crate::bench::process;
use crate::bench::release;

const PACKAGE: &str = "otlpload";
/// Long enough for any measurement; a sink that we lose ends by itself.
const SINK_SECONDS: &str = "120";
const START_PATIENCE: Duration = Duration::from_secs(5);
/// How long spans may still be under way when the load has ended.
const DRAIN_PATIENCE: Duration = Duration::from_secs(15);
const DRAIN_LOOK: Duration = Duration::from_millis(20);
const STATS_BYTES_MAX: u64 = 64 * 1024;
const STATS_PATIENCE: Duration = Duration::from_secs(5);

/// The program, built.
pub(super) struct Otlpload(PathBuf);

/// A sink that counts. It is ended when this goes out of scope.
pub(super) struct Sink {
    child: Child,
    pub(super) address: SocketAddr,
}

/// What the load generator tells when it ends.
#[derive(Debug, Deserialize, PartialEq)]
pub(super) struct Sent {
    /// Spans that the target answered for.
    pub(super) ok_items: u64,
    pub(super) failed_items: u64,
    pub(super) seconds: f64,
    pub(super) items_per_s: f64,
    pub(super) raw_bytes_per_item: f64,
    pub(super) cpu_s: f64,
    pub(super) last_error: String,
}

/// What the sink tells whenever it is asked.
#[derive(Debug, Deserialize, PartialEq)]
pub(super) struct Arrived {
    pub(super) items: u64,
    /// Of bodies as they came, compressed if they were.
    pub(super) bytes: u64,
    /// Requests that were no OTLP.
    pub(super) bad: u64,
    pub(super) cpu_s: f64,
    pub(super) age_us: Ages,
}

/// How old spans were on arrival.
#[derive(Debug, Deserialize, PartialEq)]
pub(super) struct Ages {
    pub(super) p50: u64,
    pub(super) p99: u64,
}

/// Copies a package and returns its manifest; the copy is a workspace of its own, wherever it is.
fn copy(sources: &Path, to: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(to.join("src"))?;
    for file in fs::read_dir(sources.join("src"))? {
        let file = file?;
        let text = fs::read(file.path())?;
        fs::write(to.join("src").join(file.file_name()), text)?;
    }
    let manifest = fs::read_to_string(sources.join("Cargo.toml"))?;
    let copied = to.join("Cargo.toml");
    fs::write(&copied, manifest + "\n[workspace]\n")?;
    Ok(copied)
}

/// CPU seconds of load and sink for a million spans that went straight from one to the other.
pub(super) struct Calibration {
    pub(super) load_cpu_s: f64,
    pub(super) sink_cpu_s: f64,
}

impl Otlpload {
    /// Builds the program from a copy of its sources, which are in a directory relative to the
    /// repository: that may be read-only, and then cargo has no place for its lock file.
    pub(super) fn build(root: &Path, sources: &Path) -> Result<Self> {
        let manifest = root.join(sources).join("Cargo.toml");
        ensure!(
            manifest.is_file(),
            "cannot measure: the load generator is not at {}; say where with --otlpload DIR",
            manifest.display()
        );
        let target = release::target(root).join(PACKAGE);
        let copied = copy(&root.join(sources), &target.join("source"))
            .with_context(|| format!("cannot copy {}", sources.display()))?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        release::cargo(
            root,
            &[
                "--manifest-path",
                &text(&copied),
                "--target-dir",
                &text(&target),
            ],
        )?;
        Ok(Self(target.join("release").join(PACKAGE)))
    }

    /// Starts a sink; one that is told how old spans are looks into each of them.
    pub(super) fn sink(&self, ages: bool) -> Result<Sink> {
        let address = free_address()?;
        let child = self
            .command("sink")
            .args(["--listen", &address.to_string(), "--time", SINK_SECONDS])
            .args(ages.then_some("--stamp"))
            .stdout(Stdio::null())
            .spawn()
            .context("cannot run the sink")?;
        let mut sink = Sink { child, address };
        wait_for_accept(&mut sink.child, address, START_PATIENCE).context("the sink")?;
        Ok(sink)
    }

    /// Starts sending for some seconds what the work says.
    pub(super) fn send(&self, work: &Work, target: SocketAddr, seconds: u32) -> Result<Child> {
        let mut command = self.command("load");
        command.args(["--target", &target.to_string()]);
        let (protocol, inflight) = match work.wire {
            Wire::Grpc => ("grpc", "4"),
            Wire::Http => ("http", "1"),
        };
        command.args(["--proto", protocol, "--conns", "16", "--inflight", inflight]);
        command.args(["--items", &work.items.to_string()]);
        command.args(["--templates", &work.templates.to_string()]);
        command.args(["--time", &seconds.to_string(), "--seed", "1"]);
        command.args(work.packed_in.then_some("--gzip"));
        if let Some(rate) = work.rate {
            command.args(["--stamp", "--rate", &rate.to_string()]);
        }
        start(&mut command)
    }

    /// Sends a million spans straight to a sink, which no daemon has a part in.
    pub(super) fn calibrate(&self) -> Result<Calibration> {
        let sink = self.sink(false)?;
        let mut command = self.command("load");
        command.args(["--target", &sink.address.to_string(), "--seed", "1"]);
        command.args(["--items", "1000", "--count", "1000", "--gzip", "--ids"]);
        let sent = finish(start(&mut command)?)?;
        let arrived = sink.settle(sent.ok_items)?;
        Ok(Calibration {
            load_cpu_s: sent.cpu_s,
            sink_cpu_s: arrived.cpu_s,
        })
    }

    fn command(&self, mode: &str) -> Command {
        let mut command = pinned(Core::Others, &self.0);
        command.arg(mode);
        command
    }
}

fn start(command: &mut Command) -> Result<Child> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    child.context("cannot run the load generator")
}

/// Waits for a load to end and returns what it did.
pub(super) fn finish(load: Child) -> Result<Sent> {
    let done = load.wait_with_output()?;
    ensure!(done.status.success(), "the load generator failed");
    let told = String::from_utf8_lossy(&done.stdout);
    serde_json::from_str(&told).with_context(|| format!("the load generator told {told:?}"))
}

impl Sink {
    /// Waits until as many spans have arrived as were sent, or for as long as can be expected.
    pub(super) fn settle(&self, sent: u64) -> Result<Arrived> {
        let deadline = Instant::now() + DRAIN_PATIENCE;
        loop {
            let arrived = self.stats()?;
            if arrived.items >= sent || Instant::now() >= deadline {
                ensure!(arrived.bad == 0, "{} requests were no OTLP", arrived.bad);
                return Ok(arrived);
            }
            process::pause(DRAIN_LOOK);
        }
    }

    fn stats(&self) -> Result<Arrived> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(STATS_PATIENCE))?;
        stream.write_all(b"GET /stats HTTP/1.1\r\nhost: sink\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(STATS_BYTES_MAX).read_to_string(&mut answer)?;
        let Some((_, body)) = answer.split_once("\r\n\r\n") else {
            bail!("the sink answered {answer:?}");
        };
        serde_json::from_str(body).with_context(|| format!("the sink told {body:?}"))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended already, and an error here has nobody to go to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_understood() {
        let told = "{\"ok_items\":400,\"failed_items\":0,\"ok_requests\":4,\"seconds\":4.010,\
                    \"items_per_s\":100,\"bytes\":17,\"raw_bytes_per_item\":425.9,\"ack_us\":\
                    {\"p50\":1,\"p90\":2,\"p99\":3,\"max\":4},\"late\":0,\"cpu_s\":0.882,\
                    \"last_error\":\"\"}";
        let sent: Sent = serde_json::from_str(told).expect("as otlpload prints it");
        assert_eq!((sent.ok_items, sent.raw_bytes_per_item), (400, 425.9));
    }

    #[test]
    fn the_sink_is_understood() {
        let told = "{\"items\":4,\"requests\":1,\"bytes\":17,\"refused\":0,\"bad\":0,\"conns\":1,\
                    \"first_ns\":1,\"last_ns\":2,\"age_us\":{\"n\":4,\"p50\":5,\"p90\":6,\
                    \"p99\":7,\"max\":8},\"cpu_s\":0.375,\"now_ns\":3}\n";
        let arrived: Arrived = serde_json::from_str(told).expect("as otlpload prints it");
        assert_eq!(
            (arrived.items, arrived.age_us),
            (4, Ages { p50: 5, p99: 7 })
        );
    }
}
