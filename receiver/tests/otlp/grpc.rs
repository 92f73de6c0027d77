//! OTLP/gRPC: framing, compressions, limits, and every kind of answer.

use std::time::Duration;

use bytes::Bytes;
use tapline_net::{compression::Compression, grpc::Code};
use tapline_pdata::Signal;
use tapline_pipeline::{Fault, Refusal};

use crate::{
    harness::{framed, start, start_with},
    samples::{method, request},
};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

#[tokio::test]
async fn every_signal_arrives_in_every_compression() {
    let running = start().await;
    let ways = [
        ("identity", Compression::None),
        ("gzip", Compression::Gzip),
        ("zstd", Compression::Zstd),
        ("snappy", Compression::SnappyFramed),
        ("snappy", Compression::Snappy),
        ("deflate", Compression::Deflate),
    ];
    for signal in Signal::ALL {
        let sent = request(signal);
        for (name, compression) in ways {
            let packed = compression.compress(0, &[Bytes::from(sent.clone())]);
            let flag = u8::from(compression != Compression::None);
            let body = framed(flag, &packed.expect("memory takes writes"));
            let headers = [("grpc-encoding", name)];
            let answer = running.call(method(signal), &headers, &[&body]).await;
            assert_eq!(answer.code(), 0, "{signal} {name}: {}", answer.message());
            assert_eq!(answer.body, [0; 5].as_slice(), "the message has no field");
            let taken = running.pipeline.take();
            let [batch] = taken.as_slice() else {
                panic!("{signal} {name}: {} batches", taken.len());
            };
            assert_eq!((batch.signal(), batch.items()), (signal, 1), "{name}");
            assert_eq!(batch.to_bytes(), sent, "{signal} {name}");
        }
    }
}

#[tokio::test]
async fn a_message_may_come_in_any_pieces() {
    let running = start().await;
    let sent = request(Signal::Traces);
    let body = framed(0, &sent);
    for size in [1, 2, 5, 6, 1000] {
        let pieces: Vec<&[u8]> = body.chunks(size).collect();
        let answer = running.call(EXPORT, &[], &pieces).await;
        assert_eq!(answer.code(), 0, "{size}: {}", answer.message());
        assert_eq!(running.pipeline.take()[0].to_bytes(), sent, "{size}");
    }
}

#[tokio::test]
async fn a_message_larger_than_any_window_arrives() {
    let running = start().await;
    // Requests side by side are a request.
    let sent = request(Signal::Traces).repeat(5000);
    assert!(sent.len() > 5 << 20);
    let answer = running.export(Signal::Traces, &sent).await;
    assert_eq!(answer.code(), 0, "{}", answer.message());
    let taken = running.pipeline.take();
    assert_eq!(taken[0].items(), 5000);
    assert_eq!(taken[0].to_bytes(), sent);
}

#[tokio::test]
async fn broken_framing_is_an_error_of_the_protocol() {
    let running = start().await;
    let whole = framed(0, &request(Signal::Traces));
    let cases: [(&str, Vec<u8>); 5] = [
        ("the request has no message", Vec::new()),
        ("the request has no message", whole[..4].to_vec()),
        ("the message ended early", whole[..50].to_vec()),
        ("unknown message flag 2", framed(2, b"x")),
        (
            "more than one message in a unary call",
            [whole.clone(), whole.clone()].concat(),
        ),
    ];
    for (message, body) in cases {
        let answer = running.call(EXPORT, &[], &[&body]).await;
        assert_eq!(
            (answer.code(), answer.message()),
            (Code::Internal as i32, message)
        );
    }
    let compressed = framed(1, b"x");
    let answer = running.call(EXPORT, &[], &[&compressed]).await;
    assert_eq!(answer.code(), Code::Internal as i32, "no grpc-encoding");
    let answer = running
        .call(EXPORT, &[("grpc-encoding", "br")], &[&compressed])
        .await;
    assert_eq!(answer.code(), Code::Unimplemented as i32);
    assert!(
        answer.headers["grpc-accept-encoding"]
            .to_str()
            .is_ok_and(|it| it.contains("gzip"))
    );
    let answer = running
        .call(EXPORT, &[("grpc-encoding", "gzip")], &[&compressed])
        .await;
    assert!(
        answer.message().starts_with("message is not valid gzip"),
        "{answer:?}"
    );
    assert!(running.pipeline.take().is_empty());
}

