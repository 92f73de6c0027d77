//! Every metric name of `file_storage`. Each series is labelled with the `owner` of the log.

/// What a log occupies, with what is removed and not yet given back.
pub(super) const BYTES: (&str, &str) = (
    "tapline_file_storage_bytes",
    "Bytes that the log of this owner occupies on disk.",
);
/// What a log lost to damage.
pub(super) const DAMAGED: (&str, &str) = (
    "tapline_file_storage_damaged_records",
    "Records that were skipped because the file is damaged.",
);
