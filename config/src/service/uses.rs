//! Which components the section `service` has use for.

use std::collections::HashSet;

use super::{Pipeline, Service};
use crate::{ComponentId, Located};

/// The ids that are referred to, by the role they are referred to in.
pub(super) struct Uses {
    /// Where pipelines begin: receivers and connectors.
    pub(super) sources: HashSet<ComponentId>,
    /// What they consist of.
    pub(super) processors: HashSet<ComponentId>,
    /// Where they end: exporters and connectors.
    pub(super) sinks: HashSet<ComponentId>,
    /// What is started.
    pub(super) extensions: HashSet<ComponentId>,
}

impl Uses {
    /// What cannot be had of pipelines is a use all the same: that nobody uses what stands there
    /// would be a mistake of its own.
    pub(super) fn of(service: &Service, unread: &[Pipeline]) -> Self {
        let value = |id: &Located<ComponentId>| id.value.clone();
        let pipelines = || service.pipelines.iter().chain(unread);
        Self {
            sources: pipelines()
                .flat_map(|at| &at.receivers)
                .map(value)
                .collect(),
            processors: pipelines()
                .flat_map(|at| &at.processors)
                .map(value)
                .collect(),
            sinks: pipelines()
                .flat_map(|at| &at.exporters)
                .map(value)
                .collect(),
            extensions: service.extensions.iter().map(value).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Environment, Input, KnownTypes, Layout, Problems, load};

    fn said(text: &str) -> Vec<String> {
        let document = load(&[Input::text("c.yaml", text)], &Environment::default()).expect("good");
        let known = KnownTypes {
            receivers: &["r", "idle"],
            exporters: &["e"],
            ..KnownTypes::default()
        };
        let mut problems = Problems::new();
        Layout::read(&document, &known, &mut problems);
        problems.iter().map(|each| each.message.clone()).collect()
    }

    #[test]
    fn what_stands_in_a_pipeline_with_a_wrong_name_is_not_called_unused() {
        let text = "{receivers: {r: , idle: }, exporters: {e: }, service: {pipelines: {\
            trace: {receivers: [r], exporters: [e]}, logs/: {receivers: [r], exporters: [e]}}}}";
        assert_eq!(
            said(text),
            [
                "receiver `idle` is configured, but no pipeline uses it",
                "unknown pipeline signal `trace`",
                "invalid pipeline id: in \"logs/\" id: the part after / should not be empty",
            ]
        );
        let text = "{receivers: {r: , idle: }, exporters: {e: }, service: {pipelines: {\
            traces: {receiver: [r], exporters: [e]}}}}";
        assert_eq!(
            said(text),
            [
                "receiver `idle` is configured, but no pipeline uses it",
                "unknown setting `receiver` in pipeline `traces`",
            ]
        );
    }

    #[test]
    fn nothing_is_called_unused_or_missing_when_what_would_tell_cannot_be_read() {
        let cases = [
            (
                "{receivers: {r: }, exporters: {e: }, service: {pipeline: {traces: {}}}}",
                "unknown setting `pipeline` in `service`",
            ),
            (
                "{receivers: [r], exporters: {e: }, service: {pipelines: {\
                 traces: {receivers: [r], exporters: [e]}}}}",
                "`receivers` must be a map, but this is a list",
            ),
            (
                "{receivers: {r: }, service: {exporters: {e: }, pipelines: {\
                 traces: {receivers: [r], exporters: [e]}}}}",
                "unknown setting `exporters` in `service`",
            ),
            (
                "{receivers: {r: }, exporters: {e: }, service: , pipelines: {\
                 traces: {receivers: [r], exporters: [e]}}}",
                "unknown section `pipelines`",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(said(text), [expected], "{text}");
        }
    }
}
