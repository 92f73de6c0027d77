//! What the tests of the binary share: where the binary is, a program under
//! observation, and a place for files.
//!
//! The tests start `tapline` as anybody would, so nothing here may know its code.

mod binary;
mod patience;
mod program;
mod scratch;

pub use binary::{tapline, target_dir};
pub use patience::patient;
pub use program::{Ended, Program, terminate};
pub use scratch::Scratch;
