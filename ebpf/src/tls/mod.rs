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
    /// Reads a socket into a buffer of records: (buffer).
    RustFill = 7,
    /// Gives plaintext: (object, bytes, borrowed or owned).
    RustRead = 8,
    /// Takes plaintext: (object, slices), returns bytes.
    RustWrite = 9,
}

impl Function {
    fn is_rust(self) -> bool {
        self >= Self::RustFill
    }
}

/// How a function is called and returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// The platform's, or Rust's where that does not differ; the return address may be replaced.
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
    pub(crate) rust_enter: OwnedFd,
    pub(crate) rust_return: OwnedFd,
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
        let of = |rust: bool| {
            let entries = sites.entries.iter().copied();
            let wanted = entries.filter(|site| site.function.is_rust() == rust);
            wanted.collect::<Vec<Site>>()
        };
        let mut links = Vec::new();
        let mut link = |program: &OwnedFd, sites: &[Site], at| -> io::Result<()> {
            if !sites.is_empty() {
                links.push(link::create(program.as_fd(), file, sites, at, pid)?);
            }
            Ok(())
        };
        match sites.convention {
            Convention::C => {
                let (c, rust) = (of(false), of(true));
                let returns: Vec<Site> = c.iter().filter(has_return).copied().collect();
                link(&self.tls_return, &returns, link::At::Return)?;
                link(&self.tls_enter, &c, link::At::Site)?;
                let writes = |site: &&Site| site.function == Function::RustWrite;
                let returns: Vec<Site> = rust.iter().filter(writes).copied().collect();
                link(&self.rust_return, &returns, link::At::Return)?;
                link(&self.rust_enter, &rust, link::At::Site)?;
            }
            Convention::Go => {
                link(&self.go_return, &sites.returns, link::At::Site)?;
                link(&self.go_enter, &sites.entries, link::At::Site)?;
            }
        }
        Ok(Attachment { _links: links })
    }
}
