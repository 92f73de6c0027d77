//! Routes of requests: what `GET /users/17` and `GET /users/18` have in common.
//!
//! Nobody on the wire says it, and without it neither names of spans nor metrics are of use. The
//! user's patterns come first, then what a segment looks like, then what was learned of the
//! service. Everything is bounded. This module knows texts only: no process, no span, no OTLP.

mod config;
mod pattern;
mod segment;
#[cfg(test)]
mod tests;
mod tree;

use rustc_hash::FxHashMap;

pub(crate) use config::{IgnoreMode, RouteMode, RoutesConfig};
pub(crate) use pattern::Pattern;
use tree::{Bounds, Tree};

/// The route of everything that a bound left no room for.
pub(crate) const OVERFLOW: &str = "/**";

/// Services that are learned about; of more, the one that was silent longest is learned anew.
const SERVICES_MAX: usize = 1024;
/// Hosts that the requests of one service are told apart by; further ones share what is learned.
const HOSTS_MAX: usize = 32;
/// Nodes of all trees, some 100 bytes each.
const NODES_MAX: usize = 131_072;

/// Whose path it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner<'a> {
    /// The service's own.
    Itself,
    /// Another host's, which it asks.
    Host(&'a str),
}

/// Whether a path leads anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// A server knew it.
    Exists,
    /// Nobody knows: whoever scans for holes would fill the tree.
    None,
}

impl Evidence {
    /// Reads a status code.
    pub(crate) fn of_status(status: Option<u16>) -> Self {
        match status {
            None | Some(400 | 404 | 410 | 414 | 421) => Self::None,
            Some(_) => Self::Exists,
        }
    }
}

/// What was learned of every service.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    services: FxHashMap<Box<str>, Service>,
    uses: u64,
    nodes: usize,
    /// Requests that got the overflow route.
    pub(crate) overflowed: u64,
}

impl Routes {
    /// Returns the route of a request, if it has one.
    pub(crate) fn route<'a>(
        &'a mut self,
        (service, owner): (&str, Owner<'_>),
        path: &str,
        evidence: Evidence,
        config: &'a RoutesConfig,
    ) -> Option<&'a str> {
        if config.mode == RouteMode::Off || !path.starts_with('/') {
            return None;
        }
        let mut patterns = config.patterns.iter();
        if let Some(pattern) = patterns.find(|pattern| pattern.matches(path)) {
            return Some(pattern.text());
        }
        if config.mode == RouteMode::Patterns {
            return None;
        }
        self.uses += 1;
        if !self.services.contains_key(service) {
            self.make_room();
            let fresh = Service::new(config);
            self.nodes += fresh.len();
            self.services.insert(service.into(), fresh);
        }
        let service = self.services.get_mut(service)?;
        service.last_use = self.uses;
        let tree = service.tree(owner, config, &mut self.nodes);
        if evidence == Evidence::None {
            return tree.known(path);
        }
        let before = tree.len();
        let node = if self.nodes < NODES_MAX {
            tree.learn(path)
        } else {
            tree.find(path)
        };
        self.nodes = self.nodes + tree.len() - before;
        if node.is_none() {
            self.overflowed += 1;
            return Some(OVERFLOW);
        }
        node.and_then(|node| tree.route(node))
    }

    /// Returns how many routes were learned.
    pub(crate) fn len(&self) -> usize {
        let trees = self.services.values().flat_map(Service::trees);
        trees.map(Tree::routes).sum()
    }

    /// Forgets everything: other settings hold.
    pub(crate) fn clear(&mut self) {
        self.services.clear();
        self.nodes = 0;
    }

    fn make_room(&mut self) {
        if self.services.len() < SERVICES_MAX {
            return;
        }
        let oldest = self.services.iter().min_by_key(|(_, it)| it.last_use);
        let Some(oldest) = oldest.map(|(name, _)| name.clone()) else {
            return;
        };
        if let Some(forgotten) = self.services.remove(&oldest) {
            self.nodes -= forgotten.len();
        }
    }
}

/// What was learned of one service.
#[derive(Debug)]
struct Service {
    own: Tree,
    hosts: FxHashMap<Box<str>, Tree>,
    others: Tree,
    last_use: u64,
}

impl Service {
    fn new(config: &RoutesConfig) -> Self {
        Self {
            own: Tree::new(bounds(config)),
            hosts: FxHashMap::default(),
            others: Tree::new(bounds(config)),
            last_use: 0,
        }
    }

    fn tree(&mut self, owner: Owner<'_>, config: &RoutesConfig, nodes: &mut usize) -> &mut Tree {
        let Owner::Host(host) = owner else {
            return &mut self.own;
        };
        if !self.hosts.contains_key(host) {
            if self.hosts.len() >= HOSTS_MAX {
                return &mut self.others;
            }
            let fresh = Tree::new(bounds(config));
            *nodes += fresh.len();
            self.hosts.insert(host.into(), fresh);
        }
        self.hosts.get_mut(host).unwrap_or(&mut self.others)
    }

    fn trees(&self) -> impl Iterator<Item = &Tree> {
        self.hosts.values().chain([&self.own, &self.others])
    }

    fn len(&self) -> usize {
        self.trees().map(Tree::len).sum()
    }
}

fn bounds(config: &RoutesConfig) -> Bounds {
    Bounds {
        words: config.words_per_segment,
        routes: config.max_per_service,
    }
}

impl RoutesConfig {
    /// Returns what is left out about a path, if anything is.
    pub(crate) fn ignores(&self, path: &str) -> Option<IgnoreMode> {
        let mut ignored = self.ignored_patterns.iter();
        let ignored = ignored.any(|pattern| pattern.matches(path));
        ignored.then_some(self.ignore_mode)
    }
}

/// The segments of a path, without their parameters (`;jsessionid=`), and without empty ones.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let bare = |segment: &'_ str| -> usize {
        let semicolon = segment.bytes().position(|byte| byte == b';');
        semicolon.unwrap_or(segment.len())
    };
    let parts = path
        .split('/')
        .map(move |segment| &segment[..bare(segment)]);
    parts.filter(|segment| !segment.is_empty())
}
