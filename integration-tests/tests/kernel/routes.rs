//! Routes: whatever is asked, names of spans and series of metrics stay few.

use opentelemetry_proto::tonic::{common::v1::any_value::Value, metrics::v1::metric::Data};
use tapline_testkit::Seen;

use crate::{
    actors::{Server, curl, node, script},
    daemon::Daemon,
    spans,
};

const ASKED: usize = 300;

pub(crate) async fn many_ids_are_one_route() {
    let server = Server::start(node("web")).await;
    let daemon = Daemon::start().await;
    let url = server.url(&format!("/e5f6/users/[1-{ASKED}]/orders"));
    let ended = curl(&[], &url).await;
    assert_eq!(ended.stdout.matches("200 11").count(), ASKED);
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/e5f6/users") >= 2 * ASKED)
        .await;
    let route = "/e5f6/users/{id}/orders";
    for span in spans::servers(&told.seen, "/e5f6/users") {
        assert_eq!(
            span.attr_str("http.route"),
            Some(route),
            "{}",
            spans::describe(&span)
        );
        assert_eq!(span.record.name, format!("GET {route}"));
    }
    assert_eq!(routes(&told.seen, "web"), [route]);
}

pub(crate) async fn routes_that_are_written_down_come_first() {
    let server = Server::start(script("app")).await;
    let settings =
        "routes: {patterns: ['/e5f6-shop/{item}/**'], ignored_patterns: ['/e5f6-health']}";
    let daemon = Daemon::start_with(settings).await;
    for path in ["/e5f6-health", "/e5f6-shop/shoes/red", "/e5f6-shop/hats"] {
        assert_eq!(curl(&[], &server.url(path)).await.stdout, "200 3");
    }
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/e5f6-shop") >= 4)
        .await;
    assert_eq!(
        spans::count(&told.seen, "/e5f6-health"),
        0,
        "{}",
        spans::all(&told.seen)
    );
    for span in spans::servers(&told.seen, "/e5f6-shop") {
        assert_eq!(span.record.name, "GET /e5f6-shop/{item}/**");
    }
    assert_eq!(routes(&told.seen, "app"), ["/e5f6-shop/{item}/**"]);
}

/// The routes that the durations of a server were measured by, each once.
fn routes(seen: &Seen, service: &str) -> Vec<String> {
    let mut found = Vec::new();
    for metric in seen.metrics() {
        let is_ours = metric.resource_str("service.name") == Some(service);
        let Some(Data::Histogram(histogram)) = &metric.record.data else {
            continue;
        };
        if !is_ours || metric.record.name != "http.server.request.duration" {
            continue;
        }
        let attributes = histogram
            .data_points
            .iter()
            .flat_map(|point| &point.attributes);
        for pair in attributes.filter(|pair| pair.key == "http.route") {
            if let Some(Value::StringValue(text)) =
                pair.value.as_ref().and_then(|it| it.value.as_ref())
            {
                found.push(text.clone());
            }
        }
    }
    found.sort();
    found.dedup();
    found
}
