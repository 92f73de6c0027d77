//! The process: command line, component table, host. Imports everything; nothing imports it.
//!
//! Only here is the environment read, are signals handled, and is the process ended.
mod cli;
mod commands;
mod components;
mod delivery;
mod extensions;
mod factories;
mod fingerprints;
mod gates;
mod host;
mod host_view;
mod last_words;
mod lint;
mod named_files;
mod names;
mod output;
mod places;
mod planning;
mod reference;
mod reload;
mod settings;
#[cfg(test)]
mod shapes;
mod stability;
mod surroundings;
mod telemetry;
mod timestamp;
mod upstream;
mod watch;

use std::process::ExitCode;

use telemetry::logs::{self, LastWord};

/// Measured: parsing with many small strings costs a tenth less than with the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match cli::read() {
        Ok(cli) => cli,
        Err(answered) => return answered,
    };
    if let Err(error) = tapline_ebpf::keep_for_loading() {
        last_words::tell(format_args!("error: cannot give up capabilities: {error}"));
        return ExitCode::FAILURE;
    }
    match commands::obey(cli) {
        Ok(code) => code,
        Err(error) => {
            let word = logs::last_word();
            if word != LastWord::Stderr {
                last_words::log(&error);
            }
            if word != LastWord::Log {
                last_words::tell(last_words::shown(&error));
            }
            ExitCode::FAILURE
        }
    }
}
