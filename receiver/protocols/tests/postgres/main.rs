//! PostgreSQL conversations, whole and damaged.

mod damaged;
mod golden;
mod script;
