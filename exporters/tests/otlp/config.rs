//! Settings of both exporters: the Collector's defaults, and what is said about mistakes.

use serde::de::DeserializeOwned;
use tapline_config::Validate;
use tapline_exporters::{debug, otlp_grpc, otlp_http, terminal};
use tapline_pdata::Signal;

use crate::batches::{context, settings};

/// Returns what is said about YAML: the first line of each problem.
fn problems<T: DeserializeOwned + Validate>(yaml: &str) -> Vec<String> {
    let Err(problems) = settings::<T>(yaml) else {
        return Vec::new();
    };
    let text = problems.to_string();
    text.lines()
        .filter_map(|line| line.strip_prefix("error: "))
        .map(str::to_owned)
        .collect()
}

#[test]
fn defaults_are_the_collectors() {
    let grpc: otlp_grpc::Config = settings("endpoint: backend:4317").expect("is good");
    assert_eq!(
        (grpc.compression.as_str(), grpc.timeout.to_string()),
        ("gzip", "5s".to_owned())
    );
    assert!(grpc.sending_queue.enabled && grpc.retry_on_failure.enabled);
    assert!(!grpc.keepalive.is_on());
    let http: otlp_http::Config = settings("endpoint: http://backend:4318").expect("is good");
    assert_eq!(
        (http.compression.as_str(), http.timeout.to_string()),
        ("gzip", "30s".to_owned())
    );
    assert_eq!(http.sending_queue.queue_size, 1_000);
    let debug: debug::Config = settings("verbosity: detailed").expect("is good");
    assert_eq!((debug.sampling_initial, debug.sampling_thereafter), (2, 1));
    assert_eq!(debug.destination(), debug::Destination::InternalLog);
    assert!(!debug.sending_queue.enabled);
}

#[test]
fn everything_of_the_collector_that_we_have_is_accepted() {
    let grpc = "
        endpoint: dns:///backend:4317
        tls: {insecure: true}
        headers: {authorization: Bearer secret}
        compression: zstd
        timeout: 10s
        sending_queue: {num_consumers: 4, queue_size: 100, sizer: items, block_on_overflow: true}
        retry_on_failure: {initial_interval: 1s, max_elapsed_time: 0s}
        keepalive: {time: 20s, permit_without_stream: true}
        balancer_name: pick_first
        authority: front
        user_agent: mine/1
        read_buffer_size: 1024
        write_buffer_size: 1024
        wait_for_ready: true
        auth: {authenticator: bearertokenauth}
        middlewares: []";
    assert_eq!(problems::<otlp_grpc::Config>(grpc), [""; 0]);
    let http = "
        traces_endpoint: https://backend:4318/custom
        tls:
            insecure_skip_verify: true
            min_version: '1.2'
            cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
            curve_preferences: [X25519, P256]
            reload_interval: 1m
        headers: [{name: x-key, value: secret}]
        compression: deflate
        compression_params: {level: 9}
        encoding: json
        auth: {authenticator: basicauth/client}
        cookies: {}
        max_idle_conns: 10
        max_idle_conns_per_host: 10
        max_conns_per_host: 3
        idle_conn_timeout: 10s
        disable_keep_alives: true
        force_attempt_http2: false
        http2_read_idle_timeout: 10s
        http2_ping_timeout: 1s
        proxy_url: http://user:pass@proxy:3128
        timeout: 1m";
    assert_eq!(problems::<otlp_http::Config>(http), [""; 0]);
}

