"""An OTLP backend that decodes with the official Python packages, and nothing of ours.

Prints one JSON line for each request: its signal, what it carried in OTLP's JSON form, and whether
anything was in it that the official definitions do not know. Needs `opentelemetry-proto`.
"""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

SIGNALS = {
    "/v1/traces": (traces.ExportTraceServiceRequest, traces.ExportTraceServiceResponse),
    "/v1/metrics": (metrics.ExportMetricsServiceRequest, metrics.ExportMetricsServiceResponse),
    "/v1/logs": (logs.ExportLogsServiceRequest, logs.ExportLogsServiceResponse),
}

one_at_a_time = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        request, response = SIGNALS[self.path]
        message = request()
        try:
            message.ParseFromString(body)
        except DecodeError as error:
            self.tell(error=str(error))
            return self.answer(400, b"")
        # What is not known is kept by the parser; only without it the size is that of the known.
        size = message.ByteSize()
        message.DiscardUnknownFields()
        self.tell(unknown_bytes=size - message.ByteSize(), request=MessageToDict(message))
        self.answer(200, response().SerializeToString())

    def tell(self, **facts):
        line = json.dumps({"path": self.path, "type": self.headers["Content-Type"], **facts})
        with one_at_a_time:
            print(line)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("listening on port", server.server_port)
server.serve_forever()
