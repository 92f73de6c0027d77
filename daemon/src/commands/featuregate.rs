//! `tapline featuregate`: which gates there are, and what each switches.

use anyhow::Result;
use clap::Args;
use tapline_config::Problems;

use super::{say, table};
use crate::gates::{self, Gates};

pub(crate) const EXAMPLE: &str = "\
Example:
  tapline featuregate confmap.enableMergeAppendOption";

/// Which gate, if only one.
#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// A gate to explain; without one, all are listed.
    id: Option<String>,
}

/// Lists the gates, or explains one.
pub(super) fn featuregate(arguments: &Arguments) -> Result<()> {
    let gates = Gates::default().list();
    let Some(id) = &arguments.id else {
        let mut rows = vec![
            ["ID", "Enabled", "Stage", "Description"]
                .map(str::to_owned)
                .to_vec(),
        ];
        rows.extend(gates.iter().map(|gate| {
            let (enabled, stage) = (gate.enabled.to_string(), gate.stage.to_owned());
            vec![gate.id.clone(), enabled, stage, gate.described()]
        }));
        return say(&table::write(&rows));
    };
    let Some(gate) = gates.iter().find(|gate| gate.id == *id) else {
        return Err(Problems::from(gates::unknown(id)).into());
    };
    let rows = [
        ("Feature:", gate.id.clone()),
        ("Enabled:", gate.enabled.to_string()),
        ("Stage:", gate.stage.to_owned()),
        ("Description:", gate.described()),
    ];
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    say(&table::write(&rows))
}
