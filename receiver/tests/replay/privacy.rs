//! What never leaves, and what leaves when it is asked for.

use std::fmt::Write;

use tapline_receiver::ebpf::Config;

use crate::told::{attributes_in, replayed};

const SECRET: &str = "hunter2";

/// Secrets in every place that HTTP has.
fn script() -> String {
    format!(
        "exec 20 /srv/app app --password={SECRET}
         open 2 server 20 10.0.0.2:8000 10.0.0.1:40000
         2 < POST /login?token={SECRET}&page=2&{SECRET} HTTP/1.1\\r\\nHost: shop\\r\\n\
         Authorization: Bearer {SECRET}\\r\\nCookie: id={SECRET}\\r\\nX-Tenant: acme\\r\\n\
         X-Tenant: acme-2\\r\\nX-Api-Key: {SECRET}\\r\\nBaggage: tier=gold%20one;p={SECRET},user={SECRET}\\r\\n\
         Content-Length: 15\\r\\n\\r\\npassword={SECRET}
         2 > HTTP/1.1 200 OK\\r\\nSet-Cookie: id={SECRET}\\r\\nX-Cache: hit\\r\\n\
         Content-Length: 7\\r\\n\\r\\n{SECRET}
         open 3 client 20 10.0.0.2:40000 10.0.0.1:3128
         3 > GET http://ada:{SECRET}@shop/x HTTP/1.1\\r\\nHost: shop\\r\\n\\r\\n
         3 < HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n"
    )
}

/// All bytes that are told under these settings.
fn bytes(json: &str) -> Vec<u8> {
    let config: Config = serde_json::from_str(json).expect("settings");
    let batches = replayed(&script(), &config);
    batches
        .iter()
        .flat_map(|batch| batch.to_bytes().to_vec())
        .collect()
}

fn times(bytes: &[u8], text: &str) -> usize {
    bytes
        .windows(text.len())
        .filter(|window| *window == text.as_bytes())
        .count()
}

#[test]
fn no_secret_leaves_by_default() {
    let told = bytes("{}");
    assert!(times(&told, "/login") > 0);
    assert_eq!(times(&told, SECRET), 0);
    assert_eq!(times(&told, "acme"), 0);
}

#[test]
fn of_baggage_only_what_is_asked_for_by_name_leaves() {
    assert_eq!(times(&bytes("{}"), "gold"), 0);
    let told = bytes(r#"{"privacy": {"baggage": ["tier", "none"]}}"#);
    assert!(times(&told, "baggage.tier") > 0);
    assert!(times(&told, "gold one") > 0);
    assert_eq!(times(&told, "baggage.none"), 0);
    assert_eq!(times(&told, SECRET), 0);
}

/// Three hundred connections begin a head of 8 kB, then end it.
#[test]
fn all_connections_together_hold_no_more_than_they_may() {
    let mut script = "exec 20 /srv/app app\n".to_owned();
    let agent = "x".repeat(3_700);
    for n in 1..=300 {
        let port = 40_000 + n;
        let _ = writeln!(script, "open {n} server 20 10.0.0.2:8000 10.0.0.1:{port}");
        let _ = writeln!(script, "{n} < GET /{n} HTTP/1.1\\r\\n");
        for part in 0..4 {
            let _ = writeln!(
                script,
                "{n} < TraceState: a{part}={agent}\\r\\nBaggage: b={agent}\\r\\n"
            );
        }
    }
    for n in 1..=300 {
        let _ = writeln!(script, "{n} < Host: shop\\r\\n\\r\\n");
        let _ = writeln!(
            script,
            "{n} > HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n"
        );
    }
    let told = |mib: u32| {
        let config: Config =
            serde_json::from_str(&format!(r#"{{"buffered_mib": {mib}}}"#)).expect("settings");
        let attributes = attributes_in(&replayed(&script, &config));
        attributes.matches("url.path=").count()
    };
    assert_eq!(told(64), 300);
    assert!((1..300).contains(&told(1)), "{}", told(1));
}

#[test]
fn headers_on_the_lists_are_told_and_no_others() {
    let json = r#"{"privacy": {"request_headers": ["X-Tenant", "accept"],
        "response_headers": ["x-cache"]}}"#;
    let config: Config = serde_json::from_str(json).expect("settings");
    let told = attributes_in(&replayed(&script(), &config));
    let headers: Vec<&str> = told
        .lines()
        .filter(|line| line.contains(".header."))
        .collect();
    assert_eq!(
        headers,
        [
            "http.request.header.x-tenant=acme|acme-2",
            "http.response.header.x-cache=hit"
        ]
    );
    assert_eq!(times(&bytes(json), SECRET), 0);
}

#[test]
fn queries_are_told_as_far_as_is_allowed() {
    for (mode, query) in [
        ("none", None),
        ("keys", Some("token=REDACTED&page=REDACTED&REDACTED")),
        ("scrubbed", Some("token=REDACTED&page=2&REDACTED")),
        ("full", Some("token=hunter2&page=2&hunter2")),
    ] {
        let json = format!(r#"{{"privacy": {{"url_query": "{mode}"}}}}"#);
        let config: Config = serde_json::from_str(&json).expect("settings");
        let told = attributes_in(&replayed(&script(), &config));
        let found = told
            .lines()
            .find_map(|line| line.strip_prefix("url.query="));
        assert_eq!(found, query, "{mode}");
        assert!(told.contains("url.full=http://shop/x\n"), "{told}");
    }
}

#[test]
fn statements_are_told_without_literals_or_not_at_all() {
    let script = "exec 20 /srv/app app
         open 2 client 20 10.0.0.2:40000 10.0.0.1:6379
         2 > *3\\r\\n$3\\r\\nSET\\r\\n$1\\r\\nk\\r\\n$7\\r\\nhunter2\\r\\n
         2 < +OK\\r\\n";
    let told = |json: &str| {
        let config: Config = serde_json::from_str(json).expect("settings");
        let batches = replayed(script, &config);
        attributes_in(&batches)
    };
    let text = |told: &str| told.contains("db.query.text=");
    let (sanitized, off) = (told("{}"), told(r#"{"privacy": {"query_text": "off"}}"#));
    assert!(text(&sanitized) && !text(&off), "{sanitized}\n{off}");
    assert!(!sanitized.contains(SECRET) && sanitized.contains("db.operation.name=SET"));
}
