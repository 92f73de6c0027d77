//! The kernel half of tapline: programs, their ABI, the loader, the ring.
//!
//! [`Tap::load`] puts the programs into the kernel and hands back what user space needs: a ring of
//! records, the sockets that existed before, counters of loss, and a way to name processes that
//! should be left alone. This crate must not know OTLP, pipelines, or any protocol beyond what its
//! first bytes look like. It is the only one that contains `unsafe`, file by file.

pub mod abi;
mod bounds;
pub mod clock;
mod control;
mod diagnosis;
mod existing;
mod facts;
mod hints;
mod loader;
mod losses;
mod memlock;
mod object;
mod plan;
mod privilege;
mod programs;
mod ring;
mod silent;
mod targets;
pub mod tls;
mod unavailable;
mod verdicts;

pub use abi::Event;
pub use bounds::{Bounds, CAPTURE_MAX_BYTES, CAPTURE_MIN_BYTES};
pub use control::Shedding;
pub use diagnosis::{Diagnosis, Feature, Trial};
pub use existing::ExistingSocket;
pub use facts::{Capabilities, Cgroup2, Facts, Types};
pub use hints::DATA_GUESSED_THREAD;
pub use loader::{LoadError, Programs, Tap, examine};
pub use losses::{Loss, Losses};
pub use plan::{Capture, Plan, Source};
pub use privilege::{give_up_loading, keep_for_loading};
pub use ring::Ring;
pub use silent::SilentSockets;
pub use targets::IgnoredProcesses;
pub use unavailable::{Finding, Unavailable};
pub use verdicts::{Knows, Verdicts};