#[test]
fn grpc_mistakes_are_all_reported() {
    let yaml = "
        endpoint: backend
        compression: zlib
        headers: {'bad name': x, good: \"line\\nbreak\"}
        balancer_name: random
        sending_queue: {queue_size: 0, storage: file_storage, batch: {}}
        retry_on_failure: {randomization_factor: 2}
        tls: {tpm: {enabled: true}, include_insecure_cipher_suites: true}
        middlewares: [{id: x}]";
    let said = problems::<otlp_grpc::Config>(yaml);
    for part in [
        "`endpoint` is not usable: invalid port",
        "`compression` is not usable: gRPC has no compression \"zlib\"",
        "`headers::bad name` is not the name of a header",
        "`headers::good` has a value with characters that no header may have",
        "`balancer_name` must be `round_robin` or `pick_first`",
        "`sending_queue::queue_size` must be positive",
        "`retry_on_failure::randomization_factor` must be between 0 and 1",
        "`tls::tpm::enabled` is not supported by tapline",
        "`tls::include_insecure_cipher_suites` is not supported by tapline",
        "`middlewares` is not supported by tapline yet",
    ] {
        assert!(
            said.iter().any(|line| line.starts_with(part)),
            "{part:?} not in {said:#?}"
        );
    }
    assert_eq!(said.len(), 10, "{said:#?}");
}

#[test]
fn http_mistakes_are_all_reported() {
    let yaml = "
        endpoint: backend:4318
        traces_endpoint: http://user:secret@backend/
        logs_endpoint: unix:///run/x
        metrics_endpoint: http://backend:70000/v1/metrics
        profiles_endpoint: https://[::1]:otlp
        compression_params: {level: 99}
        encoding: xml
        proxy_url: socks5://user:secret@proxy";
    let said = problems::<otlp_http::Config>(yaml);
    for part in [
        "`endpoint` ",
        "`traces_endpoint` has a user and password, which is not supported",
        "`logs_endpoint` a unix socket is not supported",
        "`metrics_endpoint` has a port that is not a number up to 65535",
        "`profiles_endpoint` ",
        "`compression_params::level` is not usable: compression \"gzip\" has no level 99",
        "`encoding` must be `proto` or `json`",
        "`proxy_url` a proxy with the scheme `socks5` is not supported by tapline yet",
    ] {
        assert!(
            said.iter().any(|line| line.starts_with(part)),
            "{part:?} not in {said:#?}"
        );
    }
    assert_eq!(said.len(), 8, "{said:#?}");
    for good in ["http://backend", "http://backend:", "https://[::1]:4318/x"] {
        assert_eq!(
            problems::<otlp_http::Config>(&format!("endpoint: '{good}'")),
            [""; 0]
        );
    }
    assert!(!said.join("").contains("secret"), "{said:#?}");
    assert_eq!(
        problems::<otlp_http::Config>("{}"),
        ["at least one endpoint must be specified"]
    );
    assert_eq!(problems::<otlp_grpc::Config>("{}").len(), 1);
    assert_eq!(
        problems::<otlp_http::Config>("endpint: x").len(),
        1,
        "unknown keys are mistakes"
    );
}

#[test]
fn a_signal_without_an_endpoint_is_refused_when_built() {
    let config: otlp_http::Config = settings("traces_endpoint: http://b/").expect("is good");
    assert!(otlp_http::build(&config, &context(Signal::Traces)).is_ok());
    let refused = otlp_http::build(&config, &context(Signal::Logs))
        .err()
        .expect("is refused");
    assert_eq!(refused, "there is no endpoint for logs");
}

#[test]
fn mistakes_of_the_readable_exporters_are_reported() {
    let said = problems::<debug::Config>("output_paths: [stderr]");
    assert_eq!(
        said,
        ["`output_paths` is used only when `use_internal_logger` is false"]
    );
    let yaml = "use_internal_logger: false\noutput_paths: [/tmp/x]";
    assert_eq!(problems::<debug::Config>(yaml).len(), 1);
    assert_eq!(problems::<terminal::Config>("utc_offset: CET").len(), 1);
    assert_eq!(problems::<terminal::Config>("color: pink").len(), 1);
    let yaml = "color: never\nwide: true\nutc_offset: '-03:30'";
    assert_eq!(problems::<terminal::Config>(yaml), [""; 0]);
}
