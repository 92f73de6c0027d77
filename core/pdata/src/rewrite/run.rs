//! Walks a batch and shows what it finds to the transforms.
//!
//! That transforms share a walk must not show: each sees surroundings with the edits of itself and
//! those before it, and when one drops a scope those before it still see the records, so that each
//! dropped item is counted for the transform that would have dropped it alone.

use std::{mem, ops::Range, sync::Arc};

use super::{
    Keep, LogEdit, MetricEdit, Passed, PointEdit, PointKind, Reach, ResourceEdit, ScopeEdit,
    SpanEdit, Surroundings, Transform,
    edit::{Edit, Fate, Store},
    output::Output,
};
use crate::{
    Batch, Origin, Signal,
    number::{data, request, resource_block, scope_block},
    split::count,
    view::{Metric, Record, Resource, Scope},
    wire::{
        read::{Fields, Payload},
        write as wire,
    },
};

/// A delimited field of the message being walked.
struct Part<'a> {
    number: u32,
    whole: Range<usize>,
    body: &'a [u8],
}

fn parts(body: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let mut fields = Fields::new(body);
    std::iter::from_fn(move || {
        loop {
            let from = fields.at();
            let field = fields.next()?;
            if let Payload::Bytes(body) = field.payload {
                return Some(Part {
                    number: field.number,
                    whole: from..fields.at(),
                    body,
                });
            }
        }
    })
}

/// A surrounding message, as each transform left it.
#[derive(Default)]
struct Around<'a> {
    source: &'a [u8],
    bytes: Vec<u8>,
    /// Where in `bytes` it is after each transform; `None` while it is as it came.
    after: Vec<Option<Range<usize>>>,
}

impl<'a> Around<'a> {
    fn reset(&mut self, source: &'a [u8]) {
        self.source = source;
        self.bytes.clear();
        self.after.clear();
    }

    /// Notes how the next transform left it.
    fn note(&mut self, edit: &mut Edit<'_>) {
        let mut now = self.after.last().cloned().flatten();
        if edit.store.take_fresh() {
            let from = self.bytes.len();
            edit.write(&mut self.bytes);
            now = Some(from..self.bytes.len());
        }
        self.after.push(now);
    }

    fn seen_by(&self, transform: usize) -> &[u8] {
        match self.after.get(transform) {
            Some(Some(range)) => &self.bytes[range.clone()],
            _ => self.source,
        }
    }

    /// Returns what is to be written, if it is not as it came.
    fn changed(&self) -> Option<&[u8]> {
        let range = self.after.last()?.clone()?;
        Some(&self.bytes[range])
    }
}

pub(super) fn run(transforms: &[Arc<dyn Transform>], batch: &Batch) -> Passed {
    let mut run = Run {
        transforms,
        signal: batch.signal(),
        origin: batch.origin().map(AsRef::as_ref),
        limit: transforms.len(),
        dropped: vec![0; transforms.len()],
        resource: Around::default(),
        scope: Around::default(),
        metric: Around::default(),
        store: Store::default(),
        out: Output::default(),
    };
    for chunk in batch.chunks() {
        run.out.begin(chunk);
        for part in parts(chunk).filter(|part| part.number == request::RESOURCES) {
            run.resource_block(&part);
        }
        run.out.end();
    }
    let lost: u32 = run.dropped.iter().sum();
    Passed {
        batch: batch.derived(run.out.finish(), batch.items().saturating_sub(lost)),
        dropped: run.dropped,
    }
}

struct Run<'a> {
    transforms: &'a [Arc<dyn Transform>],
    signal: Signal,
    origin: Option<&'a Origin>,
    /// Transforms from here on do not see what is walked now: one dropped what surrounds it.
    limit: usize,
    dropped: Vec<u32>,
    resource: Around<'a>,
    scope: Around<'a>,
    metric: Around<'a>,
    store: Store,
    out: Output<'a>,
}

/// Views what surrounds the thing that transform `$at` is shown. A macro, because it borrows single
/// fields of the run.
macro_rules! surroundings {
    ($run:ident, $at:expr, $scope:expr, $metric:expr) => {
        Surroundings {
            signal: $run.signal,
            resource: Resource::from_wire($run.resource.seen_by($at)),
            scope: Scope::from_wire($scope),
            metric: Metric::from_wire($metric),
            origin: $run.origin,
        }
    };
}

impl<'a> Run<'a> {
    /// Says whether a transform that still counts looks as deep as this.
    fn reaches(&self, reach: Reach) -> bool {
        let mut active = self.transforms[..self.limit].iter();
        active.any(|transform| transform.reach() >= reach)
    }

