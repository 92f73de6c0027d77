//! Whole graphs of scripted components, on a paused clock.

mod cast;
mod connectors;
mod fused;
mod instances;
mod life;
mod plan;
mod reload;
mod transforms;
mod wiring;
