"""Exports spans, log records and metrics with the official SDK: export.py grpc|http ENDPOINT.

What it exports is fixed, so that the test can say what must arrive. It fails if an export fails.
"""

import sys

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

PROTOCOL, ENDPOINT = sys.argv[1:]
RESOURCE = Resource.create({"service.name": f"python-{PROTOCOL}"})
SPANS, LOGS = 50, 5


def exporters():
    if PROTOCOL == "grpc":
        from grpc import Compression
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        all_have = {"insecure": True, "compression": Compression.Gzip}
        paths = ["", "", ""]
    else:
        from opentelemetry.exporter.otlp.proto.http import Compression
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        all_have = {"compression": Compression.Gzip}
        paths = ["/v1/traces", "/v1/logs", "/v1/metrics"]
    kinds = [OTLPSpanExporter, OTLPLogExporter, OTLPMetricExporter]
    return [make(endpoint=ENDPOINT + path, **all_have) for make, path in zip(kinds, paths)]


def main():
    spans, logs, metrics = exporters()
    tracing = TracerProvider(resource=RESOURCE)
    tracing.add_span_processor(BatchSpanProcessor(spans))
    tracer = tracing.get_tracer("chaos", "1.2.3")
    for number in range(SPANS):
        attributes = {"number": number, "text": "Grüße", "flag": True, "list": [1.5, 2.5]}
        with tracer.start_as_current_span(f"span {number}", attributes=attributes) as span:
            span.add_event("happened", {"at": number})
    tracing.shutdown()

    logging = LoggerProvider(resource=RESOURCE)
    logging.add_log_record_processor(SimpleLogRecordProcessor(logs))
    for number in range(LOGS):
        record = LogRecord(
            body=f"log {number}",
            severity_number=SeverityNumber.WARN,
            attributes={"number": number},
        )
        logging.get_logger("chaos").emit(record)
    logging.shutdown()

    reader = PeriodicExportingMetricReader(metrics, export_interval_millis=3_600_000)
    meters = MeterProvider(metric_readers=[reader], resource=RESOURCE)
    meter = meters.get_meter("chaos")
    meter.create_counter("chaos.counted").add(7, {"kind": "a"})
    meter.create_histogram("chaos.measured").record(0.25)
    meters.shutdown()


main()
