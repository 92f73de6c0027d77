//! Reads fields that are prefixed by their length, from bytes that may end anywhere.

/// What is left of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// Takes so many bytes, if they are here.
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take(2)
            .map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// Takes a block behind a length of one byte; all there is of one that was cut off.
    pub(super) fn block8(&mut self) -> Option<Reader<'a>> {
        let len = usize::from(self.u8()?);
        Some(self.up_to(len))
    }

    /// Takes a block behind a length of two bytes, likewise.
    pub(super) fn block16(&mut self) -> Option<Reader<'a>> {
        let len = usize::from(self.u16()?);
        Some(self.up_to(len))
    }

    fn up_to(&mut self, len: usize) -> Reader<'a> {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        Reader(taken)
    }
}
