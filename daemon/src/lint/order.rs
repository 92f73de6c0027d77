//! Processors in an order that defeats one of them.

use tapline_config::{ComponentId, Layout, Located, Pipeline, Problem, Problems};

use crate::{names, upstream};

/// Processors that make batches smaller.
const REDUCERS: [&str; 3] = ["filter", "probabilistic_sampler", "tail_sampling"];

/// Warns of a `memory_limiter` that is not first, and of a `batch` before what makes batches
/// smaller again.
pub(super) fn look(layout: &Layout, problems: &mut Problems) {
    for pipeline in &layout.service.pipelines {
        late_limiter(pipeline, problems);
        early_batch(pipeline, problems);
    }
}

fn late_limiter(pipeline: &Pipeline, problems: &mut Problems) {
    let mut later = pipeline.processors.iter().skip(1);
    let limiter = later.find(|id| name(id) == "memory_limiter");
    let is_first = |id: &Located<ComponentId>| name(id) == "memory_limiter";
    let Some(limiter) = limiter.filter(|_| !pipeline.processors.first().is_some_and(is_first))
    else {
        return;
    };
    let (id, at) = (&limiter.value, &pipeline.id.value);
    let message = format!("`{id}` is not the first processor of pipeline `{at}`");
    let label = "put it first: what stands before it takes memory it cannot refuse";
    problems.push(Problem::warning(&limiter.place, message).with_label(label));
}

fn early_batch(pipeline: &Pipeline, problems: &mut Problems) {
    let processors = &pipeline.processors;
    let Some(batch) = processors.iter().position(|id| name(id) == "batch") else {
        return;
    };
    let mut later = processors.iter().skip(batch + 1);
    let Some(reducer) = later.find(|id| REDUCERS.contains(&name(id))) else {
        return;
    };
    let (id, reducer, at) = (&processors[batch], &reducer.value, &pipeline.id.value);
    let message = format!(
        "`{}` stands before `{reducer}` in pipeline `{at}`",
        id.value
    );
    let label = format!("put it behind: `{reducer}` makes its batches small again");
    problems.push(Problem::warning(&id.place, message).with_label(label));
}

/// Returns the name of today of a processor's type.
fn name(id: &Located<ComponentId>) -> &str {
    let kind = id.value.kind.as_str();
    let theirs = || upstream::find("processors", kind).map(|entry| entry.name);
    names::canonical("processors", kind)
        .or_else(theirs)
        .unwrap_or(kind)
}
