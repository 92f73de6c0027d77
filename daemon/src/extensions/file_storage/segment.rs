//! One file of a log: frames one behind the other.
//!
//! ```text
//! magic u32 | head length u32 | body length u32 | number u64 | body crc u32 | head crc u32
//! head | body
//! ```
//!
//! All little-endian. The head's checksum covers what stands before it and the head, so a frame
//! whose body is damaged can be stepped over. Where a head is damaged, the next is searched for.

use std::{fs::File, io, os::unix::fs::FileExt};

use bytes::{Buf, BufMut, Bytes};

const MAGIC: u32 = u32::from_le_bytes(*b"TAPQ");
/// The fixed part of a frame.
const FIXED: usize = 28;
/// The longest head that is believed.
const MAX_HEAD: usize = 1 << 20;
/// How much is read at once to find the next frame behind damage.
const SEARCH: usize = 64 << 10;

/// Where a record stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) number: u64,
    pub(super) head: Bytes,
    pub(super) body_at: u64,
    pub(super) body_len: u32,
    pub(super) body_crc: u32,
}

/// Writes a frame to `out`. Copies the body once.
pub(super) fn write(out: &mut Vec<u8>, number: u64, head: &[u8], body: &[Bytes]) -> Frame {
    let start = out.len();
    let body_len: usize = body.iter().map(Bytes::len).sum();
    let mut crc = crc32fast::Hasher::new();
    for chunk in body {
        crc.update(chunk);
    }
    let body_crc = crc.finalize();
    out.put_u32_le(MAGIC);
    out.put_u32_le(head.len() as u32);
    out.put_u32_le(body_len as u32);
    out.put_u64_le(number);
    out.put_u32_le(body_crc);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&out[start..]);
    crc.update(head);
    out.put_u32_le(crc.finalize());
    out.put_slice(head);
    let body_at = (out.len() - start) as u64;
    for chunk in body {
        out.put_slice(chunk);
    }
    Frame {
        number,
        head: Bytes::copy_from_slice(head),
        body_at,
        body_len: body_len as u32,
        body_crc,
    }
}

/// Reads the body of a record, `None` if it is damaged.
pub(super) fn read(file: &File, frame: &Frame) -> io::Result<Option<Bytes>> {
    let mut body = vec![0; frame.body_len as usize];
    match file.read_exact_at(&mut body, frame.body_at) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    Ok((crc32fast::hash(&body) == frame.body_crc).then(|| body.into()))
}

/// Lists the frames of a file of this length, and how many bytes make no sense.
pub(super) fn scan(file: &File, len: u64) -> io::Result<(Vec<Frame>, u64)> {
    let (mut frames, mut damaged, mut at) = (Vec::new(), 0, 0);
    let mut last = 0;
    while at < len {
        if let Some(frame) = frame_at(file, len, at, last)? {
            at = frame.body_at + u64::from(frame.body_len);
            last = frame.number;
            frames.push(frame);
        } else {
            let next = search(file, len, at + 1)?;
            damaged += next - at;
            at = next;
        }
    }
    Ok((frames, damaged))
}

fn frame_at(file: &File, len: u64, at: u64, last: u64) -> io::Result<Option<Frame>> {
    if len - at < FIXED as u64 {
        return Ok(None);
    }
    let mut fixed = [0; FIXED];
    file.read_exact_at(&mut fixed, at)?;
    let mut fields = &fixed[..];
    let (magic, head_len, body_len) = (
        fields.get_u32_le(),
        fields.get_u32_le(),
        fields.get_u32_le(),
    );
    let (number, body_crc, head_crc) = (
        fields.get_u64_le(),
        fields.get_u32_le(),
        fields.get_u32_le(),
    );
    let body_at = at + FIXED as u64 + u64::from(head_len);
    if magic != MAGIC
        || head_len as usize > MAX_HEAD
        || body_at + u64::from(body_len) > len
        || number <= last
    {
        return Ok(None);
    }
    let mut head = vec![0; head_len as usize];
    file.read_exact_at(&mut head, at + FIXED as u64)?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&fixed[..FIXED - 4]);
    crc.update(&head);
    Ok((crc.finalize() == head_crc).then(|| Frame {
        number,
        head: head.into(),
        body_at,
        body_len,
        body_crc,
    }))
}

/// Returns where the next magic stands, or the end.
fn search(file: &File, len: u64, from: u64) -> io::Result<u64> {
    let mut at = from;
    while at < len {
        let size = (len - at).min(SEARCH as u64) as usize;
        let mut window = vec![0; size];
        file.read_exact_at(&mut window, at)?;
        let found = window
            .windows(4)
            .position(|four| four == MAGIC.to_le_bytes());
        if let Some(found) = found {
            return Ok(at + found as u64);
        }
        // The magic may stand across two windows.
        at += if size > 3 && at + (size as u64) < len {
            size as u64 - 3
        } else {
            size as u64
        };
    }
    Ok(len)
}
