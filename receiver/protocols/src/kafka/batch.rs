//! Record batches: how many records they say they hold, and the trace that the first one continues.
//!
//! Keys and values are passed over by their lengths. Compressed records are not looked at.

use super::cursor::Cursor;
use crate::propagation::{Headers, TraceContext};

/// Bytes of a batch that its length does not count.
const BEFORE_LENGTH: u64 = 12;
/// Where the version of a batch is, which is where that of older messages is too.
const MAGIC_AT: usize = 16;
/// The most headers of a record that are looked at.
const HEADERS_MAX: usize = 64;
const COMPRESSION: i16 = 0b111;
const CONTROL: i16 = 1 << 5;

/// What the records of one partition say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    /// How many there are, if every batch was seen.
    pub(super) count: Option<u32>,
    /// The trace of the first one.
    pub(super) trace: Option<TraceContext>,
}

/// Reads the batches of a partition, of which only a prefix may be here. `len` is their length.
pub(super) fn read(seen: &[u8], len: usize) -> Records {
    let mut records = Records {
        count: Some(0),
        trace: None,
    };
    let mut at = 0u64;
    while at < len as u64 {
        let here = usize::try_from(at).ok().and_then(|at| seen.get(at..));
        let Some(batch) = here.and_then(read_batch) else {
            // Of a message that does not fit in, brokers may send a beginning.
            let is_whole = seen.len() >= len;
            records.count = records.count.filter(|_| is_whole);
            break;
        };
        let next = at + BEFORE_LENGTH + batch.len;
        if next > len as u64 {
            break;
        }
        if at == 0 {
            records.trace = batch.trace;
        }
        records.count = records
            .count
            .zip(batch.count)
            .map(|(a, b)| a.saturating_add(b));
        at = next;
    }
    records
}

struct Batch {
    len: u64,
    count: Option<u32>,
    trace: Option<TraceContext>,
}

fn read_batch(bytes: &[u8]) -> Option<Batch> {
    let magic = *bytes.get(MAGIC_AT)?;
    let mut cursor = Cursor::new(bytes, false);
    cursor.i64()?;
    let len = u64::try_from(cursor.i32()?).ok()?;
    cursor.i32()?;
    if magic < 2 {
        // A message of its own, or several in a compressed one.
        let attributes = *bytes.get(MAGIC_AT + 1)?;
        let is_plain = i16::from(attributes) & COMPRESSION == 0;
        return Some(Batch {
            len,
            count: is_plain.then_some(1),
            trace: None,
        });
    }
    cursor.take(5)?;
    let attributes = cursor.i16()?;
    cursor.take(4 + 8 + 8 + 8 + 2 + 4)?;
    let count = u32::try_from(cursor.i32()?).ok()?;
    let is_control = attributes & CONTROL != 0;
    let is_plain = attributes & (COMPRESSION | CONTROL) == 0;
    Some(Batch {
        len,
        count: Some(if is_control { 0 } else { count }),
        trace: if is_plain { trace(&mut cursor) } else { None },
    })
}

/// Reads the headers of the record that follows.
fn trace(cursor: &mut Cursor<'_>) -> Option<TraceContext> {
    cursor.varint()?;
    cursor.i8()?;
    cursor.varint()?;
    cursor.varint()?;
    sized(cursor)?;
    sized(cursor)?;
    let headers = usize::try_from(cursor.varint()?).ok()?;
    let mut found = Headers::default();
    for _ in 0..headers.min(HEADERS_MAX) {
        let Some((key, value)) = header(cursor) else {
            break;
        };
        found.take(key, value);
    }
    found.read()
}

fn header<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a [u8], &'a [u8])> {
    Some((sized(cursor)?, sized(cursor)?))
}

/// Reads bytes behind their length; null is none.
fn sized<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let len = usize::try_from(cursor.varint()?).unwrap_or(0);
    cursor.take(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(count: u8, attributes: u8, records: &[u8]) -> Vec<u8> {
        let len = 49 + u8::try_from(records.len()).expect("short");
        let mut bytes = vec![0; 8];
        bytes.extend([0, 0, 0, len, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, attributes]);
        bytes.extend([0; 34]);
        bytes.extend([0, 0, 0, count]);
        bytes.extend(records);
        bytes
    }

    #[test]
    fn counts_what_the_batches_say() {
        let two = [batch(3, 0, b"xyz"), batch(4, 1, b"")].concat();
        assert_eq!(read(&two, two.len()).count, Some(7));
        assert_eq!(read(&batch(1, 0x20, b""), 61).count, Some(0), "a marker");
        assert_eq!(read(&two[..100], two.len()).count, None, "not all was seen");
        assert_eq!(read(&two[..64], 64).count, Some(3));
        assert_eq!(
            read(&two[..90], 90).count,
            Some(3),
            "the rest is sent again"
        );
        assert_eq!(read(b"", 0).count, Some(0));
    }

    #[test]
    fn reads_the_trace_of_a_plain_record() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut record = vec![0, 0, 0, 0, 2, b'k', 4, b'v', b'v', 2, 22];
        record.extend(b"traceparent");
        record.push(110);
        record.extend(parent.as_bytes());
        let trace = |attributes, record: &[u8]| {
            let bytes = batch(1, attributes, record);
            read(&bytes, bytes.len()).trace
        };
        assert!(trace(0, &record).is_some());
        assert!(trace(1, &record).is_none(), "compressed");
        for end in 0..record.len() {
            assert!(trace(0, &record[..end]).is_none(), "cut at {end}");
        }
    }
}
