//! Profiles with all indexes followed: a line for what was measured, one for each sample, and one
//! for each frame of its stack, the innermost first.
//!
//! ```text
//! profile "cpu" "nanoseconds" 1s period=50000000 "cpu" "nanoseconds" id=5b8e…
//!   thread.name="worker"
//!   sample 5 7 trace=7af1… span=02c4… | thread.id=7
//!     frame 0x401000 "memcpy"@"string.c":10:4 "pay"@"pay.c" in "/bin/shop"
//! ```

use super::{
    Page,
    value::{Equals, Present, Took},
};
use crate::view::{Dictionary, Location, Profile, Sample};

pub(super) fn put_profile<'a>(page: &mut Page, all: &Dictionary<'a>, profile: &Profile<'a>) {
    let what = profile.sample_type();
    let (kind, unit) = (all.string(what.kind_index), all.string(what.unit_index));
    page.put(format_args!(
        "    profile {kind:?} {unit:?} {}",
        Took(profile.duration_ns())
    ));
    let per = profile.period_type();
    let (kind, unit) = (all.string(per.kind_index), all.string(per.unit_index));
    if profile.period() != 0 || !kind.is_empty() || !unit.is_empty() {
        page.put(format_args!(
            " period={} {kind:?} {unit:?}",
            profile.period()
        ));
    }
    page.line(format_args!(" id={}", Present(profile.profile_id())));
    let mut attributes = profile.attribute_indices().peekable();
    if attributes.peek().is_some() {
        page.put(format_args!("     "));
        put_attributes(page, all, attributes);
        page.line(format_args!(""));
    }
    for sample in profile.samples() {
        if page.is_full() {
            return;
        }
        put_sample(page, all, &sample);
    }
}

fn put_sample<'a>(page: &mut Page, all: &Dictionary<'a>, sample: &Sample<'a>) {
    page.put(format_args!("      sample"));
    for value in sample.values() {
        page.put(format_args!(" {value}"));
    }
    let link = all.link(sample.link_index());
    if !link.trace_id().is_empty() || !link.span_id().is_empty() {
        let (trace_id, span_id) = (Present(link.trace_id()), Present(link.span_id()));
        page.put(format_args!(" trace={trace_id} span={span_id}"));
    }
    let mut attributes = sample.attribute_indices().peekable();
    if attributes.peek().is_some() {
        page.put(format_args!(" |"));
        put_attributes(page, all, attributes);
    }
    page.line(format_args!(""));
    let stack = all.stack(sample.stack_index());
    for index in stack.location_indices() {
        if page.is_full() {
            return;
        }
        put_frame(page, all, &all.location(index));
    }
}

fn put_frame(page: &mut Page, all: &Dictionary<'_>, location: &Location<'_>) {
    page.put(format_args!("        frame {:#x}", location.address()));
    for line in location.lines() {
        let function = all.function(line.function_index);
        page.put(format_args!(" {:?}", all.string(function.name_index())));
        let file = all.string(function.file_index());
        if !file.is_empty() || line.line != 0 || line.column != 0 {
            page.put(format_args!("@{file:?}"));
        }
        if line.line != 0 || line.column != 0 {
            page.put(format_args!(":{}", line.line));
        }
        if line.column != 0 {
            page.put(format_args!(":{}", line.column));
        }
    }
    let file = all.string(all.mapping(location.mapping_index()).file_index());
    if !file.is_empty() {
        page.put(format_args!(" in {file:?}"));
    }
    page.line(format_args!(""));
}

fn put_attributes(page: &mut Page, all: &Dictionary<'_>, indices: impl Iterator<Item = i32>) {
    for index in indices {
        let (key, value) = all.pair(all.attribute(index));
        page.put(format_args!(" {}", Equals(&key, &value)));
    }
}
