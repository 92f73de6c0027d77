//! Tells the kernel half which processes to leave alone.

use aya::maps::{HashMap, MapData, MapError};

use crate::control::ControlEntry;

/// The processes that are not traced. Whoever is not named here is.
pub struct IgnoredProcesses {
    pub(crate) ignored: HashMap<MapData, u32, u8>,
    pub(crate) control: ControlEntry,
}

impl IgnoredProcesses {
    /// Leaves a process alone from its next socket call on.
    pub fn ignore(&mut self, tgid: u32) -> Result<(), MapError> {
        self.ignored.insert(tgid, 1, 0)?;
        self.next_generation()
    }

    /// Traces a process (again). A process that was never ignored is not an error.
    pub fn trace(&mut self, tgid: u32) -> Result<(), MapError> {
        match self.ignored.remove(&tgid) {
            Ok(()) => self.next_generation(),
            Err(MapError::KeyNotFound) => Ok(()),
            Err(MapError::SyscallError(error))
                if error.io_error.kind() == std::io::ErrorKind::NotFound =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Asks every socket to announce itself again before its next bytes.
    pub fn announce_again(&mut self) -> Result<(), MapError> {
        self.control.change(|control| {
            control.announcement = control.announcement.wrapping_add(1);
        })?;
        Ok(())
    }

    /// Sockets remember the answer for their owner; a new generation makes them ask again.
    fn next_generation(&mut self) -> Result<(), MapError> {
        self.control.change(|control| {
            control.generation = control.generation.wrapping_add(1).max(1);
        })?;
        Ok(())
    }
}
