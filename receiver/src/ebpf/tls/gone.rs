//! Libraries that running processes still map, and whose files were deleted or replaced: after an
//! upgrade of the package their paths lead nowhere, or to another file.
//!
//! Only the kernel can open them, through `/proc/PID/map_files`, and only for somebody with
//! `CAP_CHECKPOINT_RESTORE`: so this is done once, while the tap is loaded. What is deleted later
//! was probed before. Must not know what is in the files.

use std::{collections::HashMap, path::Path, sync::Arc};

use super::{
    files::{self, FileKey, Opened},
    watch::running,
};

/// Files that are held open.
const GONE_MAX: usize = 128;

/// The opened files, by process.
pub(crate) type GoneLibraries = HashMap<u32, Vec<Arc<Opened>>>;

/// Opens what is mapped under names of TLS libraries and is not where it was.
pub(crate) fn gone_libraries() -> GoneLibraries {
    let mut known: HashMap<FileKey, Arc<Opened>> = HashMap::new();
    let mut gone = GoneLibraries::new();
    for pid in running() {
        for (range, path) in files::deleted(pid) {
            let at = format!("/proc/{pid}/map_files/{range}");
            let Some(opened) = files::open(Path::new(&at), &path) else {
                continue;
            };
            if known.len() >= GONE_MAX && !known.contains_key(&opened.key) {
                continue;
            }
            let opened = known.entry(opened.key).or_insert_with(|| Arc::new(opened));
            gone.entry(pid).or_default().push(Arc::clone(opened));
        }
    }
    gone
}
