//! Boots one kernel with QEMU, shows what it says, and ends it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context as _, Result};

use super::fetch::Unpacked;
use super::kernels::Kernel;
use super::report::Report;
use super::{initramfs, modules};

/// The most a kernel may take, all tests included.
const LIMIT: Duration = Duration::from_mins(45);
/// Lines of the console that may wait to be shown.
const LINES_WAITING: usize = 1024;
const MEMORY_MIB: &str = "4096";

/// A machine that is not switched on yet.
pub(super) struct Machine<'a> {
    kernel: &'a Kernel,
    image: PathBuf,
    modules: Vec<modules::Module>,
    cache: &'a Path,
}

/// The emulator, ended by its id at the latest when dropped.
struct Emulator(Child);

impl Drop for Emulator {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl<'a> Machine<'a> {
    pub(super) fn new(kernel: &'a Kernel, unpacked: &Unpacked, cache: &'a Path) -> Result<Self> {
        Ok(Self {
            kernel,
            image: unpacked.image.clone(),
            modules: modules::wanted(&unpacked.modules)?,
            cache,
        })
    }

    /// Switches it on, lets it run a script, and reports what came of it.
    pub(super) fn run(&self, script: &str, release: &str) -> Result<Report> {
        let begun = Instant::now();
        let busybox = in_path("busybox").context("no busybox: apt-get install busybox-static")?;
        let archive = self.cache.join(self.kernel.name).join("initramfs");
        fs::write(&archive, initramfs::build(&busybox, &self.modules, script)?)?;
        let mut emulator = Emulator(self.emulator(&archive)?);
        let output = emulator.0.stdout.take().context("its console is ours")?;
        let (said, lines) = sync_channel(LINES_WAITING);
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if said.send(line).is_err() {
                    break;
                }
            }
        });
        let mut report = Report::new(self.kernel.name, release);
        loop {
            let left = LIMIT.saturating_sub(begun.elapsed());
            match lines.recv_timeout(left) {
                Ok(line) => {
                    if !line.starts_with("@@") {
                        println!("{:>7} | {line}", self.kernel.name);
                    }
                    report.read(&line);
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    report.give_up(LIMIT);
                    break;
                }
            }
        }
        report.took = begun.elapsed();
        Ok(report)
    }

    fn emulator(&self, archive: &Path) -> Result<Child> {
        Command::new("qemu-system-x86_64")
            .args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"])
            .args(["-m", MEMORY_MIB, "-bios", "/usr/share/qemu/qboot.rom"])
            .args(["-nodefaults", "-no-reboot", "-nographic"])
            .args(["-serial", "stdio", "-monitor", "none"])
            .arg("-kernel")
            .arg(&self.image)
            .arg("-initrd")
            .arg(archive)
            .args(["-append", "console=ttyS0 quiet panic=-1 mitigations=off"])
            .args([
                "-virtfs",
                "local,path=/,mount_tag=machine,security_model=none,readonly=on,multidevs=remap",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run qemu-system-x86_64: apt-get install qemu-system-x86")
    }
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}
