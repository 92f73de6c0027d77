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
mod existing;
mod loader;
mod losses;
mod preflight;
mod privilege;
mod ring;
mod targets;
pub mod tls;
mod verdicts;

pub use abi::Event;
pub use bounds::{Bounds, CAPTURE_MAX_BYTES, CAPTURE_MIN_BYTES};
pub use existing::ExistingSocket;
pub use loader::{LoadError, Programs, Tap};
pub use losses::{Loss, Losses};
pub use preflight::{Finding, Unavailable, preflight};
pub use privilege::{give_up_loading, keep_for_loading};
pub use ring::{Ring, RingItem};
pub use targets::IgnoredProcesses;
pub use verdicts::{Knows, Verdicts};
