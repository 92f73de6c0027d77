//! From inputs to a document: read each, layer them, expand `${…}`.

use crate::{
    Environment, Input, Kind, Node, Problem, Problems, Source, assignment, expand,
    input::{Form, MAX_INPUT_BYTES},
    layer, yaml,
};

/// How many inputs a configuration may have.
const MAX_INPUTS: usize = 100;

/// A configuration as it was meant: layered, expanded, every value with its place.
#[derive(Clone, Debug)]
pub struct Document {
    root: Node,
    warnings: Problems,
}

impl Document {
    /// Returns the whole tree; always a map.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Returns what is suspicious but usable, such as unset variables.
    pub fn warnings(&self) -> &Problems {
        &self.warnings
    }
}

/// Reads the inputs in order, later ones winning, and expands `${…}` from the environment.
///
/// All inputs are read even if one is bad, so that every mistake is reported at once. The problems
/// of a failure include the warnings.
pub fn load(inputs: &[Input], environment: &Environment) -> Result<Document, Problems> {
    if inputs.is_empty() {
        return Err(Problem::unplaced("at least one configuration must be given").into());
    }
    if inputs.len() > MAX_INPUTS {
        return Err(Problem::unplaced(format!("more than {MAX_INPUTS} configurations")).into());
    }
    let mut problems = Problems::new();
    let documents: Vec<Node> = inputs
        .iter()
        .enumerate()
        .filter_map(|(order, input)| read(input, order, &mut problems))
        .collect();
    if problems.has_errors() {
        return Err(problems);
    }
    let merged = match documents.as_slice() {
        [] => {
            let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
            let message = format!("the configuration is empty: {}", names.join(", "));
            return Err(Problem::unplaced(message).into());
        }
        // Layering a single document would copy it for nothing.
        [only] => only.clone(),
        several => layer::merge(several)
            .map_err(|error| Problem::unplaced(format!("cannot layer the inputs: {error}")))?,
    };
    let root = expand::expand(merged, environment, &mut problems);
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(Document {
        root,
        warnings: problems,
    })
}

/// Reads one input; an empty one adds nothing.
fn read(input: &Input, order: usize, problems: &mut Problems) -> Option<Node> {
    if input.text.len() > MAX_INPUT_BYTES {
        let limit = MAX_INPUT_BYTES >> 20;
        problems.push(Problem::unplaced(format!(
            "{} is larger than {limit} MiB",
            input.name
        )));
        return None;
    }
    let source = Source::new(&input.name, &input.text, order);
    let node = match input.form {
        Form::Yaml => yaml::read(&source, problems),
        Form::Assignment => assignment::read(&source, problems),
    }?;
    match node.kind {
        Kind::Map(_) => Some(node),
        Kind::Null => None,
        _ => {
            let message = format!("a configuration is a map, but this is {}", node.described());
            problems.push(Problem::error(&node.place, message));
            None
        }
    }
}