    fn resource_block(&mut self, part: &Part<'a>) {
        let found = parts(part.body).filter(|part| part.number == resource_block::RESOURCE);
        let found = found.last();
        let dropped_by = self.show_resource(found.as_ref().map_or(&[], |part| part.body));
        if dropped_by.is_none() && !self.reaches(Reach::Scope) {
            return self.splice_resource(part, found.map_or(0..0, |part| part.whole));
        }
        self.out.enter(part.number, part.whole.clone(), part.body);
        let before = self.begin(dropped_by);
        self.write_around(part.body, Reach::Resource, |run, inner| {
            if inner.number == resource_block::SCOPES {
                run.scope_block(inner);
            }
        });
        self.end(dropped_by, before, 1, part.body);
    }

    /// Writes a block of which only the resource, at `old`, was changed: what comes behind it
    /// stays part of the run of untouched bytes.
    fn splice_resource(&mut self, part: &Part<'a>, old: Range<usize>) {
        const NUMBER: u32 = resource_block::RESOURCE;
        let Some(new) = self.resource.changed() else {
            return;
        };
        let behind = part.body.len() - old.end;
        let out = self.out.replace_start(part.whole.clone(), behind);
        let len = old.start + wire::field_len(NUMBER, new.len()) + behind;
        wire::head(out, part.number, len);
        out.extend_from_slice(&part.body[..old.start]);
        wire::bytes(out, NUMBER, new);
    }

    fn scope_block(&mut self, part: &Part<'a>) {
        self.out.enter(part.number, part.whole.clone(), part.body);
        let found = parts(part.body).filter(|part| part.number == scope_block::SCOPE);
        let dropped_by = self.show_scope(found.last().map_or(&[], |part| part.body));
        let before = self.begin(dropped_by);
        let deep = self.signal != Signal::Profiles && self.reaches(Reach::Record);
        self.write_around(part.body, Reach::Scope, |run, inner| {
            if inner.number != scope_block::RECORDS {
                return;
            }
            match run.signal {
                _ if !deep => run.out.keep(),
                Signal::Metrics => run.metric(inner),
                _ => run.record(inner),
            }
        });
        self.end(dropped_by, before, 2, part.body);
    }

