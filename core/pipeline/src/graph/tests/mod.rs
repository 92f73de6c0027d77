//! Whole graphs of scripted components, on a paused clock.

mod cast;
mod life;
mod plan;
mod reload;
mod wiring;
