//! Bytes that nobody should send, to every parser there is.

use proptest::collection::vec;
use proptest::prelude::*;
use tapline_protocols::{
    conversation::{Since, Toward},
    recognition::PROTOCOLS,
};

use super::script::{Act, recognised, replay};

/// What one parser may hold at most.
const HELD_MAX: usize = 2 * 1024 * 1024;

fn toward() -> impl Strategy<Value = Toward> {
    prop_oneof![Just(Toward::Server), Just(Toward::Client)]
}

/// Small numbers and letters are what lengths, types and names are made of.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![0u8..8, any::<u8>(), Just(b'\r'), Just(b'\n'), Just(b' ')];
    vec(byte, 0..200)
}

fn act() -> impl Strategy<Value = Act> {
    let chunk = (
        toward(),
        bytes(),
        prop_oneof![4 => Just(0usize), 1 => 0usize..5000],
    );
    prop_oneof![
        8 => chunk.prop_map(|(toward, bytes, missing)| Act::Chunk { toward, bytes, missing }),
        1 => (toward(), proptest::option::of(0u64..1000)).prop_map(|(t, len)| Act::Gap(t, len)),
        1 => Just(Act::Expire),
        1 => Just(Act::Close),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The replay checks that each exchange is announced, and told once.
    #[test]
    fn no_bytes_break_any_parser(acts in vec(act(), 0..40)) {
        for protocol in PROTOCOLS {
            for since in [Since::Begin, Since::Later] {
                let seen = replay(protocol, &acts, since);
                let held = seen.held_max;
                prop_assert!(held <= HELD_MAX, "{} holds {held}", protocol.name);
            }
        }
        let _any = recognised(&acts, true);
    }
}
