//! Servers over real sockets: listening, handing over, limits and an orderly end.

mod http;
mod listen;
