//! Where to probe a file: the functions of a TLS library in it, by their names.
//!
//! Must not know processes, or how probes are attached.

use std::fs::File;

use tapline_ebpf::tls::{Convention, Function, Site, Sites};

use super::{
    elf::{Elf, Name},
    golang,
};

/// What a file has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A TLS library.
    Sites(Sites),
    /// None that we know.
    Nothing,
    /// One that must not be probed, and why.
    Refused(&'static str),
}

/// OpenSSL and its kin, and GnuTLS.
const C_FUNCTIONS: [(&[u8], Function); 10] = [
    (b"SSL_read\0", Function::Read),
    (b"SSL_write\0", Function::Write),
    (b"SSL_read_ex\0", Function::ReadEx),
    (b"SSL_write_ex\0", Function::WriteEx),
    (b"SSL_do_handshake\0", Function::Handshake),
    (b"SSL_free\0", Function::Free),
    (b"gnutls_record_recv\0", Function::Read),
    (b"gnutls_record_send\0", Function::Write),
    (b"gnutls_handshake\0", Function::Handshake),
    (b"gnutls_deinit\0", Function::Free),
];

/// What rustls 0.23 has whatever a program does with it: these are not generic, and too large to
/// disappear in their callers. They take references, which are passed as the platform does.
const RUST_FUNCTIONS: [(&[u8], Function); 3] = [
    (b"17DeframerVecBuffer4read", Function::RustFill),
    (
        b"11CommonState23take_received_plaintext",
        Function::RustRead,
    ),
    (b"11CommonState16buffer_plaintext", Function::RustWrite),
];

const GO_FUNCTIONS: [(&str, Function); 4] = [
    ("crypto/tls.(*Conn).Read", Function::Read),
    ("crypto/tls.(*Conn).Write", Function::Write),
    ("crypto/tls.(*Conn).clientHandshake", Function::Handshake),
    ("crypto/tls.(*Conn).serverHandshake", Function::Handshake),
];

/// Shorter than any of these functions can be: a stub, or a symbol that means something else.
const FUNCTION_BYTES_MIN: u64 = 8;
/// Longer than any is.
const FUNCTION_BYTES_MAX: u64 = 1024 * 1024;

/// Looks for the functions of a TLS library.
pub(crate) fn find(file: &File) -> Found {
    let Some(elf) = Elf::open(file) else {
        return Found::Nothing;
    };
    if golang::is_go(&elf) {
        go(&elf)
    } else {
        named(&elf)
    }
}

/// A file may have both: they are never called for each other's objects.
fn named(elf: &Elf<'_>) -> Found {
    let whole = C_FUNCTIONS.map(|(name, _)| Name::Whole(name));
    let rust = RUST_FUNCTIONS.map(|(path, _)| Name::Rust {
        root: b"6rustls",
        path,
    });
    let names = [&whole[..], &rust[..]].concat();
    let Ok(symbols) = elf.functions(&names) else {
        return Found::Refused("unreadable");
    };
    let mut entries = Vec::new();
    for symbol in symbols {
        if !(FUNCTION_BYTES_MIN..FUNCTION_BYTES_MAX).contains(&symbol.size) {
            return Found::Refused("function_size");
        }
        let Some(offset) = elf.offset_of(symbol.address) else {
            return Found::Refused("not_code");
        };
        let function = match symbol.name.checked_sub(C_FUNCTIONS.len()) {
            None => C_FUNCTIONS[symbol.name].1,
            Some(rust) => RUST_FUNCTIONS[rust].1,
        };
        entries.push(Site { function, offset });
    }
    finish(Convention::C, entries, Vec::new())
}

fn go(elf: &Elf<'_>) -> Found {
    let names = GO_FUNCTIONS.map(|(name, _)| name);
    let Some(functions) = golang::functions(elf, &names) else {
        return Found::Refused("go_table");
    };
    if functions.is_empty() {
        return Found::Nothing;
    }
    if !golang::is_new_enough(elf) {
        return Found::Refused("go_version");
    }
    let (mut entries, mut returns) = (Vec::new(), Vec::new());
    for found in functions {
        if !(FUNCTION_BYTES_MIN..FUNCTION_BYTES_MAX).contains(&found.size) {
            return Found::Refused("function_size");
        }
        let Some(start) = elf.offset_of(found.address) else {
            return Found::Refused("not_code");
        };
        let size = usize::try_from(found.size).expect("checked to be small");
        let Some(code) = elf.read(start, size) else {
            return Found::Refused("unreadable");
        };
        if !golang::is_prologue(&code) {
            return Found::Refused("prologue");
        }
        let Some(back) = golang::returns(&code) else {
            return Found::Refused("returns");
        };
        let function = GO_FUNCTIONS[found.name].1;
        let offset = start;
        entries.push(Site { function, offset });
        returns.extend(back.into_iter().map(|at| Site {
            function,
            offset: start + at,
        }));
    }
    finish(Convention::Go, entries, returns)
}

/// A library both reads and writes; anything else is a name by chance.
fn finish(convention: Convention, mut entries: Vec<Site>, returns: Vec<Site>) -> Found {
    entries.sort_unstable_by_key(|site| site.offset);
    entries.dedup_by_key(|site| site.offset);
    let lacks = |function| entries.iter().all(|site| site.function != function);
    let lacks_other = [Function::Read, Function::Write].into_iter().any(lacks);
    let rust = RUST_FUNCTIONS.map(|(_, function)| function);
    let lacks_rust = rust.into_iter().any(lacks);
    entries.retain(|site| {
        let lacks = if rust.contains(&site.function) {
            lacks_rust
        } else {
            lacks_other
        };
        !lacks
    });
    if entries.is_empty() {
        return Found::Nothing;
    }
    Found::Sites(Sites {
        convention,
        entries,
        returns,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_library_has_none() {
        let file = File::open("/proc/self/exe").expect("a program runs");
        assert_eq!(find(&file), Found::Nothing);
        let file = File::open("/etc/passwd").expect("a file");
        assert_eq!(find(&file), Found::Nothing);
    }
}
