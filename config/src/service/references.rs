//! Whether what `service` refers to is there, once, and what it refers to is plain.

use std::collections::{HashMap, HashSet};

use super::{Layout, Section};
use crate::{ComponentId, Located, Problem, Problems, suggest};

type Ids<'a> = HashSet<&'a ComponentId>;

/// Reports references to nothing, ambiguous and repeated ones.
pub(super) fn check(layout: &Layout, problems: &mut Problems) {
    ambiguous_connectors(layout, problems);
    dangling_in_pipelines(layout, problems);
    let owner = "`service::extensions`";
    let started = &layout.service.extensions;
    dangling(
        started,
        "extension",
        &ids(&layout.extensions),
        owner,
        problems,
    );
    repeated(started, "extension", owner, problems);
}

fn ids(section: &Section) -> Ids<'_> {
    section.iter().map(|(id, _)| &id.value).collect()
}

fn dangling_in_pipelines(layout: &Layout, problems: &mut Problems) {
    let connectors = ids(&layout.connectors);
    let processors = ids(&layout.processors);
    let sources = ids(&layout.receivers).union(&connectors).copied().collect();
    let sinks = ids(&layout.exporters).union(&connectors).copied().collect();
    for pipeline in &layout.service.pipelines {
        let owner = format!("pipeline `{}`", pipeline.id.value);
        dangling(&pipeline.receivers, "receiver", &sources, &owner, problems);
        dangling(
            &pipeline.processors,
            "processor",
            &processors,
            &owner,
            problems,
        );
        dangling(&pipeline.exporters, "exporter", &sinks, &owner, problems);
        repeated(&pipeline.processors, "processor", &owner, problems);
    }
}

fn dangling(
    references: &[Located<ComponentId>],
    what: &str,
    configured: &Ids<'_>,
    owner: &str,
    problems: &mut Problems,
) {
    for id in references {
        if configured.contains(&id.value) || problems.is_full() {
            continue;
        }
        let message = format!(
            "{owner} references {what} `{}` which is not configured",
            id.value
        );
        let mut names: Vec<String> = configured.iter().map(ToString::to_string).collect();
        names.sort();
        let nearest = suggest::nearest(&id.value.to_string(), names.iter().map(String::as_str));
        let problem = Problem::error(&id.place, message).suggesting(nearest);
        problems.push(problem.about_absence());
    }
}

fn repeated(references: &[Located<ComponentId>], what: &str, owner: &str, problems: &mut Problems) {
    let mut seen = HashSet::new();
    for id in references {
        if !seen.insert(&id.value) {
            let message = format!("{owner} references {what} `{}` multiple times", id.value);
            problems.push(Problem::error(&id.place, message));
        }
    }
}

fn ambiguous_connectors(layout: &Layout, problems: &mut Problems) {
    let connectors: HashMap<_, _> = layout
        .connectors
        .iter()
        .map(|(id, _)| (&id.value, &id.place))
        .collect();
    for (section, what) in [
        (&layout.receivers, "receiver"),
        (&layout.exporters, "exporter"),
    ] {
        for (twin, _) in section {
            let Some(place) = connectors.get(&twin.value) else {
                continue;
            };
            let (name, line) = (&twin.value, twin.place.line());
            let message =
                format!("ambiguous id: connector `{name}` has the id of the {what} on line {line}");
            let label = format!("rename it, for example to `{name}/connector`");
            problems.push(Problem::error(place, message).with_label(label));
        }
    }
}
