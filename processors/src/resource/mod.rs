//! `resource`: edits the attributes of resources, of every signal, by a list of actions.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Invalid, Validate};
use tapline_pdata::rewrite::{Keep, Reach, ResourceEdit, Surroundings, Transform};

use crate::actions::{self, Action, Actions};

/// What the user wrote.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is done to the attributes, in order.
    pub attributes: Vec<Action>,
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        actions::validate(&self.attributes, "attributes")
    }
}

/// Builds the transform.
pub fn build(config: &Config) -> Result<Arc<dyn Transform>, String> {
    if let Some(broken) = config.validate().first() {
        return Err(format!("{} {}", broken.path, broken.message));
    }
    Ok(Arc::new(ResourceTransform(Actions::new(
        &config.attributes,
    )?)))
}

struct ResourceTransform(Actions);

impl Transform for ResourceTransform {
    fn reach(&self) -> Reach {
        Reach::Resource
    }

    fn resource(&self, cx: &Surroundings<'_>, resource: &mut ResourceEdit<'_>) -> Keep {
        self.0.apply(&mut resource.attributes(), cx.origin);
        Keep::Yes
    }
}
