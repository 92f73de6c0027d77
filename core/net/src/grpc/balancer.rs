//! Which of a server's addresses gets the next call.
//!
//! Addresses are looked up again when one cannot be reached and every while, by a call that needs
//! one. There is one connection per address, and a bound on the addresses.

use std::{
    sync::{Arc, Mutex as StdMutex},
    time::Duration,
};

use hyper::client::conn::http2::SendRequest;
use tokio::{sync::Mutex, time::Instant};

use super::{
    endpoint::Target,
    subchannel::{Shape, Subchannel},
};
use crate::{
    chunks::Chunks,
    dial::{DialError, Place, resolve},
};

/// How many addresses of one name are used.
const ADDRESSES_MAX: usize = 64;
/// How often a name is looked up again although all is well.
const RESOLVE_EVERY: Duration = Duration::from_secs(30);
/// How soon it may be looked up again when something is wrong.
const RESOLVE_AGAIN: Duration = Duration::from_secs(1);

/// How calls are spread over the addresses of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balancing {
    /// Each call goes to the next address.
    #[default]
    RoundRobin,
    /// All calls go to one address, until it cannot be reached.
    PickFirst,
}

#[derive(Debug)]
pub(super) struct Balancer {
    target: Target,
    balancing: Balancing,
    shape: Arc<Shape>,
    known: StdMutex<Known>,
    /// Held by the one call that looks up the name.
    resolving: Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    subchannels: Vec<Arc<Subchannel>>,
    next: usize,
    resolved: Option<Instant>,
    is_doubtful: bool,
}

impl Balancer {
    pub(super) fn new(target: Target, balancing: Balancing, shape: Shape) -> Self {
        Self {
            target,
            balancing,
            shape: Arc::new(shape),
            known: StdMutex::default(),
            resolving: Mutex::default(),
        }
    }

    /// Returns a connection; tries every address before it gives up.
    pub(super) async fn connection(&self) -> Result<SendRequest<Chunks>, DialError> {
        self.resolve_if_due().await?;
        let mut failure = None;
        for subchannel in self.candidates() {
            match subchannel.connection().await {
                Ok(connection) => return Ok(connection),
                Err(error) => {
                    self.lock().is_doubtful = true;
                    failure.get_or_insert(error);
                }
            }
        }
        Err(failure.unwrap_or_else(|| DialError::new(format!("{} has no address", self.target))))
    }

    /// Returns the addresses in the order to try them: those in trouble come last.
    fn candidates(&self) -> Vec<Arc<Subchannel>> {
        let mut order = {
            let mut known = self.lock();
            let count = known.subchannels.len().max(1);
            let first = known.next % count;
            if self.balancing == Balancing::RoundRobin {
                known.next = (first + 1) % count;
            }
            let mut order = known.subchannels.clone();
            if !order.is_empty() {
                order.rotate_left(first);
            }
            order
        };
        order.sort_by_key(|subchannel| subchannel.is_in_trouble());
        order
    }

    async fn resolve_if_due(&self) -> Result<(), DialError> {
        if !self.is_due() {
            return Ok(());
        }
        let has_some = !self.lock().subchannels.is_empty();
        let _alone = if has_some {
            let Ok(alone) = self.resolving.try_lock() else {
                return Ok(());
            };
            alone
        } else {
            self.resolving.lock().await
        };
        if !self.is_due() {
            return Ok(());
        }
        match self.places().await {
            Ok(places) => self.replace(places),
            // What was known is better than nothing.
            Err(_) if has_some => self.lock().resolved = Some(Instant::now()),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn is_due(&self) -> bool {
        let known = self.lock();
        let Some(resolved) = known.resolved else {
            return true;
        };
        let age = resolved.elapsed();
        age >= RESOLVE_EVERY || (known.is_doubtful && age >= RESOLVE_AGAIN)
    }

    async fn places(&self) -> Result<Vec<Place>, DialError> {
        let (host, port) = match &self.target {
            Target::Unix(path) => return Ok(vec![Place::Unix(path.clone())]),
            Target::Name { host, port } => (host, *port),
        };
        let Shape {
            dialer, security, ..
        } = &*self.shape;
        if dialer.proxy(host, port, *security).is_some() {
            // The proxy looks the name up.
            let host = host.clone();
            return Ok(vec![Place::Name { host, port }]);
        }
        let mut addresses = resolve(host, port).await?;
        addresses.truncate(ADDRESSES_MAX);
        Ok(addresses
            .into_iter()
            .map(|address| Place::Address {
                host: host.clone(),
                address,
            })
            .collect())
    }

    /// Takes over new addresses; those that stay keep their connections.
    pub(super) fn replace(&self, places: Vec<Place>) {
        let mut known = self.lock();
        let old = std::mem::take(&mut known.subchannels);
        known.subchannels = places
            .into_iter()
            .map(|place| {
                let kept = old.iter().find(|old| *old.place() == place).cloned();
                kept.unwrap_or_else(|| Arc::new(Subchannel::new(place, Arc::clone(&self.shape))))
            })
            .collect();
        known.resolved = Some(Instant::now());
        known.is_doubtful = false;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().expect("no holder panics")
    }
}
