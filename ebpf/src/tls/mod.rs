//! Probes on functions of TLS libraries: loaded with the tap, attached file by file later.
//!
//! They are `uprobe.multi` programs, which need no privilege to attach once they are loaded: only
//! the right to open the file. This module must not know which functions those are, or how they
//! were found.

pub mod abi;
mod link;
mod load;

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
};

pub use load::MapFds;
pub(crate) use load::load;

/// What a probed function does; the kernel half finds its arguments by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Function {
    /// Gives plaintext: (object, buffer, size), returns bytes.
    Read = 1,
    /// Takes plaintext: (object, buffer, size), returns bytes.
    Write = 2,
    /// Gives plaintext: (object, buffer, size, bytes), returns 1.
    ReadEx = 3,
    /// Takes plaintext: (object, buffer, size, bytes), returns 1.
    WriteEx = 4,
    /// Agrees on keys: (object).
    Handshake = 5,
    /// Lets go of the object: (object).
    Free = 6,
}

/// How a function is called and returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// The platform's; the return address may be replaced.
    C,
    /// Go's since 1.17: registers of its own, stacks that move. Every return is a site of its own.
    Go,
}

/// A place in a file, in bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Which function.
    pub function: Function,
    /// Where in the file.
    pub offset: u64,
}

/// Where to probe a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sites {
    /// How all its functions are called.
    pub convention: Convention,
    /// First instructions of functions.
    pub entries: Vec<Site>,
    /// For [`Convention::Go`], the return instructions of the same functions.
    pub returns: Vec<Site>,
}

/// The loaded probes.
pub struct TlsProbes {
    pub(crate) tls_enter: OwnedFd,
    pub(crate) tls_return: OwnedFd,
    pub(crate) go_enter: OwnedFd,
    pub(crate) go_return: OwnedFd,
}

/// A probed file; dropped, its probes are gone.
#[derive(Debug)]
pub struct Attachment {
    _links: Vec<OwnedFd>,
}

impl TlsProbes {
    /// Probes a file, in one process or in all that ever map it.
    ///
    /// The returns are probed before the entries: a call is seen whole or not at all.
    pub fn attach(&self, file: &Path, sites: &Sites, pid: Option<u32>) -> io::Result<Attachment> {
        let has_return = |site: &&Site| site.function != Function::Free;
        let entries: Vec<Site> = sites.entries.clone();
        let (enter, leave, returns, kind) = match sites.convention {
            Convention::C => {
                let returns = entries.iter().filter(has_return).copied().collect();
                (&self.tls_enter, &self.tls_return, returns, link::At::Return)
            }
            Convention::Go => {
                let returns = sites.returns.clone();
                (&self.go_enter, &self.go_return, returns, link::At::Site)
            }
        };
        let leave = link::create(leave.as_fd(), file, &returns, kind, pid)?;
        let enter = link::create(enter.as_fd(), file, &entries, link::At::Site, pid)?;
        Ok(Attachment {
            _links: vec![enter, leave],
        })
    }
}
