//! Conversations as text, replayed in every way a probe may see them.

mod doubt;
mod golden;
mod hostile;
mod keeping;
mod script;
mod timing;
