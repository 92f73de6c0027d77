//! The one entry that the kernel half reads at every call, and everybody who changes it.

use std::sync::{Arc, Mutex};

use aya::maps::{Array, MapData, MapError};

use crate::abi::{Control, SHARES};

/// Changes the entry, one change after another.
#[derive(Clone)]
pub(crate) struct ControlEntry(Arc<Mutex<Array<MapData, Control>>>);

impl ControlEntry {
    pub(crate) fn new(map: Array<MapData, Control>) -> Self {
        Self(Arc::new(Mutex::new(map)))
    }

    /// Reads the entry, lets it be changed, and writes it; returns what it is now.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Control)) -> Result<Control, MapError> {
        let mut map = self.0.lock().expect("no holder panics");
        let mut control = map.get(&0, 0)?;
        change(&mut control);
        map.set(0, control, 0)?;
        Ok(control)
    }
}

/// Lets a share of all exchanges go.
pub struct Shedding(pub(crate) ControlEntry);

impl Shedding {
    /// Says how many of [`SHARES`] go from now on, and in which stretch of time we are: where
    /// exchanges need earlier ones, connections are chosen anew in each, and in no two alike.
    pub fn set(&self, shed_share: u32, slot: u32) -> Result<(), MapError> {
        self.0.change(|control| {
            control.shed_share = shed_share.min(SHARES - 1);
            control.slot = slot;
        })?;
        Ok(())
    }
}
