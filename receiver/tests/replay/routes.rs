//! Routes: names of spans and attributes of metrics that stay few, whatever is asked.

use std::fmt::Write;

use tapline_receiver::ebpf::Config;

use crate::told::{attributes_in, histograms_in, names_in, replayed};

fn config(json: &str) -> Config {
    serde_json::from_str(json).expect("settings")
}

/// A server that is asked for each path and gives each status.
fn asked<'a>(exchanges: impl IntoIterator<Item = (&'a str, u16)>) -> String {
    let mut script = "exec 20 /srv/app app
        open 2 server 20 10.0.0.2:8000 10.0.0.1:40000\n"
        .to_owned();
    for (path, status) in exchanges {
        let _ = writeln!(
            script,
            "2 < GET {path} HTTP/1.1\\r\\nHost: shop\\r\\n\\r\\n"
        );
        let _ = writeln!(
            script,
            "2 > HTTP/1.1 {status} X\\r\\nContent-Length: 0\\r\\n\\r\\n"
        );
    }
    script
}

#[test]
fn a_span_is_named_by_method_and_route() {
    let script = asked([
        ("/users/17/orders", 200),
        ("/users/18/orders?x=1", 200),
        ("/wp-login.php", 404),
        ("/users/19/orders", 404),
    ]);
    let batches = replayed(&script, &Config::default());
    assert_eq!(
        names_in(&batches),
        [
            "GET /users/{id}/orders",
            "GET /users/{id}/orders",
            "GET",
            "GET /users/{id}/orders"
        ]
    );
}

#[test]
fn a_client_has_a_template_and_no_route() {
    let script = "exec 20 /srv/app app
         open 2 client 20 10.0.0.2:40000 10.0.0.1:80
         2 > GET /v1/carts/17 HTTP/1.1\\r\\nHost: shop\\r\\n\\r\\n
         2 < HTTP/1.1 200 X\\r\\nContent-Length: 0\\r\\n\\r\\n";
    let batches = replayed(script, &Config::default());
    assert_eq!(names_in(&batches), ["GET /v1/carts/{id}"]);
    let attributes = attributes_in(&batches);
    assert!(
        attributes.contains("url.template=/v1/carts/{id}\n"),
        "{attributes}"
    );
    assert!(!attributes.contains("http.route"), "{attributes}");
    assert!(!histograms_in(&batches).contains("{id}"));
}

#[test]
fn ten_thousand_ids_are_one_series() {
    let paths: Vec<String> = (10_000..20_000)
        .map(|n| format!("/users/{n}/orders/x{n}y"))
        .collect();
    let script = asked(paths.iter().map(|path| (path.as_str(), 200)));
    let batches = replayed(&script, &Config::default());
    let told = histograms_in(&batches);
    let whole = told.lines().find(|line| line.contains("count=10000"));
    assert!(
        whole.is_some_and(|line| line.contains("http.route=/users/{id}/orders/{id}")),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn patterns_come_first_and_ignored_paths_are_left_out() {
    let settings = |ignore: &str| {
        config(&format!(
            r#"{{"routes": {{"patterns": ["/users/{{name}}"], "ignored_patterns": ["/health"],
                 "ignore_mode": "{ignore}"}}}}"#
        ))
    };
    let script = asked([("/users/ada", 200), ("/health", 200), ("/a/1", 200)]);
    let names = |ignore: &str| names_in(&replayed(&script, &settings(ignore)));
    let measured = |ignore: &str| histograms_in(&replayed(&script, &settings(ignore)));
    let told = ["GET /users/{name}", "GET /a/{id}"];
    assert_eq!(names("all"), told);
    assert!(!measured("all").contains("/health"));
    assert_eq!(names("traces"), told);
    assert!(measured("traces").contains("/health"));
    assert_eq!(names("metrics").len(), 3);
    assert!(!measured("metrics").contains("/health"));
}

#[test]
fn routes_can_be_off_or_by_pattern_only() {
    let script = asked([("/users/ada", 200), ("/a/1", 200)]);
    let names = |mode: &str| {
        let json = format!(r#"{{"routes": {{"mode": "{mode}", "patterns": ["/users/:name"]}}}}"#);
        names_in(&replayed(&script, &config(&json)))
    };
    assert_eq!(names("off"), ["GET", "GET"]);
    assert_eq!(names("patterns"), ["GET /users/:name", "GET"]);
}

#[test]
fn series_beyond_the_bound_share_one_that_says_so() {
    let statuses = (0..100).map(|n| ("/a", 200 + n));
    let script = asked(statuses);
    let settings = config(r#"{"metric_series_max": 11}"#);
    let told = histograms_in(&replayed(&script, &settings));
    let (overflow, own): (Vec<&str>, Vec<&str>) = told
        .lines()
        .partition(|line| line.contains("otel.metric.overflow=true"));
    assert_eq!(own.len(), 10, "{told}");
    assert!(
        matches!(overflow.as_slice(), [one] if one.contains("count=90")),
        "{told}"
    );
}

#[test]
fn an_entry_of_targets_has_its_own_name_routes_and_signals() {
    let settings = config(
        r#"{"targets": {"include": [{"exe": "app", "name": "till", "namespace": "eu",
            "exports": ["metrics"], "routes": {"patterns": ["/a/{what}"]}}]}}"#,
    );
    let script = asked([("/a/b", 200)]);
    let batches = replayed(&script, &settings);
    assert!(names_in(&batches).is_empty());
    assert!(histograms_in(&batches).contains("http.route=/a/{what}"));
}
