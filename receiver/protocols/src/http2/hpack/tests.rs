//! Header blocks that another implementation wrote (`hpack` 4 of PyPI), with tables of many sizes.

use super::*;
use crate::wanted::NOTHING;

const BLOCKS: &str = include_str!("../../../testdata/http2/hpack.txt");

/// Each block, with the headers in it whose values are kept.
fn blocks() -> Vec<(Vec<u8>, Vec<&'static str>)> {
    let block = |line: &'static str| {
        let mut words = line.split(' ');
        let digits = words.next().expect("a block");
        let bytes = (0..digits.len() / 2)
            .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("digits"));
        (bytes.collect(), words.collect())
    };
    BLOCKS.lines().map(block).collect()
}

fn headers(decoder: &mut Decoder, block: &[u8]) -> (Decoded, Vec<String>, usize) {
    let (mut known, mut unknown) = (Vec::new(), 0);
    let decoded = decoder.decode(block, true, |name, value| {
        let value = match value {
            Value::Unknown => {
                unknown += usize::from(name == Name::Unknown);
                return;
            }
            Value::Static(text) => text.to_owned(),
            Value::Shared(text, _) => text.to_string(),
            Value::Said(bytes, _) => text(bytes, bytes.len()),
        };
        if let Some(name) = name.text() {
            known.push(format!("{name}={value}"));
        }
    });
    (decoded, known, unknown)
}

#[test]
fn reads_all_of_what_another_implementation_wrote() {
    let mut decoder = Decoder::new(true, &NOTHING, true);
    for (number, (block, expected)) in blocks().into_iter().enumerate() {
        let (decoded, known, unknown) = headers(&mut decoder, &block);
        assert_eq!((decoded, unknown), (Decoded::Whole, 0), "block {number}");
        assert_eq!(known, expected, "block {number}");
    }
}

#[test]
fn evicts_exactly_when_the_other_end_does() {
    // A reference to an entry that should be gone is refused, so it is gone; the test above shows
    // that nothing is gone too early.
    let mut decoder = Decoder::new(true, &NOTHING, true);
    let fill = |value: u8| {
        let mut block = vec![0x40, 1, b'a', 0x7f];
        let len = 2000usize - 127;
        block.push(u8::try_from(len & 0x7f).expect("seven bits") | 0x80);
        block.push(u8::try_from(len >> 7).expect("the rest"));
        block.extend(std::iter::repeat_n(value, 2000));
        block
    };
    for value in *b"xyz" {
        assert_eq!(headers(&mut decoder, &fill(value)).0, Decoded::Whole);
    }
    // 2033 bytes each: two fit into 4096.
    assert_eq!(headers(&mut decoder, &[0xbe, 0xbf]).0, Decoded::Whole);
    assert_eq!(headers(&mut decoder, &[0xc0]).0, Decoded::Wrong);
}

#[test]
fn what_was_said_before_is_unknown_and_what_comes_later_is_known_again() {
    let blocks = blocks();
    for first in 1..blocks.len() {
        let mut decoder = Decoder::new(false, &NOTHING, true);
        let mut all_known = 0;
        for (number, (block, expected)) in blocks[first..].iter().enumerate() {
            let (decoded, known, unknown) = headers(&mut decoder, block);
            assert_eq!(decoded, Decoded::Whole, "block {number} from {first}");
            let are_true = known
                .iter()
                .all(|header| expected.contains(&header.as_str()));
            assert!(are_true, "{known:?} of {expected:?}");
            assert!(
                known.len() + unknown >= expected.len(),
                "{known:?} of {expected:?}"
            );
            all_known += usize::from(unknown == 0);
        }
        // The table is emptied at the eightieth block: then everything is known from there on.
        let since = if first <= 80 { blocks.len() - 80 } else { 0 };
        assert!(all_known >= since, "{all_known} of {since} from {first}");
    }
}

#[test]
fn a_lost_block_makes_the_table_unknown_and_nothing_wrong() {
    let blocks = blocks();
    for lost in 0..60 {
        let mut decoder = Decoder::new(true, &NOTHING, true);
        for (number, (block, expected)) in blocks.iter().enumerate() {
            if number == lost {
                let half = &block[..block.len() / 2];
                let mut known = Vec::new();
                decoder.decode(half, false, |name, _| known.push(name));
                continue;
            }
            let (_, known, _) = headers(&mut decoder, block);
            let are_true = known
                .iter()
                .all(|header| expected.contains(&header.as_str()));
            assert!(are_true, "{known:?} of {expected:?}, {lost} lost");
        }
    }
}

#[test]
fn holds_no_more_than_the_largest_table() {
    let mut decoder = Decoder::new(false, &NOTHING, true);
    for number in 0..100_000u32 {
        let path = number.to_be_bytes();
        let block = [&[0x44, 4][..], &path].concat();
        decoder.decode(&block, true, |_, _| {});
    }
    assert!(decoder.held() < 4 * SIZE_MAX, "{}", decoder.held());
}
