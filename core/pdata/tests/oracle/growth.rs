//! Time and memory grow with the input, not with its square, whatever it says.
//!
//! Each input is made small and eight times as large. The larger may take 32 times as long: four
//! times what is linear, half of what is quadratic. The best of several runs counts, because the
//! machine has other things to do.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use tapline_pdata::{Batch, MAX_REPEATED_BYTES, Signal, json, text};

const FACTOR: usize = 8;

fn best(mut run: impl FnMut()) -> Duration {
    let once = || {
        let begin = Instant::now();
        run();
        begin.elapsed()
    };
    std::iter::repeat_with(once)
        .take(5)
        .min()
        .expect("five runs")
}

/// Runs with inputs made from `len` and `FACTOR * len` repetitions.
fn assert_linear<I>(what: &str, len: usize, make: impl Fn(usize) -> I, run: impl Fn(&I)) {
    let (small, large) = (make(len), make(FACTOR * len));
    let (short, long) = (best(|| run(&small)), best(|| run(&large)));
    let bound = short.max(Duration::from_micros(50)) * 4 * FACTOR as u32;
    assert!(long < bound, "{what}: {short:?} became {long:?}");
}

/// What an input is, and how it is made.
type Case = (&'static str, fn(usize) -> String);

fn in_span(inside: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{inside}}}]}}]}}]}}"#)
}

#[test]
fn reading_json_takes_linear_time_and_memory() {
    let repeated: [Case; 10] = [
        ("members of a oneof", |len| {
            let value = r#""arrayValue":{"values":[{},{}]},"kvlistValue":{},"#.repeat(len);
            in_span(&format!(
                r#""attributes":[{{"value":{{{value}"intValue":1}}}}]"#
            ))
        }),
        ("messages that come again", |len| {
            in_span(&format!(
                r#"{}"name":"n""#,
                r#""status":{"message":"m"},"#.repeat(len)
            ))
        }),
        ("unknown names", |len| {
            in_span(&format!(r#"{}"name":"n""#, r#""x_y":[{}],"#.repeat(len)))
        }),
        ("one long string", |len| {
            in_span(&format!(r#""name":"{}""#, "long".repeat(len)))
        }),
        ("escapes", |len| {
            in_span(&format!(r#""name":"{}""#, r"\n\u00e9".repeat(len)))
        }),
        ("an open string", |len| {
            format!("{{\"a\":\"{}", r"\n\u00e9".repeat(len))
        }),
        ("digits", |len| {
            in_span(&format!(r#""kind":{}"#, "1234".repeat(len)))
        }),
        ("white space", |len| format!("{{{}", "\n \n ".repeat(len))),
        ("open brackets", |len| {
            format!("{{\"a\":{}", "[[[[".repeat(len))
        }),
        ("empty spans", |len| {
            in_span(&format!("}}{}", ",{}".repeat(len))).replace("{}}", "{}")
        }),
    ];
    for (what, make) in repeated {
        assert_linear(what, 2000, make, |text| {
            let read = json::from_json(Signal::Traces, text.as_bytes());
            if let Ok(batch) = &read {
                assert!(batch.size_bytes() <= 8 * text.len() + 64, "{what}");
            }
            black_box(&read);
        });
    }
}

#[test]
fn numbers_in_lists_take_no_more_than_eight_bytes_each() {
    let zeros = vec!["0"; 10_000].join(",");
    let text = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[
        {{"bucketCounts":[{zeros}]}}]}}}}]}}]}}]}}"#
    );
    let batch = json::from_json(Signal::Metrics, text.as_bytes()).expect("it is OTLP/JSON");
    assert!(batch.size_bytes() <= 8 * 10_000 + 64);
}

