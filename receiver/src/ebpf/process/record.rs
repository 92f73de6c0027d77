//! One process, as its telemetry needs it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::ebpf::{
    container::Container,
    routes::RoutesConfig,
    targets::{Ports, Told},
};

/// The most ports remembered of one process.
const PORTS_MAX: usize = 64;

/// One process.
#[derive(Debug, Default)]
pub(crate) struct Process {
    /// Tells this program of this process from every other, before or after.
    pub(crate) serial: u64,
    /// Its id in the initial namespace.
    pub(crate) pid: u32,
    /// Path of its executable.
    pub(crate) executable: String,
    /// Its command line, arguments separated by a space. Never told.
    pub(crate) command: String,
    /// `telemetry.sdk.language`, if it is known.
    pub(crate) language: Option<&'static str>,
    /// `service.name`.
    pub(crate) service: String,
    /// The container it is in.
    pub(crate) container: Option<Container>,
    /// It made its memory unreadable.
    pub(crate) is_private: bool,
    /// The entry of `targets::include` that chose the process that started it.
    pub(crate) inherited: Option<usize>,
    /// Ports that it was found to listen on.
    pub(crate) ports: Mutex<Vec<u16>>,
    /// The encoded OTLP resource message.
    pub(crate) resource: Vec<u8>,
    /// The signals that are told of it; all if none are listed.
    pub(crate) exports: Option<Vec<Told>>,
    /// Routes of its own.
    pub(crate) routes: Option<Arc<RoutesConfig>>,
    /// Its last thread ended. What it did may still be told after that.
    pub(crate) gone: Arc<AtomicBool>,
}

impl Process {
    /// Returns whether the process has ended.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Returns whether a signal of it is told.
    pub(crate) fn exports(&self, signal: Told) -> bool {
        let mut wanted = self.exports.iter().flatten();
        self.exports.is_none() || wanted.any(|wanted| *wanted == signal)
    }

    /// Returns whether it listens on one of these ports, as far as that is known.
    pub(crate) fn serves(&self, ports: &Ports) -> bool {
        let known = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|port| ports.contains(*port))
    }

    /// Notes that it answers on a port.
    pub(crate) fn learn_port(&self, port: u16) {
        let mut known = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < PORTS_MAX && !known.contains(&port) {
            known.push(port);
        }
    }
}
