//! Cuts a batch into pieces of bounded size, as the batch processor's `send_batch_max_size` asks
//! for.
//!
//! What fits a piece whole is sliced, not copied. A resource, scope or metric that does not fit is
//! cut between its records, and everything of it but the records is repeated in each piece. So a
//! record keeps its surroundings, joined pieces hold the same records in the same order, and fields
//! we have never heard of survive, repeated like the rest of their head.

use std::{mem, ops::Range};

use bytes::Bytes;
use smallvec::SmallVec;

use crate::{
    Batch, Signal,
    number::{data, metric, profile, request, resource_block, scope_block},
    profile::{Merger, Source},
    wire::{
        read::{Fields, Payload},
        write::{self, Open},
    },
};

/// How much larger than the batch its pieces may be together, in bytes, before the rest stays one
/// piece.
pub const MAX_REPEATED_BYTES: usize = 64 << 20;

impl Batch {
    /// Cuts this batch into pieces of at most `max_items`; zero means no limit.
    ///
    /// Slices what it can. What is cut is copied once, and its head once per piece. Profiles are
    /// copied, and each piece gets a dictionary of what its samples point at. So small pieces of
    /// records with large resources, or of samples with large stacks, repeat a lot: once that is
    /// [`MAX_REPEATED_BYTES`], the rest is one piece, however many items it has.
    pub fn split(self, max_items: u32) -> Vec<Self> {
        if max_items == 0 || self.items() <= max_items {
            return vec![self];
        }
        let mut splitter = Splitter::new(&self, max_items);
        for chunk in self.chunks() {
            splitter.chunk(chunk);
        }
        let pieces = splitter.finish();
        if self.signal() != Signal::Profiles {
            return pieces;
        }
        with_dictionaries(&self, &pieces)
    }
}

/// Gives each piece of a batch of profiles a dictionary of its own.
fn with_dictionaries(whole: &Batch, pieces: &[Batch]) -> Vec<Batch> {
    let mut source = Source::new(whole);
    let (mut done, mut size_bytes) = (Vec::with_capacity(pieces.len()), 0);
    let mut pieces = pieces.iter();
    while let Some(piece) = pieces.next() {
        let mut merger = Merger::default();
        source.next_merger();
        merger.add(&mut source, piece);
        if size_bytes > whole.size_bytes() + MAX_REPEATED_BYTES {
            pieces
                .by_ref()
                .for_each(|rest| merger.add(&mut source, rest));
        }
        let piece = merger.finish(whole);
        size_bytes += piece.size_bytes();
        done.push(piece);
    }
    done
}

/// Returns how many levels of framing lie above an item.
fn item_level(signal: Signal) -> usize {
    match signal {
        Signal::Metrics => 5,
        Signal::Profiles => 4,
        Signal::Traces | Signal::Logs => 3,
    }
}

/// Says whether a field of the message at this level (0 is the request) leads to items.
fn leads_to_items(signal: Signal, level: usize, number: u32) -> bool {
    match level {
        0 => number == request::RESOURCES,
        1 => number == resource_block::SCOPES,
        2 => number == scope_block::RECORDS,
        3 if signal == Signal::Profiles => number == profile::SAMPLES,
        3 => matches!(
            number,
            metric::GAUGE
                | metric::SUM
                | metric::HISTOGRAM
                | metric::EXPONENTIAL_HISTOGRAM
                | metric::SUMMARY
        ),
        _ => number == data::POINTS,
    }
}

/// A message that is being cut: each piece that gets some of it repeats its head.
struct Cut<'a> {
    number: u32,
    /// Its fields that lead to no item, as they stand on the wire.
    head: Vec<&'a [u8]>,
    /// Where it was opened in the current piece.
    open: Option<Open>,
}

/// A field and the bytes it stands in.
struct Part<'a> {
    number: u32,
    whole: &'a [u8],
    body: &'a [u8],
    items: u32,
}

#[derive(Default)]
struct Piece {
    chunks: SmallVec<[Bytes; 1]>,
    written: Vec<u8>,
    items: u32,
}

struct Splitter<'a> {
    whole: &'a Batch,
    max_items: u32,
    source: Option<&'a Bytes>,
    /// What the current piece takes of `source` without a copy and does not hold yet.
    sliced: Range<usize>,
    cuts: Vec<Cut<'a>>,
    piece: Piece,
    pieces: Vec<Batch>,
    /// How large the pieces are together.
    size_bytes: usize,
}

impl<'a> Splitter<'a> {
    fn new(whole: &'a Batch, max_items: u32) -> Self {
        Self {
            whole,
            max_items,
            source: None,
            sliced: 0..0,
            cuts: Vec::new(),
            piece: Piece::default(),
            pieces: Vec::new(),
            size_bytes: 0,
        }
    }

