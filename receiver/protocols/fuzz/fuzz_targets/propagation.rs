//! Headers of tracers with any values: what is read is whole, and no more than was said.
//!
//! The input is a list of headers: a byte that picks a name, two of a length, and the value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tapline_protocols::propagation::{Format, Headers, Key};

const NAMES: [&str; 16] = [
    "traceparent",
    "tracestate",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
    "uber-trace-id",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
    "x-amzn-trace-id",
    "sw8",
    "grpc-trace-bin",
    "baggage",
];

fuzz_target!(|input: &[u8]| {
    // A name may be anything, too.
    let _ = (Key::of(input), Key::of_cgi(input));
    let (mut headers, mut rest) = (Headers::default(), input);
    while let [name, high, low, after @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, next) = after.split_at(len.min(after.len()));
        headers.take(NAMES[usize::from(name % 16)].as_bytes(), value);
        rest = next;
    }
    let Some(context) = headers.read() else { return };
    let parents: Vec<_> = context.parents().collect();
    assert!(parents.len() + usize::from(context.malformed()) <= Format::ALL.len());
    assert!(parents.is_sorted_by(|a, b| a.format < b.format), "one of each, in their order");
    assert!(context.state().len() <= 512);
    for parent in parents {
        assert_ne!(parent.trace_id, [0; 16]);
        assert_ne!(parent.span_id, Some([0; 8]));
        assert_eq!(context.chosen(&[parent.format]), Some(*parent));
    }
});
