"""Asks once for each format of trace headers: PORT. OpenTelemetry's own propagators write those that
they know; the others are written by hand, as their tracers do. Path and headers name the same."""

import base64
import http.client
import sys

from opentelemetry import trace
from opentelemetry.propagators.aws import AwsXRayPropagator
from opentelemetry.propagators.b3 import B3MultiFormat, B3SingleFormat
from opentelemetry.propagators.jaeger import JaegerPropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACE, SPAN = 0x463AC35C9F6413AD48485A3953BB6124, 0xA2FB4A1D1A96D312


def written(propagator, flags):
    flags = trace.TraceFlags(flags)
    said = trace.SpanContext(TRACE, SPAN, is_remote=False, trace_flags=flags)
    headers = {}
    context = trace.set_span_in_context(trace.NonRecordingSpan(said))
    propagator.inject(headers, context=context)
    assert headers, propagator
    return headers


def datadog(flags):
    return {
        "x-datadog-trace-id": str(TRACE & (1 << 64) - 1),
        "x-datadog-parent-id": str(SPAN),
        "x-datadog-sampling-priority": str(flags),
        "x-datadog-tags": f"_dd.p.dm=-1,_dd.p.tid={TRACE >> 64:016x}",
    }


def sw8(flags):
    # A segment whose halves come to the span when they are folded, with the index 0.
    segment = TRACE >> 64 << 64 | (TRACE >> 64) ^ SPAN
    texts = [f"{TRACE:032x}", f"{segment:032x}"]
    texts = [base64.b64encode(text.encode()).decode() for text in texts]
    rest = [base64.b64encode(text).decode() for text in (b"a", b"b", b"/c", b"d:1")]
    return {"sw8": "-".join([str(flags), *texts, "0", *rest])}


def opencensus(flags):
    ids = TRACE.to_bytes(16, "big"), SPAN.to_bytes(8, "big")
    fields = b"\0\0" + ids[0] + b"\1" + ids[1] + b"\2" + bytes([flags])
    return {"grpc-trace-bin": base64.b64encode(fields).decode().rstrip("=")}


def of(propagator):
    return lambda flags: written(propagator, flags)


FORMATS = {
    "tracecontext": of(TraceContextTextMapPropagator()),
    "b3": of(B3SingleFormat()),
    "b3multi": of(B3MultiFormat()),
    "jaeger": of(JaegerPropagator()),
    "xray": of(AwsXRayPropagator()),
    "datadog": datadog,
    "sw8": sw8,
    "opencensus": opencensus,
}


def ask(path, headers):
    # One connection each: a request is told when its own bytes are.
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
    connection.request("GET", path, headers=headers)
    assert connection.getresponse().read() == b"ok\n"
    connection.close()


for name, headers in FORMATS.items():
    for flags in (0, 1):
        ask(f"/e6f1-{name}/{flags}", headers(flags))
everything = {}
for headers in FORMATS.values():
    everything.update(headers(1))
ask("/e6f1-agreed", everything)
everything["traceparent"] = "00-11111111111111111111111111111111-2222222222222222-00"
ask("/e6f1-contradicted", everything)
everything["traceparent"] += "-no"
ask("/e6f1-malformed", everything)
