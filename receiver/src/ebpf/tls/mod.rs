//! What was encrypted, in plaintext: probes in the TLS libraries of the tapped processes.
//!
//! [`watch`] finds the libraries and probes them, [`binder`] finds the socket that each of their
//! connections belongs to. The plaintext then goes the way of all bytes. Where this finds no
//! library, a connection stays what it is on the wire.

mod binder;
mod elf;
mod files;
mod golang;
mod gone;
mod sites;
mod watch;

use std::sync::{
    Arc,
    mpsc::{SyncSender, sync_channel},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::Duration;
use tapline_ebpf::tls::TlsProbes;
use tracing::warn;

pub(crate) use binder::{Binder, BinderCounts};
pub(crate) use gone::{GoneLibraries, gone_libraries};
pub(crate) use watch::{Notice, Scope, WatchCounts};

use self::watch::{Watch, running};
use super::{Config, glob::Glob};

/// Notices that may wait for the watch.
const NOTICES_MAX: usize = 4096;

/// The `tls` block.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// Whether TLS is read in plaintext where its library is known: OpenSSL and its kin, GnuTLS,
    /// Go, rustls.
    pub enabled: bool,
    /// Never probe these programs: globs over the path of the executable; without a slash, over
    /// its last part. Browsers and ClickHouse are never probed.
    pub exclude: Vec<Glob>,
    /// How old a process must be before its program itself is looked into; its libraries are at
    /// once.
    pub min_age: Duration,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            exclude: Vec::new(),
            min_age: Duration::from_secs(1),
        }
    }
}

/// The work of a thread.
type Work = Box<dyn FnOnce() + Send>;

/// What reading TLS consists of, ready to be started.
pub(crate) struct TlsReading {
    /// Counted by the watch.
    pub(crate) counts: Arc<WatchCounts>,
    /// Where the watch hears of processes; none if there is no watch.
    pub(crate) notices: Option<SyncSender<Notice>>,
    /// The watch itself, for a thread of its own.
    pub(crate) watch: Option<Work>,
    /// Processes that run, and are yet to be judged before they are probed.
    pub(crate) unseen: Vec<u32>,
}

impl TlsReading {
    /// Probes what runs already. Reads files: not for a thread that must not wait.
    pub(crate) fn begin(
        probes: Result<TlsProbes, String>,
        config: TlsConfig,
        scope: Scope,
        gone: GoneLibraries,
    ) -> Self {
        let counts = Arc::new(WatchCounts::default());
        let mut reading = Self {
            counts: Arc::clone(&counts),
            notices: None,
            watch: None,
            unseen: Vec::new(),
        };
        if !config.enabled {
            return reading;
        }
        let probes = match probes {
            Ok(probes) => probes,
            Err(error) => {
                warn!(error, "TLS is not read in plaintext (it takes kernel 6.6)");
                return reading;
            }
        };
        let (notices, received) = sync_channel(NOTICES_MAX);
        let mut watch = Watch::new(probes, config, scope, counts, gone);
        watch.begin();
        if scope == Scope::Targets {
            reading.unseen = running();
        }
        reading.notices = Some(notices);
        reading.watch = Some(Box::new(move || watch.run(&received)));
        reading
    }
}

/// Returns whom the probes of a file are for: everybody, if everybody is a target.
pub(crate) fn scope(config: &Config) -> Scope {
    if config.targets.includes_all() && config.tls.exclude.is_empty() {
        Scope::Everyone
    } else {
        Scope::Targets
    }
}
