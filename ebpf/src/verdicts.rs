//! Tells the kernel half what a socket was found to be.

use aya::maps::{HashMap, MapData, MapError};

use crate::{abi::Verdict, control::ControlEntry};

/// Whether the kernel half may know another verdict on the socket already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knows {
    /// It asks at every call until there is one.
    Nothing,
    /// It asks again when it is told to; then every socket asks once.
    Another,
}

/// What sockets were found to be, by cookie. The kernel half forgets the oldest when there are too
/// many; their sockets keep what they know.
pub struct Verdicts {
    pub(crate) map: HashMap<MapData, u64, Verdict>,
    pub(crate) control: ControlEntry,
    pub(crate) is_renewed: bool,
}

impl Verdicts {
    /// Leaves a verdict on a socket. What replaces another one is heard of after
    /// [`renew`](Self::renew).
    pub fn give(&mut self, cookie: u64, verdict: Verdict, knows: Knows) -> Result<(), MapError> {
        self.map.insert(cookie, verdict, 0)?;
        self.is_renewed |= knows == Knows::Another;
        Ok(())
    }

    /// Makes every socket ask once more, if some verdict replaced another since the last time.
    pub fn renew(&mut self) -> Result<(), MapError> {
        if !std::mem::take(&mut self.is_renewed) {
            return Ok(());
        }
        self.control.change(|control| {
            control.verdict_generation = control.verdict_generation.wrapping_add(1);
        })?;
        Ok(())
    }
}
