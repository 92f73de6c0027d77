//! From inputs to a document: read each, layer them, expand `${…}`.
//!
//! Every phase does what it can with what the ones before left, so that every mistake is reported
//! at once. What could not be read or expanded is known to be missing: nobody complains about it.

use crate::{
    Input, Kind, Node, Place, Problem, Problems, Retrieve, Source, append, assignment, expand,
    input::Form, layer, paths, retrieve::Fetcher, yaml,
};

/// How many inputs a configuration may have.
const MAX_INPUTS: usize = 100;

/// How a configuration is loaded.
#[derive(Clone, Copy)]
pub struct LoadOptions<'a> {
    /// Who is asked for variables, files and pages.
    pub retrieve: &'a dyn Retrieve,
    /// What happens to lists.
    pub lists: Lists,
}

/// What happens where an earlier and a later input have a list in the same place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lists {
    /// The later one stands.
    #[default]
    Replace,
    /// Receivers, exporters and extensions in `service` are joined: the Collector's gate
    /// `confmap.enableMergeAppendOption`.
    Append,
}

/// A configuration as it was meant: layered, expanded, every value with its place.
#[derive(Clone, Debug)]
pub struct Document {
    root: Node,
    problems: Problems,
    is_whole: bool,
}

impl Document {
    /// Returns the whole tree; always a map.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Returns what was found while loading, such as unset variables.
    pub fn problems(&self) -> &Problems {
        &self.problems
    }

    /// Returns whether nothing is known to be missing. Otherwise drop what is said about things
    /// that are not there: see [`Problems::forget_absences`].
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Returns the document if it has no errors, else everything that was found.
    pub fn sound(self) -> Result<Self, Problems> {
        if self.problems.has_errors() {
            Err(self.problems)
        } else {
            Ok(self)
        }
    }
}

/// Loads the inputs in order, later ones winning; refuses them all if there is an error.
///
/// The problems of a failure include the warnings.
pub fn load(inputs: &[Input], retrieve: &dyn Retrieve) -> Result<Document, Problems> {
    let lists = Lists::default();
    gather(inputs, &LoadOptions { retrieve, lists }).sound()
}

/// Loads what can be loaded; the document tells what could not.
pub fn gather(inputs: &[Input], options: &LoadOptions<'_>) -> Document {
    let mut document = Document {
        root: Node::new(Kind::Map(Vec::new()), nowhere()),
        problems: Problems::new(),
        is_whole: false,
    };
    let problems = &mut document.problems;
    if inputs.is_empty() {
        problems.push(Problem::unplaced(
            "at least one configuration must be given",
        ));
        return document;
    }
    if inputs.len() > MAX_INPUTS {
        problems.push(Problem::unplaced(format!(
            "more than {MAX_INPUTS} configurations"
        )));
        return document;
    }
    let mut fetcher = Fetcher::new(options.retrieve, inputs.len());
    let mut is_whole = true;
    let mut read_all: Vec<Node> = Vec::new();
    for (order, input) in inputs.iter().enumerate() {
        let source = input.open(order, &mut fetcher, problems);
        match source.and_then(|source| read(input, &source, problems)) {
            Some(node) => read_all.push(node),
            None => is_whole = false,
        }
    }
    report_empty(&read_all, is_whole, problems);
    read_all.retain(|node| !node.is_null());
    match merge(read_all, options.lists) {
        Ok(Some(merged)) => {
            document.root = expand::expand(merged, &mut fetcher, problems);
            document.is_whole =
                is_whole && !document.root.entries().is_empty() && !lacks_structure(&document.root);
        }
        Ok(None) => (),
        Err(error) => problems.push(Problem::unplaced(format!(
            "cannot layer the inputs: {error}"
        ))),
    }
    document
}

/// Reads one input: a map, or null when it is empty; `None` after adding an error.
fn read(input: &Input, source: &std::sync::Arc<Source>, problems: &mut Problems) -> Option<Node> {
    let node = match input.form() {
        Form::Yaml | Form::Uri => yaml::read(source, problems),
        Form::Assignment => assignment::read(source, problems),
    }?;
    match node.kind {
        Kind::Map(_) => Some(paths::split(node, problems)),
        Kind::Null => Some(node),
        _ => {
            let message = format!("a configuration is a map, but this is {}", node.described());
            problems.push(Problem::error(&node.place, message));
            None
        }
    }
}

/// Says of each text that holds nothing that it does: an error if there is nothing else.
fn report_empty(read: &[Node], is_whole: bool, problems: &mut Problems) {
    let is_all = is_whole && read.iter().all(Node::is_null);
    for node in read.iter().filter(|node| node.is_null()) {
        let name = node.place.source().name();
        problems.push(if is_all {
            let message = format!("the configuration is empty: {name} holds nothing");
            Problem::error(&node.place, message)
        } else {
            Problem::warning(&node.place, format!("{name} holds nothing"))
                .with_label("write `{}` if nothing is to be added")
        });
    }
}

fn merge(nodes: Vec<Node>, lists: Lists) -> Result<Option<Node>, config::ConfigError> {
    if nodes.len() < 2 {
        // Layering a single document would copy it for nothing.
        return Ok(nodes.into_iter().next());
    }
    if lists == Lists::Replace {
        return layer::merge(&nodes).map(Some);
    }
    let mut nodes = nodes.into_iter();
    let first = nodes.next();
    nodes.try_fold(first, |earlier, later| match earlier {
        Some(earlier) => {
            let later = append::lists(&earlier, later);
            layer::merge(&[earlier, later]).map(Some)
        }
        None => Ok(Some(later)),
    })
}

/// Returns whether a section could not be had, or how pipelines are made could not.
fn lacks_structure(root: &Node) -> bool {
    root.entries()
        .iter()
        .any(|(name, section)| section.is_broken || (name == "service" && has_broken(section)))
}

fn has_broken(node: &Node) -> bool {
    let mut below = node.entries().iter().map(|(_, value)| value);
    node.is_broken || node.items().iter().any(has_broken) || below.any(has_broken)
}

/// The place of a tree that nobody wrote.
fn nowhere() -> Place {
    Place::new(&Source::new("the configuration", "", 0), 1, 1, 0)
}

#[cfg(test)]
mod tests;
