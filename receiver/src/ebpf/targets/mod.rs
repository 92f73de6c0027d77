//! Which processes and ports are tapped.
//!
//! Without `include` everything is. An entry matches when all its fields do; a list matches when
//! one entry does; `exclude` wins. A process that was started by a chosen one is chosen too. What
//! can be decided by the process alone is told to the kernel half, so that a process nobody asked
//! about stops costing anything.

mod defaults;
mod entry;
mod ports;
mod several;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use entry::{TargetEntry, Told};
pub(crate) use ports::Ports;
pub(crate) use several::Several;

use super::{emit::Side, process::Process};

/// The `targets` block. A reload changes it while connections go on.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetsConfig {
    /// Tap only these and the processes that they start; empty means everything.
    pub include: Vec<TargetEntry>,
    /// Never tap these.
    pub exclude: Vec<TargetEntry>,
    /// Leave out collectors and agents (tapline, OpenTelemetry Collector, OBI, Beyla, Alloy,
    /// Vector, Fluent Bit, Datadog, New Relic, Elastic, Coroot, DeepFlow and others) and keepers of
    /// keys (ssh-agent, gpg-agent, vault).
    pub default_exclusions: bool,
    /// Tap processes that made their memory unreadable (`PR_SET_DUMPABLE`), as keepers of keys do.
    pub undumpable: bool,
}

/// What is to be done with a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Everything it does is a target, by this entry of `include` if there are any.
    Tap(Option<usize>),
    /// Nothing it does is.
    Ignore,
    /// It depends on the port.
    ByPort,
}

impl Default for TargetsConfig {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            default_exclusions: true,
            undumpable: false,
        }
    }
}

impl TargetsConfig {
    /// Returns whether every process is a target, but for those that are left out.
    pub(crate) fn includes_all(&self) -> bool {
        self.include.is_empty()
    }

    /// Decides for a process, as far as no port is needed.
    pub(crate) fn process(&self, process: &Process) -> Verdict {
        if self.never(process) {
            return Verdict::Ignore;
        }
        let certain = |entry: &TargetEntry| entry.is_certain(process) && entry.fits(process);
        let possible = |entry: &TargetEntry| entry.fits(process);
        if self.exclude.iter().any(certain) {
            return Verdict::Ignore;
        }
        let is_possible = |(at, entry): (usize, &TargetEntry)| {
            entry.fits(process) || process.inherited == Some(at)
        };
        if !self.include.is_empty() && !self.include.iter().enumerate().any(is_possible) {
            return Verdict::Ignore;
        }
        let included = self.included(process);
        let is_certain = self.include.is_empty() || included.is_some();
        if is_certain && !self.exclude.iter().any(possible) {
            Verdict::Tap(included)
        } else {
            Verdict::ByPort
        }
    }

    /// Decides for a process and the port of the service it serves or asks; 0 if there is none.
    /// Never `ByPort`.
    pub(crate) fn taps(&self, process: &Process, side: Side, port: u16) -> Verdict {
        if side == Side::Server && port != 0 {
            let mut entries = self.include.iter().chain(&self.exclude);
            if entries.any(|entry| {
                entry
                    .open_ports
                    .as_ref()
                    .is_some_and(|it| it.contains(port))
            }) {
                process.learn_port(port);
            }
        }
        let fits = |entry: &TargetEntry| entry.fits_port(process, port) && entry.fits(process);
        if self.exclude.iter().any(fits) {
            return Verdict::Ignore;
        }
        if self.include.is_empty() {
            return Verdict::Tap(None);
        }
        let mut entries = self.include.iter().enumerate();
        let found = entries.find(|(at, entry)| {
            fits(entry)
                || (process.inherited == Some(*at)
                    && entry.port.as_ref().is_none_or(|it| it.contains(port)))
        });
        found.map_or(Verdict::Ignore, |(at, _)| Verdict::Tap(Some(at)))
    }

    /// Returns the entry of `include` by which the children of a process are chosen too.
    pub(crate) fn included(&self, process: &Process) -> Option<usize> {
        let by_entry = |entry: &TargetEntry| entry.is_certain(process) && entry.fits(process);
        let own = self.include.iter().position(by_entry);
        let inherited = || {
            let at = process.inherited?;
            self.include.get(at)?.port.is_none().then_some(at)
        };
        own.or_else(inherited)
    }

    /// Returns whether it matters what ports a process listens on.
    pub(crate) fn asks_for_open_ports(&self) -> bool {
        let mut entries = self.include.iter().chain(&self.exclude);
        entries.any(|entry| entry.open_ports.is_some())
    }

    /// Returns whether it matters how a process was called.
    pub(crate) fn asks_for_command_lines(&self) -> bool {
        let mut entries = self.include.iter().chain(&self.exclude);
        entries.any(|entry| entry.cmd_args.is_some())
    }

    /// Returns whether it matters which container a process is in by name.
    pub(crate) fn asks_for_container_names(&self) -> bool {
        let mut entries = self.include.iter().chain(&self.exclude);
        entries.any(|entry| entry.container_name.is_some())
    }

    fn never(&self, process: &Process) -> bool {
        let by_default = self.default_exclusions && defaults::excludes(&process.executable);
        by_default || (!self.undumpable && process.is_private)
    }
}
