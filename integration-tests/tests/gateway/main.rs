//! The gateway as its users and its neighbours see it: OTLP in over sockets, OTLP out to a fake
//! backend, its own metrics as a page, its end as an exit status. Needs no privileges.

mod accounting;
mod books;
mod client;
mod conformance;
mod connectors;
mod drain;
mod gateway;
mod isolation;
mod refusals;
