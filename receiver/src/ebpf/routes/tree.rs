//! Learns the routes of one service from its paths.
//!
//! A tree of segments. A place where too many different words stand is a place for values: they
//! become one `{id}`, with whatever stood below them joined, for good. So a path changes its route
//! at most once for each of its segments, and never back. Known paths cost no allocation.

use super::{
    segment::{self, Kind, PLACEHOLDERS, VALUES},
    segments,
};

/// Segments of a path that are told apart; what follows is one value.
const DEPTH_MAX: usize = 16;
/// Nodes per route that a tree may have.
const NODES_PER_ROUTE: usize = 8;
const NONE: u32 = u32::MAX;
const ROOT: u32 = 0;
const ID: usize = 0;

/// How large a tree may grow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Different words at one place.
    pub(crate) words: usize,
    /// Routes.
    pub(crate) routes: usize,
}

/// The routes of one service.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    free: Vec<u32>,
    routes: usize,
    bounds: Bounds,
}

/// A place in a path: what can follow, and the route that ends here.
#[derive(Debug)]
struct Node {
    /// Sorted.
    words: Vec<(Box<str>, u32)>,
    values: [u32; VALUES],
    /// Words are values here.
    is_open: bool,
    route: Option<Box<str>>,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            words: Vec::new(),
            values: [NONE; VALUES],
            is_open: false,
            route: None,
        }
    }
}

