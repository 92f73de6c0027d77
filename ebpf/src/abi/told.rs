//! What user space tells the kernel half, and what that counts: the values of its maps.
#![expect(unsafe_code, reason = "map values are plain structs of integers")]

/// What the bytes of a socket are to the kernel half (`enum mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// They are looked at until there is a verdict.
    Pending = 0,
    /// They are copied.
    Parse = 1,
    /// They are counted: pairs of turns are told without their payload.
    Lengths = 2,
    /// Nothing is told of them but their end.
    Silent = 3,
}

/// `event_data.flags`: bytes were moved without a buffer that could be read (`sendfile`, a kernel
/// thread, a 32-bit task).
pub const DATA_NO_BUFFER: u8 = 1;
/// `event_data.flags`: an exchange begins, and of the one before something is lost.
pub const DATA_ANEW: u8 = 2;
/// `event_data.flags`: exchanges of the socket are chosen one by one when some are let go.
pub const DATA_ALONE: u8 = 4;
/// `verdict.flags`: a message may begin in any call.
pub const VERDICT_EVERY_CALL: u8 = 1;
/// `verdict.flags`, of lengths: every so many turns are shown nevertheless.
pub const VERDICT_LOOK: u8 = 2;
/// `verdict.flags`, of lengths: nobody asks for single exchanges.
pub const VERDICT_SUM: u8 = 4;
/// `verdict.flags`: no exchange needs an earlier one to be understood.
pub const VERDICT_ALONE: u8 = 8;
/// All exchanges, where a share of them is meant.
pub const SHARES: u32 = 65536;

/// What user space found a socket to be (`struct verdict`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Bytes to copy from one call; 0 for [`Control::capture_max`].
    pub capture_bytes: u32,
    /// A [`Mode`].
    pub mode: u8,
    /// Which end a socket is whose handshake was not seen: `ROLE_UNKNOWN` and so on.
    pub role: u8,
    /// [`VERDICT_EVERY_CALL`], [`VERDICT_LOOK`], [`VERDICT_SUM`], [`VERDICT_ALONE`].
    pub flags: u8,
    /// Zero.
    pub pad: u8,
}

/// What user space tells the kernel half (`struct control`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Control {
    /// Changes whenever the map `ignored` does.
    pub generation: u32,
    /// Our own process as the kernel counts; written by the iterator.
    pub self_tgid: u32,
    /// Bytes to copy from one call; 0 until every hook is attached.
    pub capture_max: u32,
    /// Changes when user space may have missed an `event_open`.
    pub announcement: u32,
    /// Changes when a verdict does that was acted upon.
    pub verdict_generation: u32,
    /// Bytes waiting in the ring from which a share of the connections is let go.
    pub shed_from: u32,
    /// Bytes waiting from which only beginnings and ends of connections are taken.
    pub data_until: u32,
    /// Of [`SHARES`]: the exchanges that the governor lets go.
    pub shed_share: u32,
    /// Counts the stretches of time for which connections are chosen.
    pub slot: u32,
}

/// What one CPU lost (`struct loss`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LossCounters {
    /// Records the full ring had no room for.
    pub events: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Payloads left out because the scratch was in use.
    pub busy: u64,
    /// Payloads whose user memory could not be read.
    pub unreadable: u64,
    /// Calls on sockets that the kernel gave no storage for.
    pub no_state: u64,
    /// Exchanges of which something is missing, whatever the reason.
    pub exchanges: u64,
    /// Of these, those let go as a whole, whatever the reason.
    pub shed: u64,
    /// Of these, those that the governor's share let go.
    pub governed: u64,
    /// How often a connection was let go.
    pub shed_connections: u64,
}

// SAFETY: all are `Plain`, which is `Copy` without padding and valid for every bit pattern.
unsafe impl aya::Pod for Control {}
// SAFETY: as above.
unsafe impl aya::Pod for LossCounters {}
// SAFETY: as above.
unsafe impl aya::Pod for Verdict {}
