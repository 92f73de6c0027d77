//! One case for each form that tracers write, and for each way to write it wrong.

use super::*;

const TRACE: &str = "463ac35c9f6413ad48485a3953bb6124";
const SPAN: &str = "a2fb4a1d1a96d312";

fn read(headers: &[(&str, &str)]) -> Option<TraceContext> {
    let mut found = Headers::default();
    for (name, value) in headers {
        found.take(name.as_bytes(), value.as_bytes());
    }
    found.read()
}

/// Shows the context of headers: format, trace, span and flags of each parent.
fn shown(headers: &[(&str, &str)]) -> String {
    use std::fmt::Write;
    let Some(context) = read(headers) else {
        return "none".to_owned();
    };
    let mut text = String::new();
    for parent in context.parents() {
        let span = |id| format!("{:016x}", u64::from_be_bytes(id));
        let span = parent.span_id.map_or("-".to_owned(), span);
        let trace = u128::from_be_bytes(parent.trace_id);
        let (format, flags) = (parent.format, parent.flags);
        write!(text, "{format:?} {trace:032x} {span} {flags};").expect("a string");
    }
    if context.malformed() > 0 {
        write!(text, "{} malformed", context.malformed()).expect("a string");
    }
    text
}

fn is(headers: &[(&str, &str)], format: &str, flags: u8) {
    let expected = format!("{format} {TRACE} {SPAN} {flags};");
    assert_eq!(shown(headers), expected, "{headers:?}");
}

fn malformed(headers: &[(&str, &str)]) {
    assert_eq!(shown(headers), "1 malformed", "{headers:?}");
}

#[test]
fn reads_every_form_of_b3() {
    let whole = format!("{TRACE}-{SPAN}");
    is(&[("b3", &whole)], "B3", 1);
    for (end, flags) in [("-1", 1), ("-0", 0), ("-d", 1), ("-0-05e3ac9a4f6e3b90", 0)] {
        is(&[("B3", &format!("{whole}{end}"))], "B3", flags);
    }
    for decision in ["0", "1", "d"] {
        assert_eq!(shown(&[("b3", decision)]), "none");
    }
    let short = format!("{}-{SPAN}-1", &TRACE[16..]);
    let padded = format!("B3 0000000000000000{} {SPAN} 1;", &TRACE[16..]);
    assert_eq!(shown(&[("b3", &short)]), padded);
    let zero = format!("{}-{SPAN}-1", "0".repeat(32));
    let more = format!("{whole}-1-05e3ac9a4f6e3b90-");
    for text in [
        "",
        "2",
        TRACE,
        &whole[1..],
        &format!("{whole}-x"),
        &zero,
        &more,
    ] {
        malformed(&[("b3", text)]);
    }
}

