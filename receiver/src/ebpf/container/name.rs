//! The name of a container from the file that its runtime keeps, without asking the runtime.

use serde_json::Value;

/// Reads `config.v2.json`, which Docker keeps for each container.
pub(crate) fn docker_name(config: &[u8]) -> Option<String> {
    let config: Value = serde_json::from_slice(config).ok()?;
    let name = config.get("Name")?.as_str()?.trim_start_matches('/');
    (!name.is_empty()).then(|| name.to_owned())
}