    fn finish(mut self) -> Vec<Batch> {
        self.end_piece();
        self.pieces
    }

    fn chunk(&mut self, chunk: &'a Bytes) {
        self.source = Some(chunk);
        let mut at = 0;
        for part in self.parts(chunk) {
            let end = at + part.whole.len();
            self.place(&part, at..end);
            at = end;
        }
        self.end_slice();
    }

    /// Lists the fields of the message at the current level.
    fn parts(&self, body: &'a [u8]) -> impl Iterator<Item = Part<'a>> + use<'a> {
        let (signal, level) = (self.whole.signal(), self.cuts.len());
        let mut fields = Fields::new(body);
        std::iter::from_fn(move || {
            let from = fields.at();
            let field = fields.next()?;
            let whole = &body[from..fields.at()];
            let (body, items) = match field.payload {
                Payload::Bytes(inner) if leads_to_items(signal, level, field.number) => {
                    (inner, count(signal, level + 1, inner))
                }
                _ => (&[][..], 0),
            };
            Some(Part {
                number: field.number,
                whole,
                body,
                items,
            })
        })
    }

    /// Puts a part into the current piece if it fits, else into the next, else into several.
    /// `range` is where it stands in the chunk, which matters at the top level only.
    fn place(&mut self, part: &Part<'a>, range: Range<usize>) {
        if part.items > 0 && self.piece.items == self.max_items {
            self.end_piece();
        }
        if part.items <= self.max_items - self.piece.items {
            self.take(part, range);
        } else {
            self.cut(part);
        }
    }

    fn take(&mut self, part: &Part<'a>, range: Range<usize>) {
        self.piece.items += part.items;
        if self.cuts.is_empty() {
            if self.sliced.end != range.start {
                self.end_slice();
                self.sliced.start = range.start;
            }
            self.sliced.end = range.end;
            return;
        }
        let out = &mut self.piece.written;
        for cut in self.cuts.iter_mut().filter(|cut| cut.open.is_none()) {
            cut.open = Some(write::open(out, cut.number));
            for field in &cut.head {
                out.extend_from_slice(field);
            }
        }
        out.extend_from_slice(part.whole);
    }

    /// Distributes the items of a part over pieces. Recurses as deep as framing has levels.
    fn cut(&mut self, part: &Part<'a>) {
        self.end_slice();
        let level = self.cuts.len() + 1;
        let (mut head, mut rest) = (Vec::new(), Vec::new());
        self.cuts.push(Cut {
            number: part.number,
            head: Vec::new(),
            open: None,
        });
        for inner in self.parts(part.body) {
            // A scope without records leads to items too: it has its place among its neighbours.
            if leads_to_items(self.whole.signal(), level, inner.number) {
                rest.push(inner);
            } else {
                head.push(inner.whole);
            }
        }
        self.cuts.last_mut().expect("pushed above").head = head;
        for inner in &rest {
            self.place(inner, 0..0);
        }
        let cut = self.cuts.pop().expect("pushed above");
        if let Some(open) = cut.open {
            write::close(&mut self.piece.written, open);
        }
    }

    fn end_slice(&mut self) {
        let range = mem::replace(&mut self.sliced, 0..0);
        if let Some(source) = self.source
            && !range.is_empty()
        {
            self.piece.end_written();
            self.piece.chunks.push(source.slice(range));
        }
    }

    fn end_piece(&mut self) {
        self.end_slice();
        for cut in self.cuts.iter_mut().rev() {
            if let Some(open) = cut.open.take() {
                write::close(&mut self.piece.written, open);
            }
        }
        let mut piece = mem::take(&mut self.piece);
        piece.end_written();
        if piece.chunks.is_empty() {
            return;
        }
        let piece = self.whole.derived(piece.chunks, piece.items);
        self.size_bytes += piece.size_bytes();
        if self.size_bytes > self.whole.size_bytes() + MAX_REPEATED_BYTES {
            self.max_items = u32::MAX;
        }
        self.pieces.push(piece);
    }
}

impl Piece {
    fn end_written(&mut self) {
        if !self.written.is_empty() {
            self.chunks.push(mem::take(&mut self.written).into());
        }
    }
}

/// Counts the items below a message at this level.
pub(crate) fn count(signal: Signal, level: usize, body: &[u8]) -> u32 {
    if level == item_level(signal) {
        return 1;
    }
    let mut items = 0;
    for field in Fields::new(body) {
        if let Payload::Bytes(inner) = field.payload
            && leads_to_items(signal, level, field.number)
        {
            items += count(signal, level + 1, inner);
        }
    }
    items
}
