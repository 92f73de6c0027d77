//! Which trace a request belongs to, and what caused it.
//!
//! In this order: the trace-context header; else the one server request that is open on the thread
//! that makes a client request; else nothing, and a new trace begins. With several open on one
//! thread there is no guess.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::{ids::Ids, propagators::Header};

/// W3C's sampled flag.
const SAMPLED: u8 = 1;
/// The most threads that may have open server requests; more are not correlated, and counted.
const THREADS_MAX: usize = 65_536;
/// The most open server requests remembered per thread; an event loop may have thousands, but
/// beyond one there is no answer anyway.
const OPEN_PER_THREAD_MAX: usize = 256;

/// How a parent was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParentSource {
    /// A header of a tracer named it.
    Header,
    /// It was the only open server request of the thread.
    Thread,
    /// There is none.
    None,
}

/// The place of one request in its trace.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Its trace.
    pub(crate) trace_id: [u8; 16],
    /// Its own span.
    pub(crate) span_id: [u8; 8],
    /// The span that caused it.
    pub(crate) parent_span_id: Option<[u8; 8]>,
    /// How that was found.
    pub(crate) parent_source: ParentSource,
    /// W3C trace flags.
    pub(crate) flags: u8,
    /// `tracestate`, as received.
    pub(crate) state: String,
    /// Monotonic to wall time, nanoseconds. A child has its parent's, so that it never seems to
    /// start before it.
    pub(crate) wall_offset_ns: i64,
}

/// What a context that continues nothing is made of.
pub(crate) struct Fresh<'i> {
    /// Where ids come from.
    pub(crate) ids: &'i mut Ids,
    /// Monotonic to wall time now, nanoseconds.
    pub(crate) wall_offset_ns: i64,
}

/// A thread, as the kernel names it: process in the high half, thread in the low.
pub(crate) type Thread = u64;

/// Open server requests, by the thread that read them.
#[derive(Debug, Default)]
pub(crate) struct Correlator {
    open: FxHashMap<Thread, Open>,
    /// Server requests that could not be remembered because a bound was reached.
    pub(crate) forgotten: u64,
}

/// The open server requests of one thread.
#[derive(Debug, Default)]
struct Open {
    contexts: SmallVec<[Context; 1]>,
    /// Open as well, but past the bound: while there are any, "the only one" cannot be said.
    hidden: usize,
}

impl Correlator {
    /// Places a request that a process received, and remembers it as open on its thread.
    pub(crate) fn server(
        &mut self,
        thread: Thread,
        header: Option<&Header>,
        fresh: &mut Fresh<'_>,
    ) -> Context {
        let context = Self::lasting(header, fresh);
        self.remember(thread, &context);
        context
    }

    /// Places a request that a process received and that may last: what its thread does meanwhile
    /// need not be for it.
    pub(crate) fn lasting(header: Option<&Header>, fresh: &mut Fresh<'_>) -> Context {
        match header {
            Some(header) => continued(header, fresh),
            None => root(fresh),
        }
    }

    /// Places a request that a process makes.
    pub(crate) fn client(
        &self,
        thread: Thread,
        header: Option<&Header>,
        fresh: &mut Fresh<'_>,
    ) -> Context {
        let parent = self.only_open(thread);
        if let Some(header) = header {
            // A header that names the trace alone leaves it to the thread to know the parent.
            let is_known = parent.is_some_and(|parent| parent.trace_id == header.parent.trace_id);
            if header.parent.span_id.is_some() || !is_known {
                return continued(header, fresh);
            }
        }
        let Some(parent) = parent else {
            return root(fresh);
        };
        Context {
            span_id: fresh.ids.span_id(),
            parent_span_id: Some(parent.span_id),
            parent_source: ParentSource::Thread,
            ..parent.clone()
        }
    }

    /// Returns the one server request that is open on a thread.
    pub(crate) fn only_open(&self, thread: Thread) -> Option<&Context> {
        let open = self.open.get(&thread)?;
        match open.contexts.as_slice() {
            [only] if open.hidden == 0 => Some(only),
            _ => None,
        }
    }

    /// A server request is answered, or never will be.
    pub(crate) fn finished(&mut self, thread: Thread, span_id: [u8; 8]) {
        let Some(open) = self.open.get_mut(&thread) else {
            return;
        };
        match open
            .contexts
            .iter()
            .position(|context| context.span_id == span_id)
        {
            Some(index) => drop(open.contexts.swap_remove(index)),
            None => open.hidden = open.hidden.saturating_sub(1),
        }
        if open.contexts.is_empty() && open.hidden == 0 {
            self.open.remove(&thread);
        }
    }

    fn remember(&mut self, thread: Thread, context: &Context) {
        let known = self.open.contains_key(&thread);
        if !known && self.open.len() >= THREADS_MAX {
            self.forgotten += 1;
            return;
        }
        let open = self.open.entry(thread).or_default();
        if open.contexts.len() < OPEN_PER_THREAD_MAX {
            open.contexts.push(context.clone());
        } else {
            open.hidden += 1;
            self.forgotten += 1;
        }
    }
}

fn root(fresh: &mut Fresh<'_>) -> Context {
    Context {
        trace_id: fresh.ids.trace_id(),
        span_id: fresh.ids.span_id(),
        parent_span_id: None,
        parent_source: ParentSource::None,
        flags: SAMPLED,
        state: String::new(),
        wall_offset_ns: fresh.wall_offset_ns,
    }
}