    /// Walks a block and writes its resource or scope, if that was changed. Both are field 1.
    fn write_around(
        &mut self,
        body: &'a [u8],
        reach: Reach,
        mut inner: impl FnMut(&mut Self, &Part<'a>),
    ) {
        const NUMBER: u32 = resource_block::RESOURCE;
        const _: () = assert!(resource_block::RESOURCE == scope_block::SCOPE);
        let around = match reach {
            Reach::Resource => &mut self.resource,
            _ => &mut self.scope,
        };
        // Transforms look at it while the records are walked; writing needs a copy of its own.
        let changed = around.changed().map(<[u8]>::to_vec);
        let mut missing = changed.as_deref();
        if parts(body).any(|part| part.number == NUMBER) {
            missing = None;
        }
        if let Some(bytes) = missing {
            wire::bytes(self.out.replace(0..0), NUMBER, bytes);
        }
        for part in parts(body) {
            match &changed {
                Some(bytes) if part.number == NUMBER => {
                    wire::bytes(self.out.replace(part.whole), NUMBER, bytes);
                }
                _ => inner(self, &part),
            }
        }
    }

    /// Begins what transform `dropped_by` dropped: those before it still see what is inside.
    /// Returns how much was dropped so far, and the limit to return to.
    fn begin(&mut self, dropped_by: Option<usize>) -> (u32, usize) {
        let limit = dropped_by.unwrap_or(self.limit);
        let before = mem::replace(&mut self.limit, limit);
        (self.dropped.iter().sum(), before)
    }

    fn end(
        &mut self,
        dropped_by: Option<usize>,
        (dropped, limit): (u32, usize),
        level: usize,
        body: &[u8],
    ) {
        self.limit = limit;
        let Some(transform) = dropped_by else {
            return self.out.leave();
        };
        let counted = self.dropped.iter().sum::<u32>() - dropped;
        let all = count(self.signal, level, body);
        self.dropped[transform] += all.saturating_sub(counted);
        self.out.abandon();
    }

    fn show_resource(&mut self, source: &'a [u8]) -> Option<usize> {
        self.resource.reset(source);
        self.store.reset();
        for (at, transform) in self.transforms[..self.limit].iter().enumerate() {
            let mut edit = ResourceEdit(Edit {
                body: source,
                store: &mut self.store,
            });
            // Itself is shown as it was before this transform.
            let keep = transform.resource(
                &surroundings!(self, at.wrapping_sub(1), &[], &[]),
                &mut edit,
            );
            self.resource.note(&mut edit.0);
            if keep == Keep::No {
                return Some(at);
            }
        }
        None
    }

    fn show_scope(&mut self, source: &'a [u8]) -> Option<usize> {
        self.scope.reset(source);
        self.store.reset();
        for (at, transform) in self.transforms[..self.limit].iter().enumerate() {
            let mut edit = ScopeEdit(Edit {
                body: source,
                store: &mut self.store,
            });
            let keep = if transform.reach() >= Reach::Scope {
                let before = self.scope.seen_by(at.wrapping_sub(1));
                transform.scope(&surroundings!(self, at, before, &[]), &mut edit)
            } else {
                Keep::Yes
            };
            self.scope.note(&mut edit.0);
            if keep == Keep::No {
                return Some(at);
            }
        }
        None
    }

    /// Shows a span or a log record, and writes what became of it.
    fn record(&mut self, part: &Part<'a>) {
        self.store.reset();
        for (at, transform) in self.transforms[..self.limit].iter().enumerate() {
            if transform.reach() < Reach::Record {
                continue;
            }
            let cx = surroundings!(self, at, self.scope.seen_by(at), &[]);
            let edit = Edit {
                body: part.body,
                store: &mut self.store,
            };
            let keep = match self.signal {
                Signal::Traces => transform.span(&cx, &mut SpanEdit(edit)),
                _ => transform.log(&cx, &mut LogEdit(edit)),
            };
            if keep == Keep::No {
                self.dropped[at] += 1;
                return self.out.drop_child(part.whole.clone());
            }
        }
        self.write_record(part);
    }

    fn write_record(&mut self, part: &Part<'a>) {
        self.out.keep();
        if !self.store.changed() {
            return;
        }
        let edit = Edit {
            body: part.body,
            store: &mut self.store,
        };
        let out = self.out.replace(part.whole.clone());
        wire::head(out, part.number, edit.len());
        edit.write(out);
    }

    fn metric(&mut self, part: &Part<'a>) {
        self.metric.reset(part.body);
        self.store.reset();
        let dropped_by = self.show_metric(part.body);
        let before = self.begin(dropped_by);
        let points = self.reaches(Reach::Point);
        if dropped_by.is_none() && !points {
            self.end_limit(before);
            return self.write_record(part);
        }
        self.out.enter(part.number, part.whole.clone(), part.body);
        if points {
            // Points need the store while the metric's own edits are being written.
            let mut store = mem::take(&mut self.store);
            store.index(part.body);
            self.write_metric(part.body, &store);
            self.store = store;
        }
        self.end(dropped_by, before, 3, part.body);
    }

    fn end_limit(&mut self, (_, limit): (u32, usize)) {
        self.limit = limit;
    }

    fn show_metric(&mut self, source: &'a [u8]) -> Option<usize> {
        let points = self.reaches(Reach::Point);
        for (at, transform) in self.transforms[..self.limit].iter().enumerate() {
            let mut edit = MetricEdit(Edit {
                body: source,
                store: &mut self.store,
            });
            let keep = if transform.reach() >= Reach::Record {
                let cx = surroundings!(self, at, self.scope.seen_by(at), &[]);
                transform.metric(&cx, &mut edit)
            } else {
                Keep::Yes
            };
            if points {
                self.metric.note(&mut edit.0);
            }
            if keep == Keep::No {
                return Some(at);
            }
        }
        None
    }

    fn write_metric(&mut self, body: &'a [u8], store: &Store) {
        for slot in &store.slots {
            match &slot.fate {
                Fate::Removed => drop(self.out.replace(slot.whole.clone())),
                Fate::New(range) => {
                    let out = self.out.replace(slot.whole.clone());
                    out.extend_from_slice(store.new_field(range.clone()));
                }
                Fate::Kept => {
                    let field = Fields::new(&body[slot.whole.clone()]).next();
                    if let Some(kind) = PointKind::of(slot.number)
                        && let Some(Payload::Bytes(inner)) = field.map(|field| field.payload)
                    {
                        self.data(slot.number, slot.whole.clone(), inner, kind);
                    }
                }
            }
        }
    }

    fn data(&mut self, number: u32, whole: Range<usize>, body: &'a [u8], kind: PointKind) {
        self.out.enter(number, whole, body);
        for part in parts(body).filter(|part| part.number == data::POINTS) {
            self.point(&part, kind);
        }
        self.out.leave();
    }

    fn point(&mut self, part: &Part<'a>, kind: PointKind) {
        self.store.reset();
        for (at, transform) in self.transforms[..self.limit].iter().enumerate() {
            if transform.reach() < Reach::Point {
                continue;
            }
            let metric = self.metric.seen_by(at);
            let cx = surroundings!(self, at, self.scope.seen_by(at), metric);
            let edit = Edit {
                body: part.body,
                store: &mut self.store,
            };
            if transform.point(&cx, &mut PointEdit { edit, kind }) == Keep::No {
                self.dropped[at] += 1;
                return self.out.drop_child(part.whole.clone());
            }
        }
        self.write_record(part);
    }
}
