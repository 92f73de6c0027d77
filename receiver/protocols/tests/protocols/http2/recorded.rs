//! Recordings: grpcio 1.85, Node 20, nginx 1.22 with curl and h2load, hypercorn with curl.

use tapline_protocols::{
    conversation::{Outcome, Since},
    parser::Told,
};

use super::{lines, played, recording};
use crate::script::{in_pieces, protocol, recognised, replay};

const GRPC: &str = "\
grpc shop.Cart/Add OK 1/1
grpc shop.Cart/Add OK 1/1
grpc shop.Cart/Add NOT_FOUND 1/0
grpc shop.Cart/Add INTERNAL 1/0
grpc shop.Cart/Nope UNIMPLEMENTED 1/0
grpc shop.Cart/List OK 1/3
grpc shop.Cart/Upload OK 2/1
grpc shop.Cart/Chat OK 4/4
grpc shop.Cart/Add CANCELLED(Reset) 1/0 CANCEL
grpc shop.Cart/Add CANCELLED(Reset) 1/0 CANCEL
grpc shop.Cart/Add OK 1/1
";

const NODE: &str = "\
http2 GET /a?q=1 200 0/2
http2 GET /early 200 0/2
http2 GET /reset 0 0/0 INTERNAL_ERROR
http2 GET /push 200 0/2
http2 GET /trailers 200 0/3
http2 PUT /post 200 1000/2
http2 POST /soon 413 0/2
http2 POST /slow 200 0/2
";

// The ninth call was given up by its deadline: a replay is too fast for that to show.
#[test]
fn calls_of_all_four_kinds_are_told_with_their_statuses() {
    let seen = played(&recording("grpcio"));
    assert_eq!(lines(&seen), GRPC);
}

#[test]
fn requests_are_told_with_all_that_may_happen_to_them() {
    let seen = played(&recording("node"));
    assert_eq!(lines(&seen), NODE);
}

#[test]
fn an_upgraded_request_is_answered_in_the_new_protocol() {
    let acts = recording("upgrade");
    let seen = replay(protocol("http"), &acts, Since::Begin);
    assert_eq!(
        lines(&seen),
        "http1.1 GET /up 200 0/5\nhttp2 GET /second?x=1 200 0/5\n"
    );
    for size in 1..4 {
        let pieces = replay(protocol("http"), &in_pieces(&acts, size), Since::Begin);
        assert_eq!(lines(&pieces), lines(&seen), "in pieces of {size}");
    }
}

#[test]
fn many_streams_at_once_are_told_apart() {
    let seen = played(&recording("h2load"));
    assert_eq!(lines(&seen), "http2 GET / 200 0/6\n".repeat(20));
    assert_eq!(
        lines(&played(&recording("nginx"))),
        "http2 POST /broken 500 6/177\n"
    );
}

#[test]
fn pieces_of_any_size_tell_the_same() {
    for name in ["grpcio", "node", "nginx", "h2load"] {
        let acts = recording(name);
        let whole = lines(&played(&acts));
        for size in [1, 2, 3, 7, 50] {
            assert_eq!(
                lines(&played(&in_pieces(&acts, size))),
                whole,
                "{name} by {size}"
            );
        }
    }
}

#[test]
fn headers_of_the_allow_list_are_kept_and_no_others() {
    let seen = played(&recording("node"));
    let Told::Http(first) = &seen.told[0].1 else {
        panic!("{:?}", seen.told[0])
    };
    assert_eq!(first.request.headers.request_id.as_deref(), Some("id-1"));
    assert_eq!(first.request.host.as_deref(), Some("127.0.0.1:15072"));
    assert_eq!(first.request.scheme.as_deref(), Some("http"));
    assert_eq!(first.outcome, Outcome::Answered);
    let response = first.response.as_ref().expect("a response");
    assert_eq!(
        (response.version, response.content_type.as_deref()),
        ("2", Some("text/plain"))
    );
    let text = format!("{:?}", played(&recording("grpcio")).told);
    assert!(
        !text.contains("said so") && !text.contains("failINTERNAL"),
        "{text}"
    );
}

#[test]
fn a_trace_that_goes_on_is_told_with_the_request() {
    let seen = played(&recording("grpcio"));
    let traced: Vec<u32> = seen.traced.clone();
    assert_eq!(traced, [0], "the first call only");
}

#[test]
fn recordings_are_recognised_and_nobody_else_takes_them() {
    for (name, expected) in [("grpcio", 0), ("node", 0), ("nginx", 0), ("h2load", 0)] {
        for toward_known in [true, false] {
            let acts = recording(name);
            assert_eq!(
                recognised(&acts, toward_known),
                Some(("http2", expected)),
                "{name}"
            );
        }
    }
    assert_eq!(recognised(&recording("upgrade"), false), Some(("http", 0)));
}
