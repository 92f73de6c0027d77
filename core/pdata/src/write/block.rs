//! Writes what surrounds records: the resource, the scope and the framing of both.

use super::Attributes;
use crate::{
    Signal,
    number::{request, resource as resource_number, resource_block, scope, scope_block},
    wire::write as wire,
};

/// The instrumentation scope that records belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The name of what made the records.
    pub name: &'a str,
    /// Its version; may be empty.
    pub version: &'a str,
}

/// Writes the body of a `Resource`. Allocates the buffer it returns, so keep it for reuse.
pub fn resource(build: impl FnOnce(&mut Attributes<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    build(&mut Attributes::new(&mut out, resource_number::ATTRIBUTES));
    out
}

/// Appends one `ResourceSpans`, `ResourceMetrics` or `ResourceLogs` with one scope.
///
/// `resource` is what [`resource`](fn@resource) returned, `records` is what the record writers of
/// the same signal appended. Copies `records` once; nothing is patched, all lengths are known.
pub fn resource_block(
    out: &mut Vec<u8>,
    signal: Signal,
    resource: &[u8],
    scope: &Scope<'_>,
    records: &[u8],
) {
    debug_assert_ne!(
        signal,
        Signal::Profiles,
        "profiles need a dictionary beside their blocks"
    );
    let optional = |number, text: &str| match text.len() {
        0 => 0,
        len => wire::field_len(number, len),
    };
    let scope_len = optional(scope::NAME, scope.name) + optional(scope::VERSION, scope.version);
    let scope_block_len = wire::field_len(scope_block::SCOPE, scope_len) + records.len();
    let resource_block_len = wire::field_len(resource_block::RESOURCE, resource.len())
        + wire::field_len(resource_block::SCOPES, scope_block_len);

    out.reserve(wire::field_len(request::RESOURCES, resource_block_len));
    wire::head(out, request::RESOURCES, resource_block_len);
    wire::bytes(out, resource_block::RESOURCE, resource);
    wire::head(out, resource_block::SCOPES, scope_block_len);
    wire::head(out, scope_block::SCOPE, scope_len);
    wire::bytes_unless_empty(out, scope::NAME, scope.name.as_bytes());
    wire::bytes_unless_empty(out, scope::VERSION, scope.version.as_bytes());
    out.extend_from_slice(records);
}
