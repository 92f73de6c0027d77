//! Which processes and ports are tapped.
//!
//! Without `include` everything is. An entry matches when all its fields do; a list matches when
//! one entry does; `exclude` wins. What can be decided by the process alone is told to the kernel
//! half, so that a process nobody asked about stops costing anything.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{glob::Glob, process::Process};

/// The `targets` block.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetsConfig {
    /// Tap only these; empty means everything.
    pub include: Vec<TargetEntry>,
    /// Never tap these.
    pub exclude: Vec<TargetEntry>,
}

/// One entry of either list.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetEntry {
    /// Process id, in the initial pid namespace.
    pub pid: Option<u32>,
    /// Glob over the path of the executable; without a slash, over its last part.
    pub exe: Option<Glob>,
    /// Port of the service: the local one of a server, the remote one of a client.
    pub port: Option<u16>,
    /// Glob over `service.name`.
    pub service: Option<Glob>,
}

/// What is to be done with a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Everything it does is a target.
    Tap,
    /// Nothing it does is.
    Ignore,
    /// It depends on the port.
    ByPort,
}

impl TargetsConfig {
    /// Decides for a process, as far as no port is needed.
    pub(crate) fn process(&self, process: &Process) -> Verdict {
        let certain = |entry: &TargetEntry| entry.port.is_none() && entry.fits(process);
        let possible = |entry: &TargetEntry| entry.fits(process);
        if self.exclude.iter().any(certain) {
            return Verdict::Ignore;
        }
        if !self.include.is_empty() && !self.include.iter().any(possible) {
            return Verdict::Ignore;
        }
        let included = self.include.is_empty() || self.include.iter().any(certain);
        if included && !self.exclude.iter().any(possible) {
            Verdict::Tap
        } else {
            Verdict::ByPort
        }
    }

    /// Decides for a process and the port of the service it serves or asks; 0 if there is none.
    pub(crate) fn taps(&self, process: &Process, port: u16) -> bool {
        let fits =
            |entry: &TargetEntry| entry.fits(process) && entry.port.is_none_or(|p| p == port);
        let included = self.include.is_empty() || self.include.iter().any(fits);
        included && !self.exclude.iter().any(fits)
    }
}

impl TargetEntry {
    /// Returns whether everything but the port matches.
    fn fits(&self, process: &Process) -> bool {
        self.pid.is_none_or(|pid| pid == process.pid)
            && self
                .service
                .as_ref()
                .is_none_or(|glob| glob.matches(&process.service))
            && self
                .exe
                .as_ref()
                .is_none_or(|glob| glob.matches_path(&process.executable))
    }

    /// Returns whether it names nothing and so would match everything.
    pub fn is_empty(&self) -> bool {
        self.pid.is_none() && self.exe.is_none() && self.port.is_none() && self.service.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nginx() -> Process {
        Process {
            serial: 1,
            pid: 7,
            executable: "/usr/sbin/nginx".to_owned(),
            service: "edge".to_owned(),
            resource: Vec::new(),
            gone: false.into(),
        }
    }

    /// `exe=nginx,port=80 service=x` is two entries.
    fn entries(text: &str) -> Vec<TargetEntry> {
        text.split_whitespace().map(entry).collect()
    }

    fn entry(text: &str) -> TargetEntry {
        let mut entry = TargetEntry::default();
        for pair in text.split(',') {
            let (key, value) = pair.split_once('=').expect("key=value");
            match key {
                "pid" => entry.pid = value.parse().ok(),
                "port" => entry.port = value.parse().ok(),
                "exe" => entry.exe = Some(Glob::new(value)),
                _ => entry.service = Some(Glob::new(value)),
            }
        }
        entry
    }

    #[test]
    fn decides_by_process_where_it_can() {
        for (include, exclude, verdict) in [
            ("", "", Verdict::Tap),
            ("exe=nginx", "", Verdict::Tap),
            ("exe=*/sbin/*", "", Verdict::Tap),
            ("service=cart", "", Verdict::Ignore),
            ("pid=7", "service=ed*", Verdict::Ignore),
            ("exe=nginx,port=80", "", Verdict::ByPort),
            ("", "port=9090", Verdict::ByPort),
            ("", "exe=curl,port=9090", Verdict::Tap),
        ] {
            let targets = TargetsConfig {
                include: entries(include),
                exclude: entries(exclude),
            };
            assert_eq!(targets.process(&nginx()), verdict, "{include} / {exclude}");
        }
    }

    #[test]
    fn decides_by_port_where_it_must() {
        for (include, exclude, port, taps) in [
            ("exe=nginx,port=80", "", 80, true),
            ("exe=nginx,port=80", "", 81, false),
            ("", "port=9090", 9090, false),
            ("", "port=9090", 80, true),
            ("port=80 port=81", "pid=8", 81, true),
        ] {
            let targets = TargetsConfig {
                include: entries(include),
                exclude: entries(exclude),
            };
            assert_eq!(
                targets.taps(&nginx(), port),
                taps,
                "{include} / {exclude} at {port}"
            );
        }
    }
}
