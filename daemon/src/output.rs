//! Where text for people goes. Only the daemon knows standard output and its environment.

use std::io::{IsTerminal, Write, stderr, stdout};

use tapline_exporters::{
    debug::{Config, Destination},
    terminal::Screen,
};
use tapline_pipeline::BuildContext;

use crate::telemetry::logs::Sheet;

/// Standard output as the `terminal` exporter needs it (<https://no-color.org>).
pub(crate) fn screen() -> Screen {
    Screen {
        is_terminal: stdout().is_terminal(),
        color_allowed: color_allowed(),
        out: Box::new(stdout()),
    }
}

/// Whether our own log may be coloured.
pub(crate) fn color_on_stderr() -> bool {
    stderr().is_terminal() && color_allowed()
}

fn color_allowed() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Where a `debug` exporter writes.
pub(crate) fn debug(config: &Config, context: &BuildContext) -> Box<dyn Write + Send> {
    match config.destination() {
        Destination::Stdout => Box::new(stdout()),
        Destination::Stderr => Box::new(stderr()),
        Destination::InternalLog => Box::new(Sheet::of_exporter(&context.id, context.signal)),
    }
}
