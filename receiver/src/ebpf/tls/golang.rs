//! Go programs: which version built one, where its functions are even if it was stripped, and where
//! they return.
//!
//! Go's stacks move, and a return address that was replaced would be followed after the move; so
//! every return instruction is a site of its own. Which bytes those are takes a disassembler on
//! x86; on arm64 instructions have one length.

use super::elf::{Elf, Section};

/// Built with arguments in registers, and with a version that can be read in place.
const MINOR_MIN: u32 = 18;
const BUILD_INFO_MAGIC: &[u8] = b"\xff Go buildinf:";
/// The version is in place, not behind a pointer.
const BUILD_INFO_INLINE: u8 = 2;
const BUILD_INFO_BYTES: usize = 128;
/// Tables of functions longer than this are not read.
const TABLE_MAX: u64 = 128 * 1024 * 1024;
const MAGIC_1_18: u32 = 0xffff_fff0;
const MAGIC_1_20: u32 = 0xffff_fff1;
/// `runtime.moduledata`, as far as we read it: its first word is where the table is, and word 22
/// where the code begins, which since 1.26 the table does not say.
const MODULE_BYTES: usize = 23 * 8;
/// Go checks first whether the stack has room, against a field of `g`; within so many bytes.
const PROLOGUE_BYTES: usize = 24;
/// More returns than this has no function that we look for.
const RETURNS_MAX: usize = 256;

/// A function of a Go program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Function {
    /// Which of the names asked for.
    pub(super) name: usize,
    /// In memory, before relocation.
    pub(super) address: u64,
    /// In bytes.
    pub(super) size: u64,
}

/// Returns whether Go built the file.
pub(super) fn is_go(elf: &Elf<'_>) -> bool {
    elf.section(".go.buildinfo").is_some() || table(elf).is_some()
}

/// Returns whether its version is one whose functions take arguments where we look for them.
pub(super) fn is_new_enough(elf: &Elf<'_>) -> bool {
    let Some(info) = elf.section(".go.buildinfo") else {
        // Somebody took even that out; the form of the table came with 1.20.
        let start = table(elf).and_then(|table| start_of(elf, table, 4));
        return start.is_some_and(|start| start == MAGIC_1_20.to_le_bytes());
    };
    let minor = start_of(elf, info, BUILD_INFO_BYTES).and_then(|info| minor(&info));
    minor.is_some_and(|minor| minor >= MINOR_MIN)
}

fn table<'e>(elf: &'e Elf<'_>) -> Option<&'e Section> {
    elf.section(".gopclntab")
        .or(elf.section(".data.rel.ro.gopclntab"))
}

/// Reads the start of a section, or all of it if it is shorter.
fn start_of(elf: &Elf<'_>, section: &Section, max: usize) -> Option<Vec<u8>> {
    let mut start = section.clone();
    start.size = start.size.min(max as u64);
    elf.read_section(&start, max as u64)
}

