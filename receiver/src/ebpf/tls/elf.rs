//! Reads as much of an ELF file as finding functions takes: segments, sections, symbols by name.
//!
//! Files are hostile: every size is checked against a bound, and tables are read in pieces, so that
//! a file with a million symbols costs no more memory than one with ten.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use memchr::memmem::{self, Finder};
use object::{
    LittleEndian, ReadCache,
    elf::{self, FileHeader64, ProgramHeader64, SectionHeader64},
    read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _},
};

/// Tables longer than this are not read.
const TABLE_MAX: u64 = 512 * 1024 * 1024;
/// How much of a table is held at once; a multiple of a symbol.
const PIECE_BYTES: usize = 240 * 1024;
/// Segments and sections beyond these are not looked at.
const SEGMENTS_MAX: usize = 64;
const SECTIONS_MAX: usize = 256;
const SYMBOL_BYTES: usize = 24;
/// Longer names are not found, where a piece of a table ends in them.
const NAME_MAX: usize = 512;
const STT_FUNC: u8 = 2;
const STT_GNU_IFUNC: u8 = 10;

type Endian = LittleEndian;

/// A 64-bit little-endian file, opened.
pub(super) struct Elf<'f> {
    file: &'f File,
    segments: Vec<Segment>,
    sections: Vec<Section>,
}

struct Segment {
    address: u64,
    offset: u64,
    size: u64,
}

/// Where a section is.
#[derive(Clone, Debug)]
pub(super) struct Section {
    name: String,
    kind: u32,
    link: usize,
    /// In memory, before relocation.
    pub(super) address: u64,
    offset: u64,
    /// In bytes.
    pub(super) size: u64,
}

/// A function that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Symbol {
    /// Which of the names asked for.
    pub(super) name: usize,
    /// In memory, before relocation.
    pub(super) address: u64,
    /// In bytes.
    pub(super) size: u64,
}

/// Which functions are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name<'n> {
    /// By their name, which ends in a zero.
    Whole(&'n [u8]),
    /// By the end of a mangled path, whatever its crate's disambiguator and hash are.
    Rust {
        /// The crate, behind its length.
        root: &'n [u8],
        /// Type and function, each behind its length.
        path: &'n [u8],
    },
}

impl Name<'_> {
    fn finder(&self) -> Finder<'_> {
        match self {
            Self::Whole(name) | Self::Rust { path: name, .. } => Finder::new(name),
        }
    }

    /// Returns where the name begins that has the needle at `found`, if it is one asked for. Other
    /// names may end in a whole one, and share its bytes.
    fn start(&self, piece: &[u8], found: usize) -> Option<usize> {
        let Self::Rust { root, path } = self else {
            return Some(found);
        };
        let before = &piece[found.saturating_sub(NAME_MAX)..found];
        let len = before.iter().rev().position(|byte| *byte == 0)?;
        let start = found - len;
        // A hash in the older scheme, nothing in the newer one; what goes on is a closure.
        let after = &piece[found + path.len()..];
        let ends = after.first() == Some(&0) || after.starts_with(b"17h");
        (ends && memmem::find(&piece[start..found], root).is_some()).then_some(start)
    }
}

impl<'f> Elf<'f> {
    /// Reads the headers. `None` if it is no such file, or not a sane one.
    pub(super) fn open(file: &'f File) -> Option<Self> {
        let cache = ReadCache::new(file);
        let header = FileHeader64::<Endian>::parse(&cache).ok()?;
        let endian = header.endian().ok()?;
        if header.e_type.get(endian) != elf::ET_EXEC && header.e_type.get(endian) != elf::ET_DYN {
            return None;
        }
        let segments = header.program_headers(endian, &cache).ok()?;
        let segments = segments.iter().take(SEGMENTS_MAX);
        let loaded = |segment: &&ProgramHeader64<Endian>| {
            segment.p_type(endian) == elf::PT_LOAD && segment.p_flags(endian) & elf::PF_X != 0
        };
        let segments = segments.filter(loaded).map(|segment| Segment {
            address: segment.p_vaddr(endian),
            offset: segment.p_offset(endian),
            size: segment.p_filesz(endian),
        });
        let table = header.sections(endian, &cache).ok()?;
        let section = |section: &SectionHeader64<Endian>| Section {
            name: String::from_utf8_lossy(table.section_name(endian, section).unwrap_or_default())
                .into_owned(),
            kind: section.sh_type(endian),
            link: section.sh_link(endian) as usize,
            address: section.sh_addr(endian),
            offset: section.sh_offset(endian),
            size: section.sh_size(endian),
        };
        Some(Self {
            file,
            segments: segments.collect(),
            sections: table.iter().take(SECTIONS_MAX).map(section).collect(),
        })
    }

