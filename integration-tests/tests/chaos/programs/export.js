// Exports spans, log records and metrics with the official SDK: export.js grpc|proto|http ENDPOINT.
// `http` is the SDK's name for JSON. What it exports is fixed, so that the test can say what must
// arrive. It fails if an export fails.
"use strict";

const { createRequire } = require("node:module");
const { join } = require("node:path");

// The packages are in the target directory, which is where the test starts us.
const load = createRequire(join(process.cwd(), "package.json"));
const { diag, DiagLogLevel } = load("@opentelemetry/api");
const { resourceFromAttributes } = load("@opentelemetry/resources");
const { BasicTracerProvider, BatchSpanProcessor } = load("@opentelemetry/sdk-trace-base");
const { LoggerProvider, SimpleLogRecordProcessor } = load("@opentelemetry/sdk-logs");
const { MeterProvider, PeriodicExportingMetricReader } = load("@opentelemetry/sdk-metrics");

const [protocol, endpoint] = process.argv.slice(2);
const SPANS = 50;
const LOGS = 5;
const resource = resourceFromAttributes({ "service.name": `node-${protocol}` });

// The SDK tells of failed exports here and nowhere else.
const fail = (...words) => {
  console.error(...words);
  process.exitCode = 1;
};
const quiet = () => {};
diag.setLogger(
  { error: fail, warn: fail, info: quiet, debug: quiet, verbose: quiet },
  DiagLogLevel.WARN,
);

function exporter(signal, name) {
  const made = load(`@opentelemetry/exporter-${signal}-otlp-${protocol}`)[name];
  const paths = { trace: "/v1/traces", logs: "/v1/logs", metrics: "/v1/metrics" };
  const url = protocol === "grpc" ? endpoint : endpoint + paths[signal];
  return new made({ url, compression: "gzip" });
}

async function main() {
  const spans = new BatchSpanProcessor(exporter("trace", "OTLPTraceExporter"));
  const tracing = new BasicTracerProvider({ resource, spanProcessors: [spans] });
  const tracer = tracing.getTracer("chaos", "1.2.3");
  for (let number = 0; number < SPANS; number++) {
    const attributes = { number, text: "Grüße", flag: true, list: [1.5, 2.5] };
    const span = tracer.startSpan(`span ${number}`, { attributes });
    span.addEvent("happened", { at: number });
    span.end();
  }
  await tracing.shutdown();

  const processor = new SimpleLogRecordProcessor(exporter("logs", "OTLPLogExporter"));
  const logging = new LoggerProvider({ resource, processors: [processor] });
  for (let number = 0; number < LOGS; number++) {
    const record = { body: `log ${number}`, severityNumber: 13, attributes: { number } };
    logging.getLogger("chaos").emit(record);
  }
  await logging.shutdown();

  const reader = new PeriodicExportingMetricReader({
    exporter: exporter("metrics", "OTLPMetricExporter"),
    exportIntervalMillis: 3_600_000,
  });
  const meters = new MeterProvider({ resource, readers: [reader] });
  const meter = meters.getMeter("chaos");
  meter.createCounter("chaos.counted").add(7, { kind: "a" });
  meter.createHistogram("chaos.measured").record(0.25);
  await meters.shutdown();
}

main().catch((error) => fail(error));
