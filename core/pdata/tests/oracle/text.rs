//! The forms of the debug exporter, line by line, and the compact form.

use bytes::Bytes;
use tapline_pdata::{Batch, Signal, text};

use crate::samples::{logs, metrics, traces};

#[test]
fn basic_counts_in_the_collectors_words() {
    let line = |batch| text::basic(&batch).to_string();
    assert_eq!(
        line(traces()),
        "Traces\t{\"resource spans\": 1, \"spans\": 1}"
    );
    assert_eq!(
        line(logs()),
        "Logs\t{\"resource logs\": 1, \"log records\": 1}"
    );
    let metrics_line = "Metrics\t{\"resource metrics\": 1, \"metrics\": 4, \"data points\": 4}";
    assert_eq!(line(metrics()), metrics_line);
}

#[test]
fn normal_shows_a_line_a_record() {
    let expected = "\
ResourceTraces #0 service.name=cart
ScopeTraces #0 shop@1.2 [https://schema/2] lib=true
GET /orders 0102030405060708090a0b0c0d0e0f10 1112131415161718 http.response.status_code=200
";
    assert_eq!(text::normal(&traces()), expected);
    let expected = "\
ResourceLog #0
ScopeLog #0
{\"a\":\"\\u003cb\\u003e \\\"c\\\"\\n\",\"l\":[1e+21,\"aGkhIQ==\",null],\"z\":1} ratio=0.5 env=dev
";
    assert_eq!(text::normal(&logs()), expected);
    let expected = "\
ResourceMetrics #0
ScopeMetrics #0
cpu{state=user,cpu=0} 123.456
took{} count=4 sum=2.5 max=1e+06 le0.5=3 1
size{} count=5 le-2=1 le-1=1 zero=1 le4=2
old{} count=2 sum=3.000000 q0.99=2
";
    assert_eq!(text::normal(&metrics()), expected);
}

#[test]
fn detailed_shows_every_field_of_a_span() {
    let expected = "\
ResourceSpans #0
Resource SchemaURL: 
Resource attributes:
     -> service.name: Str(cart)
Resource entity refs:
     -> Entity ref #0:
          -> Type: service
          -> Schema URL: https://schema/1
          -> ID keys:
               -> service.name
          -> Description keys:
               -> service.version
ScopeSpans #0
ScopeSpans SchemaURL: https://schema/2
InstrumentationScope shop 1.2
InstrumentationScope attributes:
     -> lib: Bool(true)
Span #0
    Trace ID       : 0102030405060708090a0b0c0d0e0f10
    Parent ID      : 
    ID             : 1112131415161718
    Name           : GET /orders
    Kind           : Server
    TraceState     : ot=th:8
    Start time     : 2020-09-13 12:26:40 +0000 UTC
    End time       : 2020-09-13 12:26:40.0124 +0000 UTC
    Status code    : Error
    Status message : broken pipe
    DroppedAttributesCount: 3
    DroppedEventsCount: 0
    DroppedLinksCount: 0
Attributes:
     -> http.response.status_code: Int(200)
Events:
SpanEvent #0
     -> Name: retry
     -> Timestamp: 2020-09-13 12:26:40.001 +0000 UTC
     -> DroppedAttributesCount: 0
     -> Attributes::
          -> why: Str(timeout)
Links:
SpanLink #0
     -> Trace ID: 08080808080808080808080808080808
     -> ID: 0909090909090909
     -> TraceState: 
     -> DroppedAttributesCount: 0
";
    assert_eq!(text::detailed(&traces()), expected);
}

#[test]
fn detailed_shows_every_field_of_a_log_record() {
    let expected = "\
ResourceLog #0
Resource SchemaURL: 
ScopeLogs #0
ScopeLogs SchemaURL: 
InstrumentationScope  
LogRecord #0
ObservedTimestamp: 1970-01-01 00:00:00 +0000 UTC
Timestamp: 2020-09-13 12:26:40.5 +0000 UTC
SeverityText: INFO
SeverityNumber: Info(9)
EventName: started
Body: Map({\"a\":\"\\u003cb\\u003e \\\"c\\\"\\n\",\"l\":[1e+21,\"aGkhIQ==\",null],\"z\":1})
Attributes:
     -> ratio: Double(0.5)
     -> env: Str(dev)
Trace ID: 
Span ID: 
Flags: 0
";
    assert_eq!(text::detailed(&logs()), expected);
}

#[test]
fn detailed_shows_every_field_of_a_point() {
    let shown = text::detailed(&metrics());
    let from = |title: &str| shown.split_once(title).expect("is shown").1;
    let counter = "
     -> DataType: Sum
     -> IsMonotonic: true
     -> AggregationTemporality: Cumulative
NumberDataPoints #0
Data point attributes:
     -> state: Str(user)
     -> cpu: Str(0)
StartTimestamp: 1970-01-01 00:00:00 +0000 UTC
Timestamp: 1970-01-01 00:00:00 +0000 UTC
Value: 123.456000
Exemplars:
Exemplar #0
     -> Trace ID: 08080808080808080808080808080808
     -> Span ID: 0909090909090909
     -> Timestamp: 1970-01-01 00:00:00 +0000 UTC
     -> Value: 0.250000
     -> FilteredAttributes:
          -> user: Str(7)
Metric #1
Descriptor:
     -> Name: took
     -> Description: 
     -> Unit: s
";
    assert!(from("Unit: s").starts_with(counter), "{shown}");
    let histogram = "
Count: 4
Sum: 2.500000
Max: 1000000.000000
ExplicitBounds #0: 0.500000
Buckets #0, Count: 3
Buckets #1, Count: 1
Metric #2
";
    assert!(shown.contains(histogram), "{shown}");
    let exponential = "
Count: 5
Bucket [-4.000000, -2.000000), Count: 1
Bucket [-2.000000, -1.000000), Count: 1
Bucket [0, 0], Count: 1
Bucket (2.000000, 4.000000], Count: 2
Metric #3
";
    assert!(shown.contains(exponential), "{shown}");
    let summary = "
Count: 2
Sum: 3.000000
QuantileValue #0: Quantile 0.990000, Value 2.000000
";
    assert!(shown.ends_with(summary), "{shown}");
}

#[test]
fn compact_shows_a_line_a_record_and_its_attributes_below() {
    let expected = "\
resource service.name=\"cart\"
  scope shop@1.2 lib=true
    span server \"GET /orders\" 12.4ms trace=0102030405060708090a0b0c0d0e0f10 \
         id=1112131415161718 parent=0000000000000000 flags=0x1 state=\"ot=th:8\" \
         error=\"broken pipe\"
      http.response.status_code=200
      event \"retry\" +1ms why=\"timeout\"
      link trace=08080808080808080808080808080808 id=0909090909090909
";
    assert_eq!(text::compact(&traces()), expected);
    let expected = "\
resource
  scope
    log severity=9 text=\"INFO\" event=\"started\" \
        body={z=1 a=\"<b> \\\"c\\\"\\n\" l=[1e21 0x68692121 empty]}
      ratio=0.5 env=\"dev\"
";
    assert_eq!(text::compact(&logs()), expected);
    let expected = "\
resource
  scope
    counter \"cpu\" unit=\"s\"
      123.456 state=\"user\" cpu=\"0\"
    histogram \"took\" unit=\"s\" delta
      count=4 sum=2.5 max=1000000.0 le0.5:3 inf:1
    exponential \"size\" unit=\"s\"
      count=5 scale=0 zero=1 negative[0]:1 negative[1]:1 positive[1]:2
    summary \"old\" unit=\"s\"
      count=2 sum=3.0 q0.99=2.0
";
    assert_eq!(text::compact(&metrics()), expected);
}

#[test]
fn strings_that_are_not_utf8_are_shown_lossily() {
    // A span with the name 0xff.
    let wire = Bytes::from_static(b"\x0a\x07\x12\x05\x12\x03\x2a\x01\xff");
    let batch = Batch::checked(Signal::Traces, wire).expect("framing is sound");
    assert!(text::detailed(&batch).contains("Name           : \u{fffd}\n"));
}
