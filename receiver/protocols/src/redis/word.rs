//! A short piece of a message that may be looked at; what is longer is forgotten at once.

/// The longest word that is kept: longer than every command and error code.
pub(super) const WORD_BYTES: usize = 24;

/// A word that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    bytes: [u8; WORD_BYTES],
    len: u8,
    /// It was longer than what is kept, or a part of it was not seen.
    cut: bool,
}

impl Word {
    pub(super) const EMPTY: Self = Self {
        bytes: [0; WORD_BYTES],
        len: 0,
        cut: false,
    };

    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut word = Self::EMPTY;
        word.push(bytes);
        word
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let at = usize::from(self.len);
        let room = WORD_BYTES - at;
        let kept = &bytes[..bytes.len().min(room)];
        self.bytes[at..at + kept.len()].copy_from_slice(kept);
        self.len += u8::try_from(kept.len()).expect("a word is short");
        self.cut |= kept.len() < bytes.len();
    }

    /// Notes that a part was not seen.
    pub(super) fn cut(&mut self) {
        self.cut = true;
    }

    /// Returns the word, if all of it is here.
    pub(super) fn get(&self) -> Option<&[u8]> {
        (!self.cut).then(|| &self.bytes[..usize::from(self.len)])
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.get()
            .is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
    }
}
