//! The binary while everything around it goes wrong: reloads, outages, rude clients, kills.
//!
//! Real sockets, real files, real clients. What is promised is about items: what was acknowledged
//! arrives, and what does not arrive is in a book. Nothing here may know the code of the daemon.

mod books;
mod chain;
mod client;
mod exchange;
mod load;
mod process;
mod reload;
mod rude;
mod say;
mod sdks;
mod soak;
mod storm;
