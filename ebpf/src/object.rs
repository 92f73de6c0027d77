//! The object as an older kernel can take it.
//!
//! Every map is created when the object is loaded, whoever uses it, and one that the kernel does
//! not know fails all of it. So storage in tasks, which came with 5.11 and which only programs for
//! newer kernels use, becomes a hash of one entry. It is the description of the maps that is
//! changed, BTF, in which a map's type is the length of an array.

use std::borrow::Cow;

use crate::Plan;

/// Maps that are storage in tasks.
pub(crate) const TASK_STORAGES: [&str; 4] = ["batches", "marks", "tls_threads", "uring_threads"];

const MAP_TYPE_HASH: u32 = 1;
const MAP_TYPE_TASK_STORAGE: u32 = 29;
const MAGIC: [u8; 4] = [0x9f, 0xeb, 1, 0];
const KIND_INT: u32 = 1;
const KIND_ARRAY: u32 = 3;

/// Returns the object as a kernel that was planned for can take it.
pub(crate) fn planned<'o>(object: &'o [u8], plan: &Plan) -> Cow<'o, [u8]> {
    if plan.has_task_storage() {
        Cow::Borrowed(object)
    } else {
        Cow::Owned(without_task_storage(object))
    }
}

/// Returns the object with hashes in the place of task storage.
fn without_task_storage(object: &[u8]) -> Vec<u8> {
    let mut changed = object.to_vec();
    // Alignment of the section is not known here, and the magic number stands nowhere else.
    let starts = object.windows(MAGIC.len()).enumerate();
    let starts = starts.filter_map(|(at, bytes)| (bytes == MAGIC).then_some(at));
    for start in starts {
        for length in array_lengths(object, start).unwrap_or_default() {
            if word(object, length) == Some(MAP_TYPE_TASK_STORAGE) {
                changed[length..length + 4].copy_from_slice(&MAP_TYPE_HASH.to_ne_bytes());
            }
        }
    }
    changed
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_ne_bytes(bytes))
}

/// Walks the types of BTF and returns where the lengths of arrays stand; nothing if it is no BTF.
fn array_lengths(bytes: &[u8], btf: usize) -> Option<Vec<usize>> {
    let at = |offset: usize| word(bytes, btf + offset).map(|word| word as usize);
    let mut place = btf + at(4)? + at(8)?;
    let end = place + at(12)?;
    let mut found = Vec::new();
    while place < end {
        let info = word(bytes, place + 4)?;
        let (kind, entries) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
        if kind == KIND_ARRAY {
            found.push(place + 12 + 8);
        }
        place += 12 + extra(kind, entries)?;
    }
    Some(found)
}

/// Returns how many bytes follow a type of a kind.
fn extra(kind: u32, entries: usize) -> Option<usize> {
    Some(match kind {
        // Pointer, forward, typedef, volatile, const, restrict, function, float, type tag.
        2 | 7..=12 | 16 | 18 => 0,
        // Integer, variable's linkage, declaration tag.
        KIND_INT | 14 | 17 => 4,
        KIND_ARRAY => 12,
        // Structure, union, variables of a section, 64-bit enumeration.
        4 | 5 | 15 | 19 => 12 * entries,
        // Enumeration, function prototype.
        6 | 13 => 8 * entries,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_arch = "x86_64")]
    static OBJECT: &[u8] = include_bytes!("../objects/tapline.x86_64.o");
    #[cfg(target_arch = "aarch64")]
    static OBJECT: &[u8] = include_bytes!("../objects/tapline.aarch64.o");

    #[test]
    fn changes_the_type_of_the_storages_and_nothing_else() {
        let changed = without_task_storage(OBJECT);
        assert_eq!(changed.len(), OBJECT.len());
        let pairs = OBJECT.iter().zip(&changed);
        let different: Vec<(u8, u8)> = pairs
            .filter(|(before, after)| before != after)
            .map(|(before, after)| (*before, *after))
            .collect();
        // One array type is shared by all maps of a type.
        assert_eq!(different, [(29, 1)]);
    }

    #[test]
    fn leaves_alone_what_is_no_object() {
        for bytes in [&b""[..], &MAGIC, &[0xff; 100]] {
            assert_eq!(without_task_storage(bytes), bytes);
        }
    }
}
