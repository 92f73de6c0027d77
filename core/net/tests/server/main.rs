//! Servers over real sockets: listening, handing over, limits and an orderly end.

mod grpc;
mod http;
mod listen;
mod tls;
