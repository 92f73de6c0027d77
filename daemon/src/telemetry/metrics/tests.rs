//! Own metrics as a scraper and a backend see them.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use http::{Method, StatusCode};
use tapline_config::{Environment, Input, Optional, Problems, load};
use tapline_pdata::Signal;
use tapline_pipeline::{
    graph::RunSettings,
    meter::account::{Outcome, Reason},
};
use tapline_testkit::{Backend, Protocol, Seen};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{config::ReaderConfig, *};

/// Reads a configuration of metrics, or says what is wrong with it.
fn config(text: &str) -> Result<MetricsConfig, String> {
    let input = Input::text("c.yaml", text);
    let document = load(&[input], &Environment::default()).expect("the text is YAML");
    let mut problems = Problems::new();
    let decoded = MetricsConfig::read(document.root(), &mut problems);
    let messages: Vec<_> = problems.iter().map(|each| each.message.clone()).collect();
    decoded.ok_or_else(|| messages.join("; "))
}

/// A page that nobody serves, fed from a registry.
fn page(meters: &Meters, level: Level, config: PageConfig) -> Page {
    let mut starter = Starter {
        tasks: Vec::new(),
        stop: Stop::new(),
        provider: Some(bridge::provider(&resource())),
    };
    let page = Page::new(starter.reader(Temporality::Cumulative), config);
    let provider = starter.provider.take().expect("is there").build();
    let scope = InstrumentationScope::builder("tapline")
        .with_version("0")
        .build();
    Bridge::join(meters, provider.meter_with_scope(scope), level, Vec::new());
    // Readers collect for as long as the provider lives; a test ends soon enough.
    std::mem::forget(provider);
    page
}

fn resource() -> Resource {
    let text = "resource: {service.instance.id: i, service.version: v}";
    let document = load(&[Input::text("c.yaml", text)], &Environment::default()).expect("YAML");
    Resource::read(document.root().get("resource"), &mut Problems::new())
}

fn scraped(page: &Page, accept: &str) -> String {
    let answer = page.answer(&Method::GET, "/metrics", accept);
    assert_eq!(answer.status(), StatusCode::OK);
    String::from_utf8(answer.into_body().to_vec()).expect("the page is text")
}

/// Some series of every kind.
fn sample() -> Meters {
    let meters = Meters::new();
    let exporter = meters.labelled(&[("exporter", "otlp/\"a\\b\n\u{1b}")]);
    exporter
        .counter("otelcol_exporter_sent_spans", "Sent.", &[])
        .add(1_000_000);
    let queue = meters.labelled(&[("exporter", "otlp")]);
    let labels = [("data_type", "traces")];
    queue
        .gauge(
            "otelcol_exporter_queue_size",
            "Line one\nline \\two.",
            &labels,
        )
        .set(-3);
    meters.observed(
        "otelcol_process_uptime",
        "Up.",
        &[],
        tapline_pipeline::meter::Kind::Counter,
        || 1.5,
    );
    meters
}

const PAGE: &str = r#"# HELP otelcol_exporter_queue_size Line one\nline \\two.
# TYPE otelcol_exporter_queue_size gauge
otelcol_exporter_queue_size{data_type="traces",exporter="otlp"} -3
# HELP otelcol_exporter_sent_spans Sent.
# TYPE otelcol_exporter_sent_spans counter
otelcol_exporter_sent_spans{exporter="otlp/\"a\\b\n�"} 1000000
# HELP otelcol_process_uptime Up.
# TYPE otelcol_process_uptime counter
otelcol_process_uptime 1.5
# HELP promhttp_metric_handler_errors_total Total number of internal errors encountered by the promhttp metric handler.
# TYPE promhttp_metric_handler_errors_total counter
promhttp_metric_handler_errors_total{cause="encoding"} 0
promhttp_metric_handler_errors_total{cause="gathering"} 0
# HELP target_info Target metadata
# TYPE target_info gauge
target_info{service_instance_id="i",service_name="tapline",service_version="v"} 1
"#;

