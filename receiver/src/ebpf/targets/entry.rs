//! One entry of `include` or `exclude`: what must hold, and what is then told differently.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Ports, Several};
use crate::ebpf::{glob::Glob, process::Process, routes::RoutesConfig};

/// A program that is chosen, or not. All that is written must hold; of a list, one suffices.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetEntry {
    /// Process id, in the initial pid namespace.
    #[serde(alias = "target_pids")]
    pub pid: Option<Several<u32>>,
    /// Glob over the path of the executable; without a slash, over its last part.
    #[serde(alias = "exe_path")]
    pub exe: Option<Several<Glob>>,
    /// Glob over the whole command line, arguments separated by one space.
    pub cmd_args: Option<Several<Glob>>,
    /// Glob over the language: `cpp`, `dotnet`, `go`, `java`, `nodejs`, `php`, `python`, `ruby`,
    /// `rust`, `erlang`, or `generic` for whatever is not recognised, C and C++ among it.
    #[serde(alias = "language")]
    pub languages: Option<Several<Glob>>,
    /// Port of the service, `80,8000-8999`: the local one of a server, the remote one of a client.
    /// Only such requests are told.
    pub port: Option<Ports>,
    /// Ports that the process listens on: then everything it does is told, what it asks others
    /// included.
    pub open_ports: Option<Ports>,
    /// Whether the process must be in a container.
    pub containers_only: bool,
    /// Glob over the name or the id of its container. The name is known of Docker, LXC and
    /// systemd-nspawn, without asking a runtime; of others it is the host name inside.
    pub container_name: Option<Several<Glob>>,
    /// Glob over `service.name`.
    pub service: Option<Several<Glob>>,
    /// Told as `service.name` instead of what the process says.
    pub name: Option<String>,
    /// Told as `service.namespace`.
    pub namespace: Option<String>,
    /// The signals that are told; all if none is written.
    pub exports: Option<Vec<Told>>,
    /// Routes of this entry, instead of the receiver's.
    pub routes: Option<RoutesConfig>,
}

/// A signal that a target may be told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Spans.
    Traces,
    /// Durations.
    Metrics,
    /// Failed connects.
    Logs,
}

impl TargetEntry {
    /// Returns whether everything but the ports of a connection matches. Ports that the process
    /// listens on are taken into account if they are known.
    pub(crate) fn fits(&self, process: &Process) -> bool {
        let globs = |wanted: &Option<Several<Glob>>, test: &dyn Fn(&Glob) -> bool| {
            wanted
                .as_ref()
                .is_none_or(|Several(any)| any.iter().any(test))
        };
        let pids = |Several(pids): &Several<u32>| pids.contains(&process.pid);
        self.pid.as_ref().is_none_or(pids)
            && globs(&self.exe, &|glob| glob.matches_path(&process.executable))
            && globs(&self.service, &|glob| glob.matches(&process.service))
            && globs(&self.languages, &|glob| {
                glob.matches(process.language.unwrap_or("generic"))
            })
            && globs(&self.cmd_args, &|glob| glob.matches(&process.command))
            && (!self.containers_only || process.container.is_some())
            && globs(&self.container_name, &|glob| {
                process.container.as_ref().is_some_and(|container| {
                    let names = [&container.name, &container.host_name];
                    let mut names = names.into_iter().flatten();
                    names.any(|name| glob.matches(name)) || glob.matches(&container.id)
                })
            })
    }

    /// Returns whether no port is needed to decide.
    pub(super) fn is_certain(&self, process: &Process) -> bool {
        self.port.is_none()
            && self
                .open_ports
                .as_ref()
                .is_none_or(|ports| process.serves(ports))
    }

    /// Returns whether the ports match too.
    pub(super) fn fits_port(&self, process: &Process, port: u16) -> bool {
        self.port.as_ref().is_none_or(|ports| ports.contains(port))
            && self
                .open_ports
                .as_ref()
                .is_none_or(|ports| process.serves(ports))
    }

    /// Returns whether it says anything about how a target is told.
    pub(crate) fn overrides(&self) -> bool {
        self.name.is_some()
            || self.namespace.is_some()
            || self.exports.is_some()
            || self.routes.is_some()
    }

    /// Returns whether it names nothing and so would match everything.
    pub fn is_empty(&self) -> bool {
        let Self {
            pid,
            exe,
            cmd_args,
            languages,
            port,
            open_ports,
            containers_only,
            container_name,
            service,
            ..
        } = self;
        let globs = [exe, cmd_args, languages, container_name, service];
        pid.is_none()
            && globs.iter().all(|glob| glob.is_none())
            && port.is_none()
            && open_ports.is_none()
            && !containers_only
    }
}
