//! What was encrypted: which processes are looked into for it, and its plaintext.

use tapline_ebpf::{abi::EventData, tls::abi::TlsEvent};

use super::Engine;
use crate::ebpf::{targets::Verdict, tls::Notice, tracker::Happening};

impl Engine {
    /// A process runs that the tap did not see begin.
    pub(crate) fn on_running(&mut self, pid: u32) {
        self.look_for_tls(pid, Notice::Running(pid));
    }

    /// Plaintext, once its socket is known, is bytes like all others.
    pub(super) fn on_tls(&mut self, event: TlsEvent<'_>, happenings: &mut Vec<Happening>) {
        let mut binder = std::mem::take(&mut self.binder);
        let mut deliver = |event: &EventData, bytes: &[u8]| {
            let place = self.tracker.on_data(event, bytes, happenings);
            self.on_happenings(place, happenings);
        };
        match event {
            TlsEvent::Data(event, bytes) => binder.on_data(&event, bytes, &mut deliver),
            TlsEvent::Io(io) => {
                binder.on_io(&io, &mut deliver);
                self.look_for_tls(io.tgid, Notice::SpeaksTls(io.tgid));
            }
            TlsEvent::End(end) => binder.on_end(&end),
        }
        self.binder = binder;
    }

    /// Only targets are probed. Where all are, nothing about the process need be known for it.
    pub(super) fn look_for_tls(&mut self, pid: u32, notice: Notice) {
        if !self.live.targets.includes_all() {
            let process = self.processes.process(pid);
            if self.live.targets.process(&process) == Verdict::Ignore {
                return;
            }
        }
        self.advice.look_for_tls(notice);
    }
}