#[test]
fn the_page_is_prometheus_text_with_the_collectors_names() {
    let page = page(&sample(), Level::Normal, PageConfig::default());
    assert_eq!(scraped(&page, ""), PAGE);
    let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5,*/*;q=0.1";
    assert_eq!(scraped(&page, prometheus), PAGE);
}

#[test]
fn open_metrics_is_for_those_who_read_nothing_else() {
    let page = page(&sample(), Level::Normal, PageConfig::default());
    let text = scraped(&page, "application/openmetrics-text; version=1.0.0");
    assert!(
        text.contains("# TYPE otelcol_exporter_sent_spans unknown\n"),
        "{text}"
    );
    assert!(
        text.contains("# TYPE promhttp_metric_handler_errors counter\n"),
        "{text}"
    );
    assert!(text.contains("# TYPE target info\n"), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn endings_and_labels_are_added_when_asked_for() {
    let config = PageConfig {
        without_scope_info: false,
        without_units: false,
        without_type_suffix: false,
        with_resource_constant_labels: config::IncludeExclude {
            included: vec!["service.*".to_owned()],
            excluded: vec!["service.instance.id".to_owned()],
        },
        ..PageConfig::default()
    };
    let text = scraped(&page(&sample(), Level::Normal, config), "");
    let scope = r#"otel_scope_name="tapline",otel_scope_schema_url="",otel_scope_version="0""#;
    let uptime = format!(
        "otelcol_process_uptime_seconds_total{{{scope},service_name=\"tapline\",\
         service_version=\"v\"}} 1.5\n"
    );
    assert!(text.contains(&uptime), "{text}");
    assert!(text.contains("\notelcol_exporter_queue_size{"), "{text}");
}

#[test]
fn histograms_are_cumulative() {
    let meters = Meters::new();
    let page = page(&meters, Level::Detailed, PageConfig::default());
    let batch = meters.labelled(&[("processor", "batch")]);
    let name = "otelcol_processor_batch_batch_send_size";
    let sizes = batch.histogram(name, "Size.", &[], &[10.0, 20.0]);
    for size in [5, 15, 15, 100] {
        sizes.record(size);
    }
    let text = scraped(&page, "");
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with(name)).collect();
    assert_eq!(
        lines.join("\n"),
        format!(
            "{name}_bucket{{processor=\"batch\",le=\"10\"}} 1\n\
             {name}_bucket{{processor=\"batch\",le=\"20\"}} 3\n\
             {name}_bucket{{processor=\"batch\",le=\"+Inf\"}} 4\n\
             {name}_sum{{processor=\"batch\"}} 135\n\
             {name}_count{{processor=\"batch\"}} 4"
        )
    );
}

#[test]
fn the_books_of_items_are_a_counter_and_a_gauge_whose_sum_holds() {
    let meters = Meters::new();
    let account = meters
        .labelled(&[("exporter", "otlp")])
        .account(Signal::Traces, &[Reason::Shutdown]);
    account.receive(10);
    account.settle(4, Outcome::Sent);
    account.settle(1, Outcome::Dropped(Reason::Permanent));
    let text = scraped(&page(&meters, Level::Basic, PageConfig::default()), "");
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains("tapline_items"))
        .collect();
    let labels = r#"component="otlp",kind="exporter""#;
    let rows = [
        format!(
            r#"tapline_items{{{labels},reason="permanent",signal="traces",state="dropped"}} 1"#
        ),
        format!(r#"tapline_items{{{labels},reason="shutdown",signal="traces",state="dropped"}} 0"#),
        format!(r#"tapline_items{{{labels},signal="traces",state="received"}} 10"#),
        format!(r#"tapline_items{{{labels},signal="traces",state="sent"}} 4"#),
    ];
    assert_eq!(lines[1], "# TYPE tapline_items counter");
    assert_eq!(lines[2..6], rows);
    let queued = format!(r#"tapline_items_queued{{{labels},signal="traces"}} 5"#);
    let queued = ["# TYPE tapline_items_queued gauge", &queued];
    assert_eq!(lines[7..], queued);
}

/// Returns what the lines of a page sum up to that contain all of these.
fn sum(text: &str, parts: &[&str]) -> u64 {
    let lines = text
        .lines()
        .filter(|line| parts.iter().all(|part| line.contains(part)));
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    values.sum()
}

#[test]
fn the_sum_holds_at_every_scrape_while_items_move() {
    let meters = Meters::new();
    let view = meters.labelled(&[("exporter", "otlp")]);
    let account = view.account(Signal::Traces, &[]);
    let page = page(&meters, Level::Basic, PageConfig::default());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                let ticket = account.ticket(3, Outcome::Dropped(Reason::Shutdown));
                std::thread::yield_now();
                ticket.settle(Outcome::Sent);
            }
        });
        let looks: Vec<String> = (0..300).map(|_| scraped(&page, "")).collect();
        done.store(true, Relaxed);
        let mut queued_ever = 0;
        for text in looks {
            let received = sum(&text, &["tapline_items{", "state=\"received\""]);
            let queued = sum(&text, &["tapline_items_queued{"]);
            let all = sum(&text, &["tapline_items{"]);
            assert_eq!(received, all - received + queued, "{text}");
            queued_ever += queued;
        }
        assert!(queued_ever > 0, "nothing was on its way at any scrape");
    });
}

#[test]
fn how_sending_failed_is_told_at_detailed_and_summed_below() {
    let name = "otelcol_exporter_send_failed_spans";
    let failed = |level| -> Vec<String> {
        let meters = Meters::new();
        let view = meters.labelled(&[("exporter", "otlp")]);
        view.counter(name, "Failed.", &[]);
        for (kind, permanent, items) in [("Unavailable", "false", 2), ("Internal", "true", 3)] {
            let labels = [("error.type", kind), ("error.permanent", permanent)];
            view.counter(name, "Failed.", &labels).add(items);
        }
        let text = scraped(&page(&meters, level, PageConfig::default()), "");
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.map(str::to_owned).collect()
    };
    let whole = |count| format!("{name}{{exporter=\"otlp\"}} {count}");
    let part = |kind, permanent, count| {
        format!(
            "{name}{{error_permanent=\"{permanent}\",error_type=\"{kind}\",exporter=\"otlp\"}} \
             {count}"
        )
    };
    assert_eq!(failed(Level::Basic), [whole(5)]);
    assert_eq!(failed(Level::Normal), [whole(5)]);
    assert_eq!(
        failed(Level::Detailed),
        [
            part("Unavailable", "false", 2),
            part("Internal", "true", 3),
            whole(0)
        ]
    );
}

/// Starts what a configuration says.
async fn running(text: &str, meters: &Meters) -> tapline_pipeline::graph::Running {
    let document = load(&[Input::text("c.yaml", text)], &Environment::default()).expect("YAML");
    let settings = crate::settings::check(&document).expect("is valid");
    let graph = crate::host::build(
        &settings,
        &crate::host_view::HostView::new(meters.clone()),
        meters,
        &tapline_pipeline::Shared::default(),
        tapline_pipeline::graph::Keep::default(),
    )
    .expect("can be built");
    graph.start(RunSettings::default()).await.expect("starts")
}

#[tokio::test]
async fn every_component_that_takes_items_has_a_book() {
    let text = "receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}\n\
                processors:\n  attributes: {actions: [{key: a, action: delete}]}\n  batch:\n  \
                memory_limiter: {check_interval: 1s, limit_mib: 100}\n  \
                resource: {attributes: [{key: a, action: delete}]}\n\
                exporters: {otlp: {endpoint: 'localhost:1'}, otlp_http: {endpoint: 'http://a:1'}, \
                debug: , terminal: }\nservice:\n  pipelines:\n    traces: {receivers: [otlp], \
                processors: [memory_limiter, attributes, resource, batch], \
                exporters: [otlp, otlp_http, debug, terminal]}\n";
    let meters = Meters::new();
    let running = running(text, &meters).await;
    let books = meters.books().queued();
    let mut owners: Vec<_> = books
        .iter()
        .map(|(labels, _)| format!("{} {}", labels["kind"], labels["component"]))
        .collect();
    owners.sort();
    running.stop().await;
    assert_eq!(
        owners,
        [
            "exporter debug",
            "exporter otlp",
            "exporter otlp_http",
            "exporter terminal",
            "processor attributes",
            "processor batch",
            "processor memory_limiter",
            "processor resource",
            "receiver otlp",
        ]
    );
}

/// Names on the page of a running gateway with one of each component, without `promhttp` and
/// `target`.
async fn names(level: Level) -> String {
    let text = "receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}\n\
                processors: {batch: , memory_limiter: {check_interval: 1s, limit_mib: 100}}\n\
                exporters: {otlp: {endpoint: 'localhost:1'}}\nservice:\n  pipelines:\n    \
                traces: {receivers: [otlp], processors: [memory_limiter, batch], \
                exporters: [otlp]}\n";
    let meters = Meters::new();
    let page = page(&meters, level, PageConfig::default());
    process::register(&meters, Instant::now());
    let running = running(text, &meters).await;
    let text = scraped(&page, "");
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names = names.filter(|name| name.starts_with("otelcol_") || name.starts_with("tapline_"));
    let names = names.collect::<Vec<_>>().join("\n");
    running.stop().await;
    names
}

const BASIC: &str = "\
otelcol_exporter_enqueue_failed_spans counter
otelcol_exporter_in_flight_requests gauge
otelcol_exporter_queue_capacity gauge
otelcol_exporter_queue_size gauge
otelcol_exporter_send_failed_spans counter
otelcol_exporter_sent_spans counter
otelcol_process_cpu_seconds counter
otelcol_process_memory_rss gauge
otelcol_process_runtime_heap_alloc_bytes gauge
otelcol_process_runtime_total_alloc_bytes counter
otelcol_process_runtime_total_sys_memory_bytes gauge
otelcol_process_uptime counter
otelcol_processor_accepted_log_records counter
otelcol_processor_accepted_metric_points counter
otelcol_processor_accepted_profile_samples counter
otelcol_processor_accepted_spans counter
otelcol_processor_incoming_items counter
otelcol_processor_outgoing_items counter
otelcol_processor_refused_log_records counter
otelcol_processor_refused_metric_points counter
otelcol_processor_refused_profile_samples counter
otelcol_processor_refused_spans counter
otelcol_receiver_accepted_spans counter
otelcol_receiver_refused_spans counter
tapline_items counter
tapline_items_queued gauge
tapline_receiver_refused_requests counter";

#[tokio::test]
async fn basic_tells_the_collectors_basic_names_from_the_start() {
    let basic = names(Level::Basic).await;
    let shown: Vec<&str> = basic
        .lines()
        .filter(|name| !name.starts_with("tapline_exp"))
        .collect();
    assert_eq!(shown.join("\n"), BASIC);
}

#[tokio::test]
async fn normal_adds_how_stages_work() {
    let (basic, normal) = (names(Level::Basic).await, names(Level::Normal).await);
    let added: Vec<&str> = normal
        .lines()
        .filter(|name| !basic.contains(name))
        .collect();
    assert_eq!(
        added.join("\n"),
        "otelcol_processor_batch_batch_size_trigger_send counter\n\
         otelcol_processor_batch_metadata_cardinality gauge\n\
         otelcol_processor_batch_timeout_trigger_send counter"
    );
}

/// Starts what the text says with a registry that has one counter.
async fn started(text: &str) -> Result<(Meters, Telling), String> {
    let meters = Meters::new();
    let view = meters.labelled(&[("exporter", "otlp")]);
    view.counter("otelcol_exporter_sent_spans", "Sent.", &[])
        .add(7);
    let config = config(text)?;
    let telling = start(&config, &resource(), &meters, Instant::now()).await?;
    Ok((meters, telling))
}

#[tokio::test]
async fn a_page_can_be_scraped_over_http() {
    let config = PageConfig {
        port: 0,
        ..PageConfig::default()
    };
    let listener = serve::bind(&config).await.expect("a free port");
    let endpoint = listener.endpoint().to_owned();
    let page = Arc::new(page(&sample(), Level::Normal, config));
    let mut tasks = JoinSet::new();
    let stop = Stop::new();
    tasks.spawn(serve::run(listener, page, stop.clone()));
    let mut socket = tokio::net::TcpStream::connect(&endpoint)
        .await
        .expect("listens");
    let request = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).await.expect("is read");
    let mut answer = String::new();
    socket
        .read_to_string(&mut answer)
        .await
        .expect("is answered");
    assert!(answer.contains("text/plain; version=0.0.4"), "{answer}");
    assert!(answer.ends_with(PAGE), "{answer}");
    stop.request();
    tasks
        .join_next()
        .await
        .expect("is there")
        .expect("ends well");
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_it_its_setting_and_the_culprit() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("is bound").port();
    let text = format!(
        "readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {port}}}}}}}}}]"
    );
    let error = started(&text).await.err().expect("is refused");
    let expected = format!(
        "service::telemetry::metrics::readers[0]::pull::exporter::prometheus: cannot listen on \
         127.0.0.1:{port}: address in use: another process listens there, perhaps another tapline"
    );
    assert_eq!(error, expected);
}

#[tokio::test]
async fn the_page_that_nobody_asked_for_is_only_missed() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let config = PageConfig {
        host: "127.0.0.1".to_owned(),
        port: taken.local_addr().expect("is bound").port(),
        ..PageConfig::default()
    };
    let mut starter = Starter {
        tasks: Vec::new(),
        stop: Stop::new(),
        provider: None,
    };
    assert!(!starter.page_if_possible(&config).await);
    drop(taken);
    assert!(starter.page_if_possible(&config).await);
}

#[tokio::test]
async fn metrics_are_pushed_to_a_backend_over_both_protocols() {
    for (protocol, expected) in [("grpc", Protocol::Grpc), ("http/protobuf", Protocol::Http)] {
        let backend = Backend::start().await;
        let path = if protocol == "grpc" {
            ""
        } else {
            "/v1/metrics"
        };
        let text = format!(
            "readers:\n- periodic:\n    interval: 20\n    exporter:\n      otlp:\n        \
             protocol: {protocol}\n        endpoint: {}{path}\n        compression: gzip\n        \
             headers: [{{name: x-tenant, value: t}}]\n",
            backend.url()
        );
        let (_meters, mut telling) = started(&text).await.expect("can start");
        let has_metric = |seen: &Seen| {
            seen.metrics()
                .iter()
                .any(|m| m.record.name == "otelcol_exporter_sent_spans")
        };
        let seen = backend.wait_for(has_metric, Duration::from_secs(10)).await;
        let request = seen.requests.first().expect("was sent");
        assert_eq!(request.protocol, expected);
        assert_eq!(
            request
                .headers
                .get("x-tenant")
                .map(http::HeaderValue::as_bytes),
            Some(&b"t"[..])
        );
        telling.stop().await;
    }
}

#[tokio::test]
async fn what_is_left_is_pushed_when_tapline_stops() {
    let backend = Backend::start().await;
    let text = format!(
        "readers: [{{periodic: {{exporter: {{otlp: {{protocol: grpc, endpoint: {}, \
         insecure: true}}}}}}}}]",
        backend.endpoint()
    );
    let (_meters, mut telling) = started(&text).await.expect("can start");
    telling.stop().await;
    assert_eq!(backend.seen().requests.len(), 1);
}

#[test]
fn takes_the_address_of_older_files_as_a_page() {
    for (text, host) in [
        ("address: 0.0.0.0:9999", "0.0.0.0"),
        ("address: ':9999'", ""),
        ("address: '[::1]:9999'", "::1"),
    ] {
        let readers = config(text)
            .expect("is valid")
            .readers
            .expect("it became one");
        let [
            ReaderConfig {
                pull: Some(pull), ..
            },
        ] = &readers[..]
        else {
            panic!("{readers:?}")
        };
        let Optional::On(page) = &pull.exporter.prometheus else {
            panic!("{pull:?}")
        };
        assert_eq!((page.host.as_str(), page.port), (host, 9999), "{text}");
    }
}

#[test]
fn says_what_it_does_not_take() {
    let table = [
        ("address: ':8888'\nreaders: []", "only one of the two"),
        ("address: localhost", "must be `host:port`"),
        ("readers: []", "must have at least one reader"),
        ("level: loud", "one of none, basic, normal and detailed"),
        (
            "views: [{selector: {instrument_name: a}}]",
            "only be set when `level` is detailed",
        ),
        ("readers: [{}]", "must have one of `pull` and `periodic`"),
        (
            "readers: [{periodic: {exporter: {otlp: {protocol: http/json}}}}]",
            "must be one of",
        ),
        (
            "readers: [{pull: {exporter: {prometheus: {prot: 1}}}}]",
            "unknown setting `prot`",
        ),
    ];
    for (text, expected) in table {
        let error = config(text).expect_err("is refused");
        assert!(error.contains(expected), "{text}: {error}");
    }
    let none = config("level: NONE\nreaders: []").expect("needs no reader");
    assert_eq!(none.level, Level::None);
}

#[test]
fn a_view_can_drop_and_rename() {
    let text = "level: detailed\nviews:\n- selector: {instrument_name: otelcol_process_*}\n  \
                stream: {aggregation: {drop: {}}}\n- selector: {instrument_name: \
                otelcol_exporter_sent_spans}\n  stream: {name: sent, description: Gone.}\n";
    let views = config(text).expect("is valid").views;
    let meters = sample();
    let mut starter = Starter {
        tasks: Vec::new(),
        stop: Stop::new(),
        provider: None,
    };
    let page = Page::new(
        starter.reader(Temporality::Cumulative),
        PageConfig::default(),
    );
    let provider = starter.provider.take().expect("is there").build();
    Bridge::join(&meters, provider.meter("tapline"), Level::Detailed, views);
    let text = scraped(&page, "");
    assert!(text.contains("# HELP sent Gone.\n"), "{text}");
    assert!(!text.contains("otelcol_process_uptime"), "{text}");
}

#[test]
fn a_metric_keeps_as_many_series_apart_as_there_is_room_for() {
    let meters = Meters::new();
    let page = page(&meters, Level::Normal, PageConfig::default());
    for number in 0..300 {
        let id = number.to_string();
        meters
            .labelled(&[("exporter", id.as_str())])
            .counter("otelcol_exporter_sent_spans", "Sent.", &[])
            .add(1);
    }
    let text = scraped(&page, "");
    let rest = "otelcol_exporter_sent_spans{otel_metric_overflow=\"true\"}";
    let apart = text
        .lines()
        .filter(|line| line.starts_with("otelcol_exporter_sent_spans{exp"));
    assert_eq!(apart.count(), 250);
    assert!(text.contains(rest), "{text}");
}