    /// Returns the section of a name.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Returns where in the file the instruction at an address is.
    pub(super) fn offset_of(&self, address: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let within = address.checked_sub(segment.address)?;
            (within < segment.size).then(|| segment.offset + within)
        })
    }

    /// Reads a whole section, if it is no longer than `max` bytes.
    pub(super) fn read_section(&self, section: &Section, max: u64) -> Option<Vec<u8>> {
        if section.size > max {
            return None;
        }
        self.read(section.offset, usize::try_from(section.size).ok()?)
    }

    /// Reads a part of the file.
    pub(super) fn read(&self, offset: u64, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }

    /// Finds functions by name: those a library offers, else all that were not stripped.
    pub(super) fn functions(&self, names: &[Name<'_>]) -> io::Result<Vec<Symbol>> {
        for kind in [elf::SHT_DYNSYM, elf::SHT_SYMTAB] {
            let table = self.sections.iter().find(|section| section.kind == kind);
            let Some(table) = table else { continue };
            let Some(strings) = self.sections.get(table.link) else {
                continue;
            };
            if table.size > TABLE_MAX || strings.size > TABLE_MAX {
                continue;
            }
            let found = self.symbols(table, &self.name_offsets(strings, names)?)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    /// Finds where names end in a string table: other names may end in them, and share their bytes.
    fn name_offsets(&self, strings: &Section, names: &[Name<'_>]) -> io::Result<Vec<(u32, usize)>> {
        let finders: Vec<Finder<'_>> = names.iter().map(Name::finder).collect();
        let mut offsets = Vec::new();
        self.pieces(strings, NAME_MAX, |at, piece| {
            for (index, (name, finder)) in names.iter().zip(&finders).enumerate() {
                let found = finder.find_iter(piece);
                let starts = found.filter_map(|found| name.start(piece, found));
                offsets.extend(starts.filter_map(|start| {
                    let offset = u32::try_from(at + start as u64).ok()?;
                    Some((offset, index))
                }));
            }
        })?;
        offsets.sort_unstable();
        offsets.dedup();
        Ok(offsets)
    }

    fn symbols(&self, table: &Section, names: &[(u32, usize)]) -> io::Result<Vec<Symbol>> {
        let mut found: Vec<Symbol> = Vec::new();
        if names.is_empty() {
            return Ok(found);
        }
        self.pieces(table, 0, |_, piece| {
            for symbol in piece.chunks_exact(SYMBOL_BYTES) {
                let name = u32::from_le_bytes(symbol[..4].try_into().expect("4 bytes"));
                let Ok(index) = names.binary_search_by_key(&name, |(offset, _)| *offset) else {
                    continue;
                };
                let kind = symbol[4] & 0xf;
                let section = u16::from_le_bytes([symbol[6], symbol[7]]);
                if (kind == STT_FUNC || kind == STT_GNU_IFUNC) && section != elf::SHN_UNDEF {
                    let number = |at: usize| {
                        u64::from_le_bytes(symbol[at..at + 8].try_into().expect("8 bytes"))
                    };
                    found.push(Symbol {
                        name: names[index].1,
                        address: number(8),
                        size: number(16),
                    });
                }
            }
        })?;
        found.dedup();
        Ok(found)
    }

    /// Reads a section piece by piece; each begins with the last `overlap` bytes of the one before.
    fn pieces(
        &self,
        section: &Section,
        overlap: usize,
        mut each: impl FnMut(u64, &[u8]),
    ) -> io::Result<()> {
        let mut piece = vec![0; PIECE_BYTES];
        let mut at = 0;
        while at < section.size {
            let left = usize::try_from(section.size - at).unwrap_or(usize::MAX);
            let piece = &mut piece[..left.min(PIECE_BYTES)];
            self.file.read_exact_at(piece, section.offset + at)?;
            each(at, piece);
            if left <= PIECE_BYTES {
                break;
            }
            at += (PIECE_BYTES - overlap) as u64;
        }
        Ok(())
    }
}
