//! Reads the structs that a compiled object describes: just enough ELF and BTF for `abi.rs`.

use std::collections::BTreeMap;

const KIND_STRUCT: u32 = 4;

/// A struct as clang laid it out.
pub(crate) struct Layout {
    /// Size in bytes.
    pub(crate) size: usize,
    /// Offset in bytes, by member name.
    pub(crate) members: BTreeMap<String, usize>,
}

/// Returns every named struct of the object's `.BTF` section.
pub(crate) fn structs(object: &[u8]) -> BTreeMap<String, Layout> {
    let btf = section(object, ".BTF");
    let header = u32_at(btf, 4) as usize;
    let types = &btf[header + u32_at(btf, 8) as usize..][..u32_at(btf, 12) as usize];
    let strings = &btf[header + u32_at(btf, 16) as usize..][..u32_at(btf, 20) as usize];
    let mut found = BTreeMap::new();
    let mut at = 0;
    while at < types.len() {
        let info = u32_at(types, at + 4);
        let (kind, count) = ((info >> 24) & 0x1f, (info & 0xffff) as usize);
        if kind == KIND_STRUCT {
            let members = (0..count).map(|index| {
                let member = at + 12 + index * 12;
                let bits = u32_at(types, member + 8) & 0x00ff_ffff;
                (text(strings, u32_at(types, member)), (bits / 8) as usize)
            });
            let size = u32_at(types, at + 8) as usize;
            let layout = Layout {
                size,
                members: members.collect(),
            };
            found.insert(text(strings, u32_at(types, at)), layout);
        }
        at += 12 + trailing_bytes(kind, count);
    }
    found
}

/// What follows the twelve common bytes of a type, by its kind (Documentation/bpf/btf.rst).
fn trailing_bytes(kind: u32, count: usize) -> usize {
    match kind {
        1 | 14 | 17 => 4,              // int, var, decl tag
        3 => 12,                       // array
        4 | 5 | 15 | 19 => 12 * count, // struct, union, datasec, enum64
        6 | 13 => 8 * count,           // enum, function prototype
        _ => 0,
    }
}

/// Finds a section of a little-endian 64-bit ELF file by name.
pub(crate) fn section<'o>(object: &'o [u8], name: &str) -> &'o [u8] {
    let table = u64_at(object, 0x28);
    let count = usize::from(u16_at(object, 0x3c));
    let names = table + usize::from(u16_at(object, 0x3e)) * 64;
    let names = &object[u64_at(object, names + 24)..][..u64_at(object, names + 32)];
    for index in 0..count {
        let header = table + index * 64;
        if text(names, u32_at(object, header)) == name {
            return &object[u64_at(object, header + 24)..][..u64_at(object, header + 32)];
        }
    }
    panic!("the object has no section {name}")
}

fn text(strings: &[u8], at: u32) -> String {
    let rest = &strings[at as usize..];
    let end = rest
        .iter()
        .position(|byte| *byte == 0)
        .expect("strings end with NUL");
    String::from_utf8_lossy(&rest[..end]).into_owned()
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("two bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> usize {
    usize::try_from(u64::from_le_bytes(
        bytes[at..at + 8].try_into().expect("eight bytes"),
    ))
    .expect("fits")
}