#[test]
fn reads_b3_of_several_headers() {
    let ids = [("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN)];
    is(&ids, "B3Multi", 1);
    let with = |more: &[(&'static str, &'static str)]| [&ids[..], more].concat();
    is(&with(&[("X-B3-Sampled", "0")]), "B3Multi", 0);
    is(&with(&[("x-b3-sampled", "true")]), "B3Multi", 1);
    is(
        &with(&[("X-B3-Flags", "1"), ("X-B3-Sampled", "0")]),
        "B3Multi",
        1,
    );
    is(
        &with(&[("X-B3-Flags", "0"), ("X-B3-Sampled", "0")]),
        "B3Multi",
        0,
    );
    is(&with(&[("X-B3-SpanId", SPAN)]), "B3Multi", 1);
    malformed(&with(&[("X-B3-SpanId", "a2fb4a1d1a96d313")]));
    malformed(&with(&[("X-B3-Sampled", "yes")]));
    malformed(&ids[..1]);
    malformed(&ids[1..]);
    assert_eq!(shown(&[("X-B3-Sampled", "0")]), "none");
}

#[test]
fn reads_jaeger_plain_and_encoded() {
    is(
        &[("uber-trace-id", &format!("{TRACE}:{SPAN}:0:1"))],
        "Jaeger",
        1,
    );
    is(
        &[("Uber-Trace-Id", &format!("{TRACE}%3A{SPAN}%3a1f%3A00"))],
        "Jaeger",
        0,
    );
    is(
        &[("uber-trace-id", &format!("{TRACE}:{SPAN}:0:3"))],
        "Jaeger",
        1,
    );
    let short = shown(&[("uber-trace-id", "1f:2:0:1")]);
    assert_eq!(short, format!("Jaeger {:032x} {:016x} 1;", 0x1f, 2));
    for text in [
        "",
        "1:2:0",
        "1:2:0:1:4",
        "0:2:0:1",
        "1:0:0:1",
        "1:2::1",
        "1:2:0:100",
        "1%2A2:0:1",
    ] {
        malformed(&[("uber-trace-id", text)]);
    }
}

#[test]
fn reads_datadog_with_and_without_the_upper_half() {
    let low = u64::from_str_radix(&TRACE[16..], 16)
        .expect("hex")
        .to_string();
    let span = u64::from_str_radix(SPAN, 16).expect("hex").to_string();
    let ids = [
        ("x-datadog-trace-id", &*low),
        ("x-datadog-parent-id", &*span),
    ];
    let with = |more: &[(&'static str, &'static str)]| [&ids[..], more].concat();
    let half = format!("Datadog 0000000000000000{} {SPAN} 1;", &TRACE[16..]);
    assert_eq!(shown(&ids), half);
    let tags = ("x-datadog-tags", "_dd.p.dm=-1,_dd.p.tid=463ac35c9f6413ad");
    is(&with(&[tags]), "Datadog", 1);
    is(
        &with(&[tags, ("x-datadog-sampling-priority", "-1")]),
        "Datadog",
        0,
    );
    is(
        &with(&[tags, ("x-datadog-sampling-priority", "2")]),
        "Datadog",
        1,
    );
    malformed(&with(&[("x-datadog-tags", "_dd.p.tid=463ac35c9f6413a")]));
    malformed(&with(&[("x-datadog-sampling-priority", "high")]));
    malformed(&ids[..1]);
    malformed(&[("x-datadog-trace-id", "18446744073709551616"), ids[1]]);
    malformed(&[("x-datadog-trace-id", "0"), ids[1]]);
}

#[test]
fn reads_xray_whole_and_with_the_root_alone() {
    let root = format!("Root=1-{}-{}", &TRACE[..8], &TRACE[8..]);
    is(
        &[(
            "X-Amzn-Trace-Id",
            &format!("{root};Parent={SPAN};Sampled=1"),
        )],
        "XRay",
        1,
    );
    let mixed = format!("Sampled=0; Self=1-2-3;Parent={SPAN};{root};Lineage=a:1");
    is(&[("x-amzn-trace-id", &mixed)], "XRay", 0);
    assert_eq!(
        shown(&[("x-amzn-trace-id", &root)]),
        format!("XRay {TRACE} - 1;")
    );
    assert_eq!(shown(&[("x-amzn-trace-id", "Sampled=0")]), "none");
    for text in [
        format!("{root};{root}"),
        format!("{root};Parent=0000000000000000"),
        format!("{root};Parent={SPAN};Sampled=x"),
        format!("{root};what"),
        format!("Parent={SPAN}"),
        root.replace("1-", "2-"),
        root[..root.len() - 1].to_owned(),
        format!("Root=1-00000000-{}", "0".repeat(24)),
    ] {
        malformed(&[("x-amzn-trace-id", &text)]);
    }
}

#[test]
fn reads_skywalking_as_the_collector_does() {
    let b64 = |text: &str| encoded(text.as_bytes());
    let rest = "c2VydmljZQ==-aW5zdGFuY2U=-L2VuZA==-MTo4MA==";
    let java = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001";
    let text = format!("1-{}-{}-2-{rest}", b64(java), b64(java));
    // Mixed by hand: 12 into the second word, the number into the second half; 2 into the span.
    let number = 16_563_474_296_430_001_u64.swap_bytes();
    let low = 0xa2b8_b11d_92ce_ad7f ^ number;
    let high: u64 = 0x56a5_e1c5_15ae_4c76;
    let span = (high ^ 0x0200_0000_0000_0000) ^ low;
    let expected = format!("SkyWalking {high:016x}{low:016x} {span:016x} 1;");
    assert_eq!(shown(&[("sw8", &text)]), expected);
    let uuid = "463ac35c-9f64-13ad-4848-5a3953bb6124";
    let browser = format!("0-{}-{}-0-{rest}", b64(uuid), b64("segment"));
    assert_eq!(
        shown(&[("sw8", &browser)]),
        format!("SkyWalking {TRACE} - 0;")
    );
    for text in [
        format!("2-{}-{}-0-{rest}", b64(uuid), b64(java)),
        format!("1-{}-{}-0-{rest}", b64("what"), b64(java)),
        format!("1-{}-{}--1-{rest}", b64(java), b64(java)),
        format!("1-{}-{}-0-{rest}-a", b64(java), b64(java)),
        format!("1-{}-{}-0-a", b64(java), b64(java)),
        format!("1-{java}-{java}-0-{rest}"),
    ] {
        malformed(&[("sw8", &text)]);
    }
}

#[test]
fn reads_the_binary_form_of_opencensus() {
    let trace = 0x463a_c35c_9f64_13ad_4848_5a39_53bb_6124_u128.to_be_bytes();
    let span = 0xa2fb_4a1d_1a96_d312_u64.to_be_bytes();
    let bytes = [&[0, 0], &trace[..], &[1], &span, &[2, 0]].concat();
    is(&[("grpc-trace-bin", &encoded(&bytes))], "OpenCensus", 0);
    for end in 0..bytes.len() - 2 {
        malformed(&[("grpc-trace-bin", &encoded(&bytes[..end]))]);
    }
}

#[test]
fn believes_the_first_format_of_the_list() {
    let b3 = format!("{TRACE}-{SPAN}-0");
    let context = read(&[
        ("b3", &b3),
        ("uber-trace-id", "1f:2:0:1"),
        ("tracestate", "a=1"),
        ("traceparent", "malformed"),
    ])
    .expect("something");
    let of = |formats: &[Format]| context.chosen(formats).map(|parent| parent.format);
    assert_eq!(of(&Format::ALL), Some(Format::B3));
    assert_eq!(of(&[Format::Jaeger, Format::B3]), Some(Format::Jaeger));
    assert_eq!(of(&[Format::TraceContext]), None);
    assert!(context.is_contradictory(&Format::ALL));
    assert!(!context.is_contradictory(&[Format::B3, Format::TraceContext]));
    assert_eq!((context.state(), context.malformed()), ("", 1));
}

#[test]
fn finds_headers_by_either_way_to_write_them() {
    assert_eq!(Key::of(b"TraceParent"), Some(Key::TraceParent));
    assert_eq!(Key::of_cgi(b"X_B3_TRACEID"), Some(Key::B3TraceId));
    for name in [&b""[..], b"x", b"tracepa\xffent", &[b'x'; 300]] {
        assert_eq!((Key::of(name), Key::of_cgi(name)), (None, None));
    }
}

#[test]
fn looks_at_a_bounded_number_of_values_of_a_bounded_length() {
    let mut headers = Headers::default();
    for _ in 0..10_000 {
        headers.take(b"tracestate", b"a=1");
    }
    headers.take(b"b3", b"1-2");
    assert_eq!(headers.read(), None, "what is behind the bound is not seen");
    let long = "1".repeat(100_000);
    for name in [
        "b3",
        "uber-trace-id",
        "sw8",
        "x-amzn-trace-id",
        "grpc-trace-bin",
        "traceparent",
    ] {
        malformed(&[(name, &long)]);
    }
}

fn encoded(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            let index = bits >> (18 - 6 * at) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}
