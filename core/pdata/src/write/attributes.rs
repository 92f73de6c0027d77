//! Writes attributes: `KeyValue` fields under the number that their owner gives them.

use crate::{
    number::{key_value, list, value},
    wire::write as wire,
};

/// With so many bytes of key and text, all lengths of an attribute take one byte.
const SHORT_BYTES: usize = 0x7f - 8;

/// Appends attributes to the record, resource or point that is being written.
///
/// Keys are not deduplicated: writing one twice is the caller's mistake.
#[derive(Debug)]
pub struct Attributes<'b> {
    out: &'b mut Vec<u8>,
    field: u32,
}

impl<'b> Attributes<'b> {
    pub(super) fn new(out: &'b mut Vec<u8>, field: u32) -> Self {
        Self { out, field }
    }

    /// Appends a string.
    pub fn str(&mut self, key: &str, text: &str) -> &mut Self {
        if key.len() + text.len() <= SHORT_BYTES {
            self.short_head(key, 2 + text.len());
            let head = [wire::short_tag(value::STRING), text.len() as u8];
            self.out.extend_from_slice(&head);
            self.out.extend_from_slice(text.as_bytes());
            return self;
        }
        self.head(key, wire::field_len(value::STRING, text.len()));
        wire::bytes(self.out, value::STRING, text.as_bytes());
        self
    }

    /// Appends an integer.
    pub fn int(&mut self, key: &str, int: i64) -> &mut Self {
        let bits = int.cast_unsigned();
        let value_len = 1 + wire::varint_len(bits);
        if key.len() + value_len <= SHORT_BYTES {
            self.short_head(key, value_len);
        } else {
            self.head(key, value_len);
        }
        wire::uint(self.out, value::INT, bits);
        self
    }

    /// Appends a floating point number.
    pub fn double(&mut self, key: &str, double: f64) -> &mut Self {
        self.head(key, 1 + size_of::<f64>());
        wire::double(self.out, value::DOUBLE, double);
        self
    }

    /// Appends a truth value.
    pub fn bool(&mut self, key: &str, truth: bool) -> &mut Self {
        self.head(key, 2);
        wire::uint(self.out, value::BOOL, u64::from(truth));
        self
    }

    /// Appends an array of strings.
    pub fn strs(&mut self, key: &str, texts: &[&str]) -> &mut Self {
        let element = |text: &&str| wire::field_len(value::STRING, text.len());
        let body = texts
            .iter()
            .map(|text| wire::field_len(list::VALUES, element(text)))
            .sum();
        self.head(key, wire::field_len(value::ARRAY, body));
        wire::head(self.out, value::ARRAY, body);
        for text in texts {
            wire::head(self.out, list::VALUES, element(text));
            wire::bytes(self.out, value::STRING, text.as_bytes());
        }
        self
    }

    /// The same as `head`, where every length and every number takes one byte.
    #[inline]
    fn short_head(&mut self, key: &str, value_len: usize) {
        let body = 2 + key.len() + 2 + value_len;
        let head = [
            wire::short_tag(self.field),
            body as u8,
            wire::short_tag(key_value::KEY),
            key.len() as u8,
        ];
        self.out.reserve(head.len() + body);
        self.out.extend_from_slice(&head);
        self.out.extend_from_slice(key.as_bytes());
        self.out
            .extend_from_slice(&[wire::short_tag(key_value::VALUE), value_len as u8]);
    }

    /// Appends everything of a `KeyValue` but the `value_len` bytes of its value.
    fn head(&mut self, key: &str, value_len: usize) {
        let body = wire::field_len(key_value::KEY, key.len())
            + wire::field_len(key_value::VALUE, value_len);
        wire::head(self.out, self.field, body);
        wire::bytes(self.out, key_value::KEY, key.as_bytes());
        wire::head(self.out, key_value::VALUE, value_len);
    }
}
