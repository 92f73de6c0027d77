//! Boxes and arrows, in no language yet.

use tapline_config::{ComponentId, Layout, Located};

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Receiver,
    Processor,
    Exporter,
    Connector,
    /// A pipeline without processors still has a way through.
    Way,
}

/// A box. Its name in the picture is safe in every language; its label is what the user wrote.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) label: String,
}

/// A pipeline: a frame around its own boxes, in the order of the flow.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) boxes: Vec<Part>,
}

/// The whole picture.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// What several pipelines may share.
    pub(super) shared: Vec<Part>,
    pub(super) frames: Vec<Frame>,
    /// From where to where, by the names of boxes.
    pub(super) arrows: Vec<(String, String)>,
}

// === impl Picture ===

impl Picture {
    /// Draws what pipelines use; what nobody uses is not shown.
    pub(super) fn of(layout: &Layout) -> Self {
        let mut picture = Self::default();
        for (number, pipeline) in layout.service.pipelines.iter().enumerate() {
            let frame = Frame {
                name: format!("pipeline{number}"),
                label: pipeline.id.value.to_string(),
                boxes: boxes(number, &pipeline.processors),
            };
            let names = || frame.boxes.iter().map(|inner| inner.name.clone());
            let (first, last) = (names().next(), names().next_back());
            let inner: Vec<String> = names().collect();
            for id in &pipeline.receivers {
                let from = picture.shared(layout, Role::Receiver, &id.value);
                picture.arrows.extend(first.clone().map(|to| (from, to)));
            }
            for pair in inner.windows(2) {
                picture.arrows.push((pair[0].clone(), pair[1].clone()));
            }
            for id in &pipeline.exporters {
                let to = picture.shared(layout, Role::Exporter, &id.value);
                picture.arrows.extend(last.clone().map(|from| (from, to)));
            }
            picture.frames.push(frame);
        }
        picture
    }

    /// Returns the name of the box of an id, which is drawn if it is not there yet.
    fn shared(&mut self, layout: &Layout, role: Role, id: &ComponentId) -> String {
        let joins = layout
            .connectors
            .iter()
            .any(|(other, _)| other.value == *id);
        let role = if joins { Role::Connector } else { role };
        let label = id.to_string();
        let known = self.shared.iter();
        let mut known = known.filter(|other| other.role == role && other.label == label);
        if let Some(known) = known.next() {
            return known.name.clone();
        }
        let kind = match role {
            Role::Receiver => "receiver",
            Role::Exporter => "exporter",
            Role::Connector | Role::Processor | Role::Way => "connector",
        };
        let number = self
            .shared
            .iter()
            .filter(|other| other.role == role)
            .count();
        let name = format!("{kind}{number}");
        self.shared.push(Part {
            name: name.clone(),
            role,
            label,
        });
        name
    }
}

/// Returns the boxes of a pipeline's own; there is always one, for the arrows to go through.
fn boxes(pipeline: usize, processors: &[Located<ComponentId>]) -> Vec<Part> {
    if processors.is_empty() {
        return vec![Part {
            name: format!("way{pipeline}"),
            role: Role::Way,
            label: "no processors".to_owned(),
        }];
    }
    let boxes = processors.iter().enumerate().map(|(number, id)| Part {
        name: format!("processor{pipeline}_{number}"),
        role: Role::Processor,
        label: id.value.to_string(),
    });
    boxes.collect()
}