#[test]
fn deep_json_is_refused_in_little_stack() {
    let small_stack = std::thread::Builder::new().stack_size(256 << 10);
    let run = || {
        for (open, close) in [
            (r#"{"arrayValue":{"values":["#, "]}}"),
            (r#"{"kvlistValue":{"values":[{"value":"#, "}]}}"),
        ] {
            for depth in [60, 5000] {
                let value = format!("{}{{}}{}", open.repeat(depth), close.repeat(depth));
                let inside = in_span(&format!(r#""attributes":[{{"value":{value}}}]"#));
                let read = json::from_json(Signal::Traces, inside.as_bytes());
                assert_eq!(read.is_ok(), depth < 64, "{depth}");
                if let Ok(batch) = read {
                    json::to_json(&batch);
                }
            }
        }
        for open in ["[", "{\"a\":"] {
            let text = format!("{{\"a\":{}", open.repeat(100_000));
            assert!(json::from_json(Signal::Logs, text.as_bytes()).is_err());
        }
        let text = format!("resource a={}", "[".repeat(100_000));
        assert!(text::parse(Signal::Logs, &text).is_err());
        let text = format!("resource a={}", "{a=".repeat(100_000));
        assert!(text::parse(Signal::Logs, &text).is_err());
    };
    let thread = small_stack.spawn(run).expect("a thread starts");
    thread.join().expect("the stack is large enough");
}

#[test]
fn reading_text_takes_linear_time() {
    let repeated: [Case; 6] = [
        ("attributes", |len| {
            format!("resource{}", " key=\"value\"".repeat(len))
        }),
        ("scopes", |len| {
            format!("resource\n{}", "  scope a@1\n".repeat(len))
        }),
        ("spaces", |len| format!("resource{}", "    ".repeat(len))),
        ("an array", |len| {
            format!("resource a=[{}]", " 1 [] {a=2}".repeat(len))
        }),
        ("escapes", |len| {
            format!("resource a=\"{}\"", "\\u{e9}\\n".repeat(len))
        }),
        ("digits", |len| format!("resource a={}", "1234".repeat(len))),
    ];
    for (what, make) in repeated {
        assert_linear(what, 2000, make, |text| {
            drop(black_box(text::parse(Signal::Logs, text)));
        });
    }
}

/// Profiles in which each of `len` samples has a stack, a frame and an attribute of its own.
fn profiles(len: usize) -> Batch {
    let mut text = String::from("resource\n  scope\n    profile \"cpu\" \"ns\"\n");
    for number in 0..len {
        use std::fmt::Write;
        writeln!(text, "      sample 1 | n={number}").expect("a String grows");
        writeln!(text, "        frame {number:#x} \"f{number}\" in \"b\"").expect("a String grows");
    }
    text::parse(Signal::Profiles, &text).expect("it is in the compact form")
}

#[test]
fn joining_and_splitting_profiles_takes_linear_time_and_memory() {
    let make = |len| (profiles(len), profiles(len));
    assert_linear("join", 200, make, |(left, right)| {
        let joined = left.clone().join([right.clone()]);
        assert!(joined.size_bytes() <= left.size_bytes() + right.size_bytes() + 64);
        black_box(joined);
    });
    assert_linear("split", 200, profiles, |whole| {
        let pieces = whole.clone().split(1);
        assert_eq!(pieces.len(), whole.items() as usize);
        let size: usize = pieces.iter().map(Batch::size_bytes).sum();
        assert!(size <= 20 * whole.size_bytes(), "{size}");
    });
}

#[test]
fn what_pieces_repeat_has_a_bound() {
    let large = "x".repeat(1 << 20);
    let spans = "    span server \"\"\n".repeat(1000);
    let traces = format!("resource a=\"{large}\"\n  scope\n{spans}");
    let samples = "      sample 1\n".repeat(1000);
    let profile = "    profile \"\" \"\"\n      sample 2\n        frame 0x1";
    let profiles = format!("resource a=\"{large}\"\n  scope\n{profile}\n{samples}");
    for (signal, text) in [(Signal::Traces, traces), (Signal::Profiles, profiles)] {
        let whole = text::parse(signal, &text).expect("it is in the compact form");
        let pieces = whole.clone().split(1);
        let items: u32 = pieces.iter().map(Batch::items).sum();
        assert_eq!(items, whole.items());
        let size: usize = pieces.iter().map(Batch::size_bytes).sum();
        assert!(
            size <= 3 * whole.size_bytes() + MAX_REPEATED_BYTES,
            "{size}"
        );
        // All but the last are as small as they were asked to be.
        assert!(pieces.len() > 60);
        let (last, others) = pieces.split_last().expect("many pieces");
        assert!(others.iter().all(|piece| piece.items() == 1));
        assert!(last.items() > 900);
    }
}
