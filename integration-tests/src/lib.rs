//! What the tests of the binary share: where the binary is, and a place for files.
//!
//! The tests start `tapline` as anybody would, so nothing here may know its code.

mod binary;
mod scratch;

pub use binary::{tapline, target_dir};
pub use scratch::Scratch;
