//! The language of a program: by the interpreter's name, or by what compilers leave in a binary.

use std::{fs::File, os::unix::fs::FileExt};

use super::{base_name, command::interpreter};

/// Sections that are looked at; a binary with more is not told.
const SECTIONS_MAX: u16 = 256;
/// Most of the section names, and of the compiler's comment, that is read.
const TEXT_MAX: u64 = 8 * 1024;

/// Returns `telemetry.sdk.language` for runtimes that the executable's name gives away.
pub(crate) fn by_name(executable: &str) -> Option<&'static str> {
    let base = base_name(executable);
    if base.starts_with("php-fpm") {
        return Some("php");
    }
    interpreter(base)?.language
}

/// Returns the language that a compiler left its mark of: Go or Rust. 64-bit ELF only.
pub(crate) fn of_binary(file: &File) -> Option<&'static str> {
    let head = read(file, 0, 64)?;
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (table, size) = (u64_at(&head, 0x28)?, u16_at(&head, 0x3a)?);
    let (count, names) = (u16_at(&head, 0x3c)?, u16_at(&head, 0x3e)?);
    if size != 64 || count > SECTIONS_MAX || names >= count {
        return None;
    }
    let sections = read(file, table, u64::from(count) * 64)?;
    let names = read_section(file, sections.get(usize::from(names) * 64..)?)?;
    let mut comment = None;
    for section in sections.chunks_exact(64) {
        let start = usize::try_from(u32_at(section, 0)?).ok()?;
        let name = names.get(start..).unwrap_or_default();
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        match name {
            b".go.buildinfo" | b".gopclntab" | b".note.go.buildid" => return Some("go"),
            b".comment" => comment = Some(section),
            _ => {}
        }
    }
    let comment = read_section(file, comment?)?;
    let is_rust = comment.windows(6).any(|window| window == b"rustc ");
    is_rust.then_some("rust")
}

fn read_section(file: &File, section: &[u8]) -> Option<Vec<u8>> {
    read(
        file,
        u64_at(section, 24)?,
        u64_at(section, 32)?.min(TEXT_MAX),
    )
}

fn read(file: &File, offset: u64, len: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len).ok()?];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