#[tokio::test]
async fn what_is_no_grpc_call_is_refused_in_http() {
    let running = start().await;
    let answer = running
        .call(EXPORT, &[("content-type", "text/html")], &[b""])
        .await;
    assert_eq!(answer.status, 415);
    let answer = running
        .call("/some.Service/Method", &[], &[&framed(0, b"")])
        .await;
    assert_eq!(answer.code(), Code::Unimplemented as i32);
    assert_eq!(answer.message(), "unknown method /some.Service/Method");
}

#[tokio::test]
async fn a_signal_without_a_pipeline_is_not_served() {
    let running = start_with(&[Signal::Logs], "", "", Vec::new()).await;
    let answer = running.export(Signal::Logs, &request(Signal::Logs)).await;
    assert_eq!(answer.code(), 0);
    let answer = running
        .export(Signal::Traces, &request(Signal::Traces))
        .await;
    assert_eq!(answer.code(), Code::Unimplemented as i32);
}

#[tokio::test]
async fn messages_over_the_limit_are_refused_for_good() {
    let limit = ", max_recv_msg_size_mib: 1";
    let running = start_with(&Signal::ALL, limit, "", Vec::new()).await;
    let large = vec![0; (1 << 20) + 1];
    let told = running.export(Signal::Traces, &large).await;
    assert_eq!(told.code(), Code::ResourceExhausted as i32);
    assert_eq!(told.retry_after(), None, "sending it again cannot help");
    assert!(
        told.message()
            .contains("larger than the limit of 1048576 bytes"),
        "{told:?}"
    );
    let bomb = Compression::Zstd.compress(0, &[Bytes::from(large)]);
    let bomb = framed(1, &bomb.expect("memory takes writes"));
    let told = running
        .call(EXPORT, &[("grpc-encoding", "zstd")], &[&bomb])
        .await;
    assert_eq!(told.code(), Code::ResourceExhausted as i32, "{told:?}");
    assert_eq!(running.memory.held_bytes(), 0);
}

#[tokio::test]
async fn malformed_requests_say_where() {
    let running = start().await;
    let mut broken = request(Signal::Traces);
    broken.truncate(20);
    let told = running.export(Signal::Traces, &broken).await;
    assert_eq!(told.code(), Code::InvalidArgument as i32);
    let message = "cannot read the traces request: ExportTraceServiceRequest at byte 0";
    assert!(told.message().starts_with(message), "{told:?}");
}

#[tokio::test]
async fn a_request_without_items_is_no_business_of_the_pipeline() {
    let running = start().await;
    for signal in Signal::ALL {
        let told = running.export(signal, b"").await;
        assert_eq!(told.code(), 0, "{signal}");
    }
    assert!(running.pipeline.take().is_empty());
}

#[tokio::test]
async fn refusals_say_whether_and_when_to_try_again() {
    let running = start().await;
    let second = Some(Duration::from_secs(1));
    let half = Some(Duration::from_millis(500));
    let cases = [
        (
            Refusal::never(Fault::Sender, "bad"),
            Code::InvalidArgument,
            None,
        ),
        (Refusal::never(Fault::Backend, "gone"), Code::Internal, None),
        (
            Refusal::later(Fault::Backend, "down", None),
            Code::Unavailable,
            second,
        ),
        (
            Refusal::later(Fault::Backend, "down", half),
            Code::Unavailable,
            half,
        ),
        (Refusal::full("full"), Code::ResourceExhausted, second),
    ];
    for (refusal, code, delay) in cases {
        let cause = refusal.cause.clone();
        running.pipeline.refuse(refusal);
        let told = running
            .export(Signal::Traces, &request(Signal::Traces))
            .await;
        assert_eq!((told.code(), told.message()), (code as i32, cause.as_str()));
        assert_eq!(told.retry_after(), delay, "{cause}");
    }
}

#[tokio::test]
async fn a_deadline_of_the_client_is_kept() {
    let running = start().await;
    *running.pipeline.waits.lock().expect("nobody panics") = true;
    let body = framed(0, &request(Signal::Traces));
    let told = running
        .call(EXPORT, &[("grpc-timeout", "20m")], &[&body])
        .await;
    assert_eq!(told.code(), Code::DeadlineExceeded as i32);
    assert_eq!(running.memory.held_bytes(), 0, "nothing is left of it");
}
