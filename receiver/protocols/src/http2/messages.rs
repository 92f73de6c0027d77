//! The messages of a call, counted in one direction of a stream (gRPC over HTTP/2,
//! "Length-Prefixed-Message"): a flag, four bytes of length, and as many bytes, wherever the data
//! is cut.
//!
//! Messages are never kept. The one frame of gRPC-Web that is no message, its trailers, is looked
//! at for the status.

/// Flag and length.
const PREFIX_BYTES: usize = 5;
/// The flag of trailers that stand in the body.
const TRAILERS: u8 = 0x80;
/// Bytes of such trailers that are looked at.
const TRAILER_BYTES: usize = 512;

/// Counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Messages {
    state: State,
    count: u64,
    /// When the first message began.
    pub(super) first_ns: Option<u64>,
    /// The status in the trailers of the body.
    pub(super) status: Option<u32>,
}

#[derive(Debug, Clone)]
enum State {
    Prefix([u8; PREFIX_BYTES], usize),
    Message(u32),
    Trailers(u32, Vec<u8>),
    /// Something was not seen, or is no message.
    Lost,
}

impl Default for State {
    fn default() -> Self {
        Self::Prefix([0; PREFIX_BYTES], 0)
    }
}

impl Messages {
    /// Reads data.
    pub(super) fn read(&mut self, mut data: &[u8], at_ns: u64) {
        while !data.is_empty() {
            match &mut self.state {
                State::Lost => return,
                State::Message(left) => {
                    let size = data.len().min(*left as usize);
                    data = &data[size..];
                    *left -= u32::try_from(size).unwrap_or(*left);
                    if *left == 0 {
                        self.state = State::default();
                    }
                }
                State::Trailers(left, kept) => {
                    let size = data.len().min(*left as usize);
                    let room = TRAILER_BYTES.saturating_sub(kept.len()).min(size);
                    kept.extend_from_slice(&data[..room]);
                    data = &data[size..];
                    *left -= u32::try_from(size).unwrap_or(*left);
                    if *left == 0 {
                        self.status = status_line(kept).or(self.status);
                        self.state = State::default();
                    }
                }
                State::Prefix(prefix, seen) => {
                    let size = data.len().min(PREFIX_BYTES - *seen);
                    prefix[*seen..*seen + size].copy_from_slice(&data[..size]);
                    *seen += size;
                    data = &data[size..];
                    if *seen == PREFIX_BYTES {
                        let prefix = *prefix;
                        self.begin(prefix, at_ns);
                    }
                }
            }
        }
    }

    /// Passes over data that was not seen.
    pub(super) fn pass(&mut self, bytes: u64) {
        match &mut self.state {
            State::Message(left) if u64::from(*left) >= bytes => {
                *left -= u32::try_from(bytes).unwrap_or(*left);
                if *left == 0 {
                    self.state = State::default();
                }
            }
            _ if bytes == 0 => {}
            _ => self.lose(),
        }
    }

    /// Data was lost, nobody knows how much.
    pub(super) fn lose(&mut self) {
        self.state = State::Lost;
    }

    /// Returns how many messages there were, if that is known.
    pub(super) fn count(&self) -> Option<u64> {
        (!matches!(self.state, State::Lost)).then_some(self.count)
    }

    /// Returns whether what was read are messages to the last byte, one at least.
    pub(super) fn are_whole(&self) -> bool {
        self.count > 0 && matches!(self.state, State::Prefix(_, 0))
    }

    /// Returns whether nothing was read.
    pub(super) fn are_none(&self) -> bool {
        self.count == 0 && matches!(self.state, State::Prefix(_, 0))
    }

    fn begin(&mut self, [flag, length @ ..]: [u8; PREFIX_BYTES], at_ns: u64) {
        let length = u32::from_be_bytes(length);
        self.state = match (flag, length) {
            (0 | 1, 0) => State::default(),
            (0 | 1, length) => State::Message(length),
            (flag, length) if flag & !1 == TRAILERS && length > 0 => {
                self.state = State::Trailers(length, Vec::new());
                return;
            }
            _ => State::Lost,
        };
        if flag <= 1 {
            self.count += 1;
            self.first_ns.get_or_insert(at_ns);
        }
    }
}

/// Finds the status in trailers as HTTP/1 writes them.
fn status_line(trailers: &[u8]) -> Option<u32> {
    let lines = trailers.split(|byte| *byte == b'\n');
    lines.into_iter().find_map(|line| {
        let (name, value) = line.split_at_checked("grpc-status:".len())?;
        if !name.eq_ignore_ascii_case(b"grpc-status:") {
            return None;
        }
        std::str::from_utf8(value.trim_ascii()).ok()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"\0\0\0\0\x03abc\x01\0\0\0\0";

    #[test]
    fn counts_messages_wherever_the_data_is_cut() {
        for size in 1..=TWO.len() {
            let mut messages = Messages::default();
            for piece in TWO.chunks(size) {
                messages.read(piece, 9);
            }
            assert_eq!((messages.count(), messages.are_whole()), (Some(2), true));
            assert_eq!(messages.first_ns, Some(9));
        }
    }

    #[test]
    fn counts_on_behind_a_hole_in_a_message_and_not_behind_another() {
        let mut messages = Messages::default();
        messages.read(&TWO[..6], 0);
        messages.pass(2);
        messages.read(&TWO[8..], 0);
        assert_eq!(messages.count(), Some(2));
        messages.pass(1);
        assert_eq!(messages.count(), None);
    }

    #[test]
    fn takes_nothing_else_for_messages() {
        let mut messages = Messages::default();
        messages.read(b"{\"a\":1}", 0);
        assert_eq!((messages.count(), messages.are_whole()), (None, false));
    }

    #[test]
    fn reads_the_status_of_trailers_in_the_body() {
        let mut messages = Messages::default();
        messages.read(b"\0\0\0\0\x01x\x80\0\0\0\x0fgrpc-status:5\r\n", 0);
        assert_eq!((messages.count(), messages.status), (Some(1), Some(5)));
    }
}
