//! Tells one segment of a path that names something from one that is data.
//!
//! By its characters alone, so that the answer never depends on what was seen before. What cannot
//! be told like this, such as the slugs of a blog, is for the [`tree`](super::tree) to learn.

/// What a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Part of the route, as it stands.
    Word,
    /// A number, an id, a hash or any other value.
    Id,
    /// A date, maybe with a time.
    Date,
    /// An e-mail address.
    Email,
}

/// How many kinds of values there are.
pub(super) const VALUES: usize = 3;
/// What stands in a route for each kind of value.
pub(super) const PLACEHOLDERS: [&str; VALUES] = ["{id}", "{date}", "{email}"];

/// Longest segment that can be a word.
const WORD_MAX: usize = 64;
/// So many digits no word has.
const DIGITS_MAX: u32 = 3;
/// A run of hexadecimal digits without a decimal one is a word up to here: `facade`.
const HEX_WORD_MAX: usize = 15;
/// Letters and digits that take turns more often than in `oauth2callback`, in a text longer than
/// `i18n`, were not written by a person.
const TURNS_MAX: u32 = 2;
const SHORT: usize = 5;

impl Kind {
    /// Returns the place of a value's kind among the placeholders.
    pub(super) fn value(self) -> Option<usize> {
        match self {
            Self::Word => None,
            Self::Id => Some(0),
            Self::Date => Some(1),
            Self::Email => Some(2),
        }
    }
}

/// What is counted in one pass over a segment.
#[derive(Default)]
struct Tally {
    digits: u32,
    letters: u32,
    hex_letters: u32,
    turns: u32,
    at: bool,
    is_strange: bool,
}

/// Tells what a segment is.
pub(super) fn kind(segment: &str) -> Kind {
    let bytes = segment.as_bytes();
    if bytes.len() > WORD_MAX {
        return if is_email(segment) {
            Kind::Email
        } else {
            Kind::Id
        };
    }
    let tally = tally(bytes);
    if tally.at && is_email(segment) {
        return Kind::Email;
    }
    if tally.is_strange {
        return Kind::Id;
    }
    if tally.digits == 0 {
        let is_hex = tally.hex_letters as usize == bytes.len();
        return if is_hex && bytes.len() > HEX_WORD_MAX {
            Kind::Id
        } else {
            Kind::Word
        };
    }
    if is_date(bytes) {
        return Kind::Date;
    }
    if is_version(bytes) || tally.is_word() {
        Kind::Word
    } else {
        Kind::Id
    }
}

impl Tally {
    /// Decides for a segment with digits.
    fn is_word(&self) -> bool {
        let len = (self.digits + self.letters) as usize;
        let is_random = len > SHORT && self.digits > 1 && self.turns > TURNS_MAX;
        self.letters > 0 && self.digits <= DIGITS_MAX && !is_random && !self.is_hex(len)
    }

    /// `a1b2c3d`, but not `sha256` or `add2`.
    fn is_hex(&self, len: usize) -> bool {
        let is_long = self.digits > 1 || len > HEX_WORD_MAX / 2;
        len > SHORT && is_long && self.hex_letters == self.letters
    }
}

/// Counts. `is_strange` is what no framework's route has: escapes, brackets, other alphabets.
fn tally(bytes: &[u8]) -> Tally {
    let mut tally = Tally::default();
    // 0 neither, 1 letter, 2 digit.
    let mut last = 0;
    for byte in bytes {
        let class = match byte {
            b'0'..=b'9' => {
                tally.digits += 1;
                2
            }
            b'a'..=b'f' | b'A'..=b'F' => {
                tally.letters += 1;
                tally.hex_letters += 1;
                1
            }
            b'g'..=b'z' | b'G'..=b'Z' => {
                tally.letters += 1;
                1
            }
            b'.' | b'-' | b'_' | b'~' | b':' | b'!' | b'$' | b'+' => 0,
            b'@' => {
                tally.at = true;
                0
            }
            _ => {
                tally.at |= *byte == b'%';
                tally.is_strange = true;
                0
            }
        };
        tally.turns += u32::from(class != 0 && last != 0 && class != last);
        last = class;
    }
    tally
}

/// `ada@example.org`, or with `%40`.
fn is_email(segment: &str) -> bool {
    let split = segment
        .split_once('@')
        .or_else(|| segment.split_once("%40"));
    split.is_some_and(|(who, host)| {
        !who.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
    })
}

/// `2024-05-17`, `2024-05`, `2024-05-17T10:20:30Z`.
fn is_date(bytes: &[u8]) -> bool {
    let day = |at: usize| {
        bytes.get(at) == Some(&b'-')
            && bytes
                .get(at + 1..at + 3)
                .is_some_and(|two| two.iter().all(u8::is_ascii_digit))
    };
    let year = bytes.get(..4).is_some_and(|year| {
        matches!(year[..2], [b'1', b'9'] | [b'2', b'0']) && year.iter().all(u8::is_ascii_digit)
    });
    if !year || !day(4) {
        return false;
    }
    let month = (bytes[5] - b'0') * 10 + (bytes[6] - b'0');
    if !(1..=12).contains(&month) {
        return false;
    }
    match bytes.len() {
        7 => true,
        10 => day(7),
        _ => day(7) && matches!(bytes.get(10), Some(b'T' | b't' | b'_' | b' ')),
    }
}

/// `v1`, `v2beta1`, `v1.2.3`, `V20`, and the bare `2.0` of some.
fn is_version(bytes: &[u8]) -> bool {
    match bytes {
        [major, b'.', minor] => major.is_ascii_digit() && minor.is_ascii_digit(),
        [b'v' | b'V', first, rest @ ..] => {
            let has_form = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
            let after = rest.iter().skip_while(|byte| has_form(byte));
            let stage: Vec<u8> = after.copied().take(8).collect();
            let names = [&b"alpha"[..], b"beta", b"rc"];
            let is_stage = names.iter().any(|name| {
                let number = stage.strip_prefix(*name);
                number.is_some_and(|number| number.iter().all(u8::is_ascii_digit))
            });
            first.is_ascii_digit() && rest.len() < 12 && (stage.is_empty() || is_stage)
        }
        _ => false,
    }
}
