//! Who was chosen by which entry of `targets::include`, and is told as that entry wants.
//!
//! Children are chosen with their parents: the choice is handed on at fork and exec, and looked for
//! upwards where those were not seen.

use std::sync::{Arc, Mutex};

use super::{
    Identity, Process, ProcessTable,
    table::{ANCESTORS_MAX, HandsOn},
};
use crate::ebpf::service_name;

impl ProcessTable {
    /// Returns a process as an entry of `targets::include` wants it told.
    pub(crate) fn as_chosen(&mut self, process: &Arc<Process>, by: Option<usize>) -> Arc<Process> {
        let targets = Arc::clone(&self.targets);
        let chosen = by.and_then(|at| Some((at, targets.include.get(at)?)));
        let Some((at, target)) = chosen.filter(|(_, target)| target.overrides()) else {
            return Arc::clone(process);
        };
        let Some(entry) = self.entries.get_mut(&process.pid) else {
            return Arc::clone(process);
        };
        if let Some((_, known)) = entry.chosen.iter().find(|(known, _)| *known == at) {
            return Arc::clone(known);
        }
        // A name is for the program that was named, not for whatever it starts.
        let is_named = process.inherited != Some(at) || target.fits(process);
        let service = target.name.clone().filter(|_| is_named);
        let service = service.unwrap_or_else(|| process.service.clone());
        let identity = Arc::clone(&entry.identity);
        let resource = self.encode(&identity, process, (&service, target.namespace.as_deref()));
        self.serials += 1;
        let told = Arc::new(Process {
            serial: self.serials,
            pid: process.pid,
            executable: process.executable.clone(),
            command: process.command.clone(),
            language: process.language,
            service,
            container: process.container.clone(),
            is_private: process.is_private,
            inherited: process.inherited,
            ports: Mutex::default(),
            resource,
            exports: target.exports.clone(),
            routes: target.routes.clone().map(Arc::new),
            gone: Arc::clone(&process.gone),
        });
        if let Some(entry) = self.entries.get_mut(&process.pid) {
            entry.chosen.push((at, Arc::clone(&told)));
        }
        told
    }

    /// Returns the entry of `targets::include` that a process hands to what it starts, or becomes.
    pub(super) fn passed_on(&mut self, pid: u32) -> Option<usize> {
        if self.targets.include.is_empty() {
            return None;
        }
        let entry = self.entries.get(&pid)?;
        if let HandsOn::Asked(known) = entry.hands_on {
            return known;
        }
        let by = match &entry.process {
            Some(process) => self.targets.included(process),
            // Not asked of /proc: when a program replaces another, the new one is there already.
            None => self.targets.included(&self.ancestor(pid, &entry.identity)),
        };
        if let Some(entry) = self.entries.get_mut(&pid) {
            entry.hands_on = HandsOn::Asked(by);
        }
        by
    }

    /// Returns the entry that chose the nearest ancestor that one chose.
    pub(super) fn inherited(&mut self, pid: u32) -> Option<usize> {
        if self.targets.include.is_empty() {
            return None;
        }
        let entry = self.entries.get(&pid)?;
        if entry.inherited.is_some() {
            return entry.inherited;
        }
        let mut found = None;
        let mut parent = entry.identity.parent_pid;
        for _ in 0..ANCESTORS_MAX {
            if parent <= 1 {
                break;
            }
            let known = self
                .entries
                .get(&parent)
                .map(|entry| Arc::clone(&entry.identity));
            let identity = match known {
                Some(identity) => identity,
                None => match self.source.identity(parent) {
                    Some(identity) => Arc::new(identity),
                    None => break,
                },
            };
            let ancestor = self.ancestor(parent, &identity);
            if let Some(by) = self.targets.included(&ancestor) {
                found = Some(by);
                break;
            }
            parent = identity.parent_pid;
        }
        if let Some(entry) = self.entries.get_mut(&pid) {
            entry.inherited = found;
        }
        found
    }

    /// A process as far as it matters for choosing what it has started.
    fn ancestor(&self, pid: u32, identity: &Identity) -> Process {
        let known = self.entries.get(&pid).and_then(|entry| entry.inherited);
        let by_name = service_name::language(&identity.executable);
        let ports = if self.targets.asks_for_open_ports() {
            self.source.listens(pid)
        } else {
            Vec::new()
        };
        Process {
            pid,
            executable: identity.executable.clone(),
            command: self.command(identity),
            language: by_name.or_else(|| self.source.language(pid)),
            service: identity.service(&*self.source.files(pid)),
            container: self.source.container(pid),
            inherited: known,
            ports: Mutex::new(ports),
            ..Process::default()
        }
    }
}
