//! Where to probe a file: the functions of a TLS library in it, by their names.
//!
//! Must not know processes, or how probes are attached.

use std::fs::File;

use tapline_ebpf::tls::{Convention, Function, Site, Sites};

use super::{elf::Elf, golang};

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
const C_FUNCTIONS: [(&str, Function); 10] = [
    ("SSL_read", Function::Read),
    ("SSL_write", Function::Write),
    ("SSL_read_ex", Function::ReadEx),
    ("SSL_write_ex", Function::WriteEx),
    ("SSL_do_handshake", Function::Handshake),
    ("SSL_free", Function::Free),
    ("gnutls_record_recv", Function::Read),
    ("gnutls_record_send", Function::Write),
    ("gnutls_handshake", Function::Handshake),
    ("gnutls_deinit", Function::Free),
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
        c(&elf)
    }
}

fn c(elf: &Elf<'_>) -> Found {
    let names = C_FUNCTIONS.map(|(name, _)| name);
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
        let function = C_FUNCTIONS[symbol.name].1;
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
        let Some(back) = elf
            .read(start, size)
            .and_then(|code| golang::returns(&code))
        else {
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
    let has = |function| entries.iter().any(|site| site.function == function);
    if has(Function::Read) && has(Function::Write) {
        Found::Sites(Sites {
            convention,
            entries,
            returns,
        })
    } else {
        Found::Nothing
    }
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