impl Tree {
    /// Makes a tree that knows nothing.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            nodes: vec![Node::default()],
            free: Vec::new(),
            routes: 0,
            bounds,
        }
    }

    /// Returns the route of a path that was seen before.
    pub(crate) fn known(&self, path: &str) -> Option<&str> {
        self.route(self.find(path)?)
    }

    /// Finds where a known path ends.
    pub(crate) fn find(&self, path: &str) -> Option<u32> {
        let mut node = ROOT;
        for segment in bounded(path) {
            node = self.next(node, segment);
            if node == NONE {
                return None;
            }
        }
        self.node(node).route.is_some().then_some(node)
    }

    /// Finds where a path ends that leads somewhere, learning it. Returns nothing if there is no
    /// room.
    pub(crate) fn learn(&mut self, path: &str) -> Option<u32> {
        self.find(path).or_else(|| self.insert(path))
    }

    /// Returns the route that ends at a node.
    pub(crate) fn route(&self, node: u32) -> Option<&str> {
        self.node(node).route.as_deref()
    }

    /// Returns how many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// Returns how many routes there are.
    pub(crate) fn routes(&self) -> usize {
        self.routes
    }

    fn next(&self, node: u32, segment: &str) -> u32 {
        let node = self.node(node);
        if node.is_open {
            return node.values[ID];
        }
        match segment::kind(segment).value() {
            Some(value) => node.values[value],
            None => node.word(segment).map_or(NONE, |at| node.words[at].1),
        }
    }

    /// Adds a path. Returns where it ends, or nothing if there is no room.
    fn insert(&mut self, path: &str) -> Option<u32> {
        let nodes_max = self.bounds.routes.saturating_mul(NODES_PER_ROUTE);
        if self.len() + DEPTH_MAX > nodes_max || self.routes >= self.bounds.routes {
            return None;
        }
        let mut node = ROOT;
        let mut route = String::with_capacity(path.len());
        for segment in bounded(path) {
            let kind = segment::kind(segment);
            let is_new_word = kind == Kind::Word && self.node(node).word(segment).is_err();
            if is_new_word && self.node(node).words.len() >= self.bounds.words {
                self.open(node, &route);
            }
            route.push('/');
            let value = if self.node(node).is_open {
                Some(ID)
            } else {
                kind.value()
            };
            route.push_str(value.map_or(segment, |value| PLACEHOLDERS[value]));
            node = match value {
                Some(value) => self.value_below(node, value),
                None => self.word_below(node, segment),
            };
        }
        if route.is_empty() {
            route.push('/');
        }
        if self.node(node).route.is_none() {
            self.routes += 1;
            self.node_mut(node).route = Some(route.into());
        }
        Some(node)
    }

    /// Makes one place of everything that follows a node. `route` leads to it.
    fn open(&mut self, node: u32, route: &str) {
        self.join_all(node);
        let id = self.node(node).values[ID];
        if id != NONE {
            self.rename(id, &format!("{route}/{}", PLACEHOLDERS[ID]));
        }
    }

    /// The same, but for the routes, which still read as before.
    fn join_all(&mut self, node: u32) {
        let taken = self.node_mut(node);
        if taken.is_open {
            return;
        }
        taken.is_open = true;
        let words = std::mem::take(&mut taken.words);
        let values = std::mem::replace(&mut taken.values, [NONE; VALUES]);
        let values = values.into_iter().filter(|below| *below != NONE);
        for below in values.chain(words.into_iter().map(|(_, below)| below)) {
            self.join_value(node, ID, below);
        }
    }

    /// Moves everything below `from` to `to`. As deep as a path at most.
    fn join(&mut self, to: u32, from: u32) {
        let released = self.release(from);
        let from = std::mem::take(self.node_mut(released));
        if from.route.is_some() {
            if self.node(to).route.is_some() {
                self.routes -= 1;
            } else {
                self.node_mut(to).route = from.route;
            }
        }
        for (value, below) in from.values.into_iter().enumerate() {
            if below != NONE {
                let value = if self.node(to).is_open { ID } else { value };
                self.join_value(to, value, below);
            }
        }
        if from.is_open {
            self.join_all(to);
        }
        for (word, below) in from.words {
            self.join_word(to, word, below);
        }
    }

    fn join_value(&mut self, to: u32, value: usize, below: u32) {
        let known = self.node(to).values[value];
        if known == NONE {
            self.node_mut(to).values[value] = below;
        } else {
            self.join(known, below);
        }
    }

    fn join_word(&mut self, to: u32, word: Box<str>, below: u32) {
        if self.node(to).is_open {
            return self.join_value(to, ID, below);
        }
        match self.node(to).word(&word) {
            Ok(at) => {
                let known = self.node(to).words[at].1;
                self.join(known, below);
            }
            Err(at) => {
                self.node_mut(to).words.insert(at, (word, below));
                if self.node(to).words.len() > self.bounds.words {
                    self.join_all(to);
                }
            }
        }
    }

    /// Writes the routes below a node anew.
    fn rename(&mut self, node: u32, route: &str) {
        let taken = self.node_mut(node);
        if taken.route.is_some() {
            taken.route = Some(route.into());
        }
        let words: Vec<(String, u32)> = taken
            .words
            .iter()
            .map(|(word, below)| (format!("{route}/{word}"), *below))
            .collect();
        let values = taken.values;
        for (route, below) in words {
            self.rename(below, &route);
        }
        for (placeholder, below) in PLACEHOLDERS.iter().zip(values) {
            if below != NONE {
                self.rename(below, &format!("{route}/{placeholder}"));
            }
        }
    }

    fn value_below(&mut self, node: u32, value: usize) -> u32 {
        let known = self.node(node).values[value];
        if known != NONE {
            return known;
        }
        let fresh = self.fresh();
        self.node_mut(node).values[value] = fresh;
        fresh
    }

    fn word_below(&mut self, node: u32, word: &str) -> u32 {
        match self.node(node).word(word) {
            Ok(at) => self.node(node).words[at].1,
            Err(at) => {
                let fresh = self.fresh();
                self.node_mut(node).words.insert(at, (word.into(), fresh));
                fresh
            }
        }
    }

    fn fresh(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node::default());
            u32::try_from(self.nodes.len() - 1).expect("a tree is bounded")
        })
    }

    /// Gives a node back. Its contents are still to be taken.
    fn release(&mut self, node: u32) -> u32 {
        self.free.push(node);
        node
    }

    fn node(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    fn node_mut(&mut self, node: u32) -> &mut Node {
        &mut self.nodes[node as usize]
    }
}

impl Node {
    fn word(&self, word: &str) -> Result<usize, usize> {
        self.words
            .binary_search_by(|(known, _)| known.as_ref().cmp(word))
    }
}

/// The segments of a path; those too deep are one, and a value.
fn bounded(path: &str) -> impl Iterator<Item = &str> {
    let deep = |(at, segment)| if at == DEPTH_MAX { "*" } else { segment };
    segments(path).take(DEPTH_MAX + 1).enumerate().map(deep)
}