/// Returns where the code begins that the table counts from, where it does not say so itself.
fn text(elf: &Elf<'_>, table: &Section) -> u64 {
    let section = elf.section(".text").map_or(0, |text| text.address);
    let module = elf.section(".go.module");
    let module = module.and_then(|module| start_of(elf, module, MODULE_BYTES));
    let word = |at: usize| {
        let bytes = module.as_ref()?.get(8 * at..8 * at + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    // In a file that is relocated they are still to be filled in.
    let is_filled = word(0) == Some(table.address);
    word(22).filter(|_| is_filled).unwrap_or(section)
}

/// Returns whether code begins like a function of Go that may need more stack: that there is a
/// function where the table says, and that the table was understood.
pub(super) fn is_prologue(code: &[u8]) -> bool {
    // cmp SP, 16(R14), or R12 instead of SP; on arm64 ldr X16, [X28, #16].
    let checks: &[u8] = if cfg!(target_arch = "x86_64") {
        &[0x3b, 0x66, 0x10]
    } else {
        &[0x90, 0x0b, 0x40, 0xf9]
    };
    let start = &code[..code.len().min(PROLOGUE_BYTES)];
    start.windows(checks.len()).any(|window| window == checks)
}

/// Reads `go1.22.3` behind the magic number, its pointer size, its flags and its own length.
fn minor(info: &[u8]) -> Option<u32> {
    let rest = info.strip_prefix(BUILD_INFO_MAGIC)?;
    if rest.get(1)? & BUILD_INFO_INLINE == 0 {
        return None;
    }
    let version = info.get(33..33 + usize::from(*info.get(32)?))?;
    let version = std::str::from_utf8(version).ok()?;
    let at = version.find("go1.")?;
    let digits = version.get(at + 4..)?;
    let end = digits.find(|c: char| !c.is_ascii_digit());
    digits.get(..end.unwrap_or(digits.len()))?.parse().ok()
}

/// Finds functions in the table that the runtime itself needs, which stripping leaves.
pub(super) fn functions(elf: &Elf<'_>, names: &[&str]) -> Option<Vec<Function>> {
    let section = table(elf)?;
    let table = elf.read_section(section, TABLE_MAX)?;
    in_table(&table, text(elf, section), names)
}

fn in_table(table: &[u8], text: u64, names: &[&str]) -> Option<Vec<Function>> {
    let word = |at: usize| Some(u64::from_le_bytes(table.get(at..at + 8)?.try_into().ok()?));
    let half = |at: usize| Some(u32::from_le_bytes(table.get(at..at + 4)?.try_into().ok()?));
    let index = |at: usize| word(at).and_then(|value| usize::try_from(value).ok());
    if ![MAGIC_1_18, MAGIC_1_20].contains(&half(0)?) || *table.get(7)? != 8 {
        return None;
    }
    let count = index(8)?;
    let text = word(24).filter(|start| *start != 0).unwrap_or(text);
    let (strings, entries) = (index(32)?, index(64)?);
    let mut found = Vec::new();
    for number in 0..count.min(table.len() / 8) {
        let at = entries.checked_add(number * 8)?;
        let (entry, info) = (half(at)?, half(at + 4)?);
        let name = half(entries.checked_add(info as usize)?.checked_add(4)?)?;
        let name = table.get(strings.checked_add(name as usize)?..)?;
        let is_name = |wanted: &&str| {
            name.get(wanted.len()) == Some(&0) && name.starts_with(wanted.as_bytes())
        };
        if let Some(name) = names.iter().position(is_name) {
            found.push(Function {
                name,
                address: text.checked_add(entry.into())?,
                size: u64::from(half(at + 8)?.checked_sub(entry)?),
            });
        }
    }
    Some(found)
}

/// Returns where the instructions that return stand in the code of a function. `None` if it cannot
/// be told: then it must not be probed.
pub(super) fn returns(code: &[u8]) -> Option<Vec<u64>> {
    let found = decode(code)?;
    (1..=RETURNS_MAX).contains(&found.len()).then_some(found)
}

#[cfg(target_arch = "x86_64")]
fn decode(code: &[u8]) -> Option<Vec<u64>> {
    use iced_x86::{Code, Decoder, DecoderOptions, Mnemonic};

    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let mut found = Vec::new();
    while decoder.can_decode() {
        let instruction = decoder.decode();
        match instruction.code() {
            Code::INVALID => return None,
            _ if instruction.mnemonic() == Mnemonic::Ret => found.push(instruction.ip()),
            _ => {}
        }
    }
    Some(found)
}

#[cfg(target_arch = "aarch64")]
#[expect(clippy::unnecessary_wraps, reason = "other targets can fail")]
fn decode(code: &[u8]) -> Option<Vec<u64>> {
    const RET: [u8; 4] = [0xc0, 0x03, 0x5f, 0xd6];
    let words = code.chunks_exact(4).enumerate();
    let found = words.filter(|(_, word)| *word == RET);
    Some(found.map(|(index, _)| 4 * index as u64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(version: &str, flags: u8) -> Vec<u8> {
        let mut info = [BUILD_INFO_MAGIC, &[8, flags]].concat();
        info.resize(32, 0);
        info.push(u8::try_from(version.len()).expect("short"));
        info.extend(version.as_bytes());
        info
    }

    #[test]
    fn reads_the_version_that_built_it() {
        assert_eq!(minor(&info("go1.19.8", 2)), Some(19));
        assert_eq!(minor(&info("devel go1.25-abc", 2)), Some(25));
        assert_eq!(minor(&info("go1.17", 0)), None);
        assert_eq!(minor(&info("something", 2)), None);
        for len in 0..40 {
            let cut = info("go1.19.8", 2);
            let _ = minor(&cut[..len]);
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn finds_returns_and_not_bytes_that_look_like_one() {
        // mov eax, 0xc3; ret; int3; pop rbp; ret
        let code = [0xb8, 0xc3, 0, 0, 0, 0xc3, 0xcc, 0x5d, 0xc3];
        assert_eq!(returns(&code), Some(vec![5, 8]));
        assert_eq!(returns(&[0x90]), None, "no return");
        assert_eq!(returns(&[0xc3, 0x06]), None, "no instruction");
    }

    /// A table with two functions, as Go 1.20 writes it.
    fn table() -> Vec<u8> {
        let mut table = MAGIC_1_20.to_le_bytes().to_vec();
        table.extend([0, 0, 1, 8]);
        for word in [2_u64, 0, 0x1000, 72, 0, 0, 0, 96] {
            table.extend(word.to_le_bytes());
        }
        table.extend(b"main.main\0main.other\0\0\0\0"); // at 72
        assert_eq!(table.len(), 96);
        for half in [0x10_u32, 20, 0x50, 28, 0x90, 0x10, 0, 0x50, 10] {
            table.extend(half.to_le_bytes());
        }
        table
    }

    #[test]
    fn finds_functions_of_a_stripped_program() {
        let found = in_table(&table(), 0, &["main.other"]);
        let other = Function {
            name: 0,
            address: 0x1050,
            size: 0x40,
        };
        assert_eq!(found, Some(vec![other]));
        assert_eq!(in_table(&table(), 0, &["main.oth"]), Some(vec![]));
    }

    #[test]
    fn a_damaged_table_is_no_table() {
        let table = table();
        for len in 0..table.len() {
            let _ = in_table(&table[..len], 0, &["main.other"]);
            let mut damaged = table.clone();
            damaged[len] ^= 0xff;
            let _ = in_table(&damaged, 0, &["main.other"]);
        }
    }
}
