//! `vm`: the kernel tests on other kernels than the one this machine runs.
//!
//! Stock Debian kernels are fetched, never installed, and booted by QEMU without KVM. The guest
//! sees this machine's files through 9p, read-only, and writes to memory: every program and every
//! library of the tests is there, at its place, and nothing the guest does outlasts it. Must not
//! know what the tests test.

mod boot;
mod built;
mod chosen;
mod fetch;
mod initramfs;
mod kernels;
mod modules;
mod report;

use std::path::Path;

use anyhow::{Result, ensure};

use chosen::Chosen;

/// Runs `cargo xtask vm [KERNEL…] [-- TEST FILTER]`.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let chosen = Chosen::read(arguments)?;
    let subject = built::build(root)?;
    let cache = root.join("target/vm");
    let mut reports = Vec::new();
    for kernel in &chosen.kernels {
        let unpacked = fetch::kernel(kernel, &cache)?;
        eprintln!("vm: {}: {}", kernel.name, unpacked.release);
        let machine = boot::Machine::new(kernel, &unpacked, &cache)?;
        let subject = subject.copied(&cache.join(kernel.name))?;
        reports.push(machine.run(&subject.command(&chosen.tests), &unpacked.release)?);
    }
    println!("\n{}", report::table(&reports));
    let failed = reports.iter().filter(|report| !report.is_good()).count();
    ensure!(failed == 0, "{failed} of {} kernels failed", reports.len());
    Ok(())
}