fn continued(header: &Header, fresh: &mut Fresh<'_>) -> Context {
    Context {
        trace_id: header.parent.trace_id,
        span_id: fresh.ids.span_id(),
        parent_span_id: header.parent.span_id,
        parent_source: match header.parent.span_id {
            Some(_) => ParentSource::Header,
            None => ParentSource::None,
        },
        flags: header.parent.flags,
        state: header.state.clone(),
        wall_offset_ns: fresh.wall_offset_ns,
    }
}

#[cfg(test)]
mod tests {
    use tapline_protocols::propagation::{Format, Parent};

    use super::*;

    fn header() -> Header {
        Header {
            parent: Parent {
                format: Format::TraceContext,
                trace_id: [1; 16],
                span_id: Some([2; 8]),
                flags: 0,
            },
            state: "a=b".to_owned(),
        }
    }

    fn fresh(ids: &mut Ids) -> Fresh<'_> {
        Fresh {
            ids,
            wall_offset_ns: 0,
        }
    }

    #[test]
    fn continues_the_trace_of_the_header_with_its_flags() {
        let mut ids = Ids::from_seed([1; 32]);
        let context = Correlator::default().server(1, Some(&header()), &mut fresh(&mut ids));
        assert_eq!(
            (context.trace_id, context.parent_span_id),
            ([1; 16], Some([2; 8]))
        );
        assert_eq!((context.flags, context.state.as_str()), (0, "a=b"));
        assert_ne!(context.span_id, [2; 8]);
    }

    #[test]
    fn makes_a_client_request_the_child_of_the_only_open_server_request() {
        let (mut ids, mut correlator) = (Ids::from_seed([1; 32]), Correlator::default());
        let server = correlator.server(1, Some(&header()), &mut fresh(&mut ids));
        let client = correlator.client(1, None, &mut fresh(&mut ids));
        assert_eq!(client.parent_span_id, Some(server.span_id));
        assert_eq!((client.trace_id, client.flags), (server.trace_id, 0));
        assert_eq!(client.parent_source, ParentSource::Thread);
    }

    #[test]
    fn a_trace_without_a_span_is_joined_and_the_parent_is_the_threads_or_none() {
        let (mut ids, mut correlator) = (Ids::from_seed([1; 32]), Correlator::default());
        let mut bare = header();
        bare.parent.span_id = None;
        let server = correlator.server(1, Some(&bare), &mut fresh(&mut ids));
        assert_eq!((server.trace_id, server.parent_span_id), ([1; 16], None));
        assert_eq!(server.parent_source, ParentSource::None);
        let client = correlator.client(1, Some(&bare), &mut fresh(&mut ids));
        assert_eq!(client.parent_span_id, Some(server.span_id));
        bare.parent.trace_id = [9; 16];
        let other = correlator.client(1, Some(&bare), &mut fresh(&mut ids));
        assert_eq!((other.trace_id, other.parent_span_id), ([9; 16], None));
    }

    #[test]
    fn does_not_guess_between_two_open_requests() {
        let (mut ids, mut correlator) = (Ids::from_seed([1; 32]), Correlator::default());
        let first = correlator.server(1, None, &mut fresh(&mut ids));
        let second = correlator.server(1, None, &mut fresh(&mut ids));
        let client = correlator.client(1, None, &mut fresh(&mut ids));
        assert_eq!(
            (client.parent_span_id, client.parent_source),
            (None, ParentSource::None)
        );
        correlator.finished(1, second.span_id);
        let client = correlator.client(1, None, &mut fresh(&mut ids));
        assert_eq!(client.parent_span_id, Some(first.span_id));
    }

    #[test]
    fn a_child_has_the_clock_of_its_parent() {
        let (mut ids, mut correlator) = (Ids::from_seed([1; 32]), Correlator::default());
        let mut slow = fresh(&mut ids);
        slow.wall_offset_ns = 1000;
        correlator.server(1, None, &mut slow);
        let child = correlator.client(1, None, &mut fresh(&mut ids));
        assert_eq!(child.wall_offset_ns, 1000);
    }

    #[test]
    fn leaves_other_threads_alone() {
        let (mut ids, mut correlator) = (Ids::from_seed([1; 32]), Correlator::default());
        correlator.server(1, None, &mut fresh(&mut ids));
        assert_eq!(
            correlator
                .client(2, None, &mut fresh(&mut ids))
                .parent_span_id,
            None
        );
    }

    #[test]
    fn remembers_nothing_of_what_is_finished() {
        let (mut ids, mut correlator) = (Ids::from_seed([1; 32]), Correlator::default());
        for thread in 0..1000 {
            let context = correlator.server(thread, None, &mut fresh(&mut ids));
            correlator.finished(thread, context.span_id);
        }
        assert_eq!(correlator.open.len(), 0);
    }

    #[test]
    fn stays_within_its_bound_and_counts_what_it_forgot() {
        let (mut ids, mut correlator) = (Ids::from_seed([1; 32]), Correlator::default());
        let open: Vec<Context> = (0..OPEN_PER_THREAD_MAX + 10)
            .map(|_| correlator.server(1, None, &mut fresh(&mut ids)))
            .collect();
        assert_eq!(correlator.forgotten, 10);
        for context in &open[1..] {
            assert!(correlator.only_open(1).is_none(), "several are open");
            correlator.finished(1, context.span_id);
        }
        assert_eq!(
            correlator.only_open(1).map(|only| only.span_id),
            Some(open[0].span_id)
        );
    }
}
