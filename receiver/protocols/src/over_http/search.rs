//! Elasticsearch and OpenSearch: which operation on which index, by the names that the
//! Elasticsearch clients have for them.
//!
//! Paths alone prove nothing. An answer that names the product does, or a client that names itself,
//! or an answer of the one shape that only these give.

use std::borrow::Cow;

use super::{Body, json};
use crate::{database, http};

/// Bytes told of a query's shape.
const TEXT_BYTES: usize = 2 * 1024;
const NAME_BYTES: usize = 255;

/// What a request says it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    name: &'static str,
    /// The one index that the path names.
    index: Option<String>,
}

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Elasticsearch, or a fork that does not tell.
    Elasticsearch,
    /// OpenSearch, as its client says.
    Opensearch,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// What answered.
    pub product: Product,
    /// The endpoint, as the clients call it: `search`, `indices.create`.
    pub name: &'static str,
    /// The one index that it names.
    pub index: Option<String>,
    /// The query without its values, if it has one.
    pub text: Option<String>,
    /// How many operations a bulk request has, if all of it was seen.
    pub batch_size: Option<u32>,
    /// The type of the error in the answer, or else its status.
    pub error: Option<String>,
}

impl Operation {
    /// Returns it as what any database is asked.
    pub fn as_database(&self, exchange: &http::Exchange) -> database::Exchange {
        let system = match self.product {
            Product::Elasticsearch => database::System::Elasticsearch,
            Product::Opensearch => database::System::Opensearch,
        };
        let summary = self
            .index
            .as_ref()
            .map(|index| format!("{} {index}", self.name));
        database::Exchange {
            operation: database::Operation {
                system,
                name: Cow::Borrowed(self.name),
                summary,
                collection: self.index.clone(),
                text: self.text.clone().map(Cow::Owned),
                namespace: None,
                batch_size: self.batch_size,
                keys: None,
                truncated: exchange.request.truncated,
                cassandra: None,
            },
            error: self.error.clone().map(Cow::Owned),
            started_ns: exchange.started_ns,
            response_started_ns: exchange.response_started_ns,
            ended_ns: exchange.ended_ns,
            request_thread: exchange.request_thread,
            outcome: exchange.outcome,
            request_bytes: exchange.request_bytes,
            response_bytes: exchange.response_bytes,
        }
    }
}

/// Endpoints that a path names by a word behind an underscore: the word, what reading it is called
/// and what writing it is called.
const NAMES: [(&str, &str, &str); 30] = [
    ("_search", "search", "search"),
    ("_msearch", "msearch", "msearch"),
    ("_async_search", "async_search.get", "async_search.submit"),
    ("_bulk", "bulk", "bulk"),
    ("_count", "count", "count"),
    ("_mget", "mget", "mget"),
    ("_create", "create", "create"),
    ("_update", "update", "update"),
    ("_update_by_query", "update_by_query", "update_by_query"),
    ("_delete_by_query", "delete_by_query", "delete_by_query"),
    ("_reindex", "reindex", "reindex"),
    ("_source", "get_source", "get_source"),
    ("_explain", "explain", "explain"),
    ("_field_caps", "field_caps", "field_caps"),
    (
        "_validate",
        "indices.validate_query",
        "indices.validate_query",
    ),
    ("_termvectors", "termvectors", "termvectors"),
    ("_pit", "open_point_in_time", "open_point_in_time"),
    ("_refresh", "indices.refresh", "indices.refresh"),
    ("_flush", "indices.flush", "indices.flush"),
    ("_forcemerge", "indices.forcemerge", "indices.forcemerge"),
    ("_mapping", "indices.get_mapping", "indices.put_mapping"),
    ("_settings", "indices.get_settings", "indices.put_settings"),
    ("_alias", "indices.get_alias", "indices.put_alias"),
    ("_aliases", "indices.get_alias", "indices.update_aliases"),
    (
        "_index_template",
        "indices.get_index_template",
        "indices.put_index_template",
    ),
    ("_ingest", "ingest.get_pipeline", "ingest.put_pipeline"),
    ("_sql", "sql.query", "sql.query"),
    ("_analyze", "indices.analyze", "indices.analyze"),
    ("_nodes", "nodes.info", "nodes.info"),
    ("_tasks", "tasks.list", "tasks.cancel"),
];

/// Operations whose body is a query.
const QUERIES: [&str; 6] = [
    "search",
    "count",
    "async_search.submit",
    "update_by_query",
    "delete_by_query",
    "explain",
];

impl Endpoint {
    /// Reads the path of a request.
    pub(super) fn of(method: &str, path: &str, user_agent: Option<&str>) -> Option<Self> {
        let says = user_agent.and_then(product_of);
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        let first = segments.next();
        let second = segments.next();
        let (index, word, behind) = match first {
            None => {
                return says.and_then(|_| (method == "GET").then_some(Self::named("info", None)));
            }
            Some(word) if word.starts_with('_') => (None, word, second),
            Some(index) => match second {
                Some(word) => (Some(index), word, segments.next()),
                None => return says.and_then(|_| Self::of_index(method, index)),
            },
        };
        let name = named(method, word, behind)?;
        Some(Self::named(name, index))
    }

    fn of_index(method: &str, index: &str) -> Option<Self> {
        let name = match method {
            "PUT" => "indices.create",
            "DELETE" => "indices.delete",
            "GET" => "indices.get",
            "HEAD" => "indices.exists",
            _ => return None,
        };
        Some(Self::named(name, Some(index)))
    }

    fn named(name: &'static str, index: Option<&str>) -> Self {
        let is_one = |index: &&str| index.len() <= NAME_BYTES && !index.contains([',', '%']);
        Self {
            name,
            index: index.filter(is_one).map(str::to_owned),
        }
    }
}

fn named(method: &str, word: &str, behind: Option<&str>) -> Option<&'static str> {
    let reads = matches!(method, "GET" | "HEAD");
    let name = match (word, behind) {
        ("_doc", Some(_)) => match method {
            "GET" => "get",
            "HEAD" => "exists",
            "DELETE" => "delete",
            _ => "index",
        },
        ("_doc", None) => "index",
        ("_search", Some("scroll")) if method == "DELETE" => "clear_scroll",
        ("_search", Some("scroll")) => "scroll",
        ("_search", Some("template")) => "search_template",
        ("_nodes", Some("stats")) => "nodes.stats",
        ("_cluster", Some("health")) => "cluster.health",
        ("_cluster", Some("stats")) => "cluster.stats",
        ("_cluster", Some("state")) => "cluster.state",
        ("_cluster", Some("settings")) if reads => "cluster.get_settings",
        ("_cluster", Some("settings")) => "cluster.put_settings",
        ("_cat", Some("indices")) => "cat.indices",
        ("_cat", Some("nodes")) => "cat.nodes",
        ("_cat", Some("shards")) => "cat.shards",
        ("_cat", Some("health")) => "cat.health",
        ("_pit", None) if method == "DELETE" => "close_point_in_time",
        ("_alias", _) if method == "DELETE" => "indices.delete_alias",
        _ => {
            let (_, read, write) = NAMES.iter().find(|(known, ..)| *known == word)?;
            if reads { read } else { write }
        }
    };
    Some(name)
}

fn product_of(user_agent: &str) -> Option<Product> {
    let has = |name: &str| {
        let mut windows = user_agent.as_bytes().windows(name.len());
        windows.any(|window| window.eq_ignore_ascii_case(name.as_bytes()))
    };
    if has("opensearch") {
        Some(Product::Opensearch)
    } else if has("elasticsearch") || has("elastic-transport") {
        Some(Product::Elasticsearch)
    } else {
        None
    }
}

/// Reads an exchange.
pub(super) fn read(
    endpoint: Endpoint,
    exchange: &http::Exchange,
    asked: &Body,
    told: &Body,
) -> Option<Operation> {
    let response = exchange.response.as_ref();
    let by_answer = response.is_some_and(|response| response.is_elastic);
    let by_client = exchange
        .request
        .headers
        .user_agent
        .as_deref()
        .and_then(product_of);
    let by_shape = || has_its_shape(told.head()).then_some(Product::Elasticsearch);
    let product = match by_client {
        Some(product) => product,
        None if by_answer => Product::Elasticsearch,
        None => by_shape()?,
    };
    let status = response
        .map(|response| response.status)
        .filter(|status| *status >= 400);
    // Not to find a document is an answer.
    let is_missing =
        status == Some(404) && matches!(endpoint.name, "get" | "exists" | "indices.exists");
    let error = status.filter(|_| !is_missing).map(|status| {
        let found = json::member(told.head(), "error");
        let kind = found
            .and_then(|error| json::member(error, "type"))
            .and_then(json::name);
        kind.unwrap_or_else(|| status.to_string())
    });
    let is_query = QUERIES.contains(&endpoint.name) && !asked.head().is_empty();
    Some(Operation {
        product,
        name: endpoint.name,
        text: is_query.then(|| json::shape(asked.head(), TEXT_BYTES)),
        batch_size: (endpoint.name == "bulk").then(|| actions(asked)).flatten(),
        index: endpoint.index,
        error,
    })
}

/// Returns whether an answer has members that together only these servers send.
fn has_its_shape(body: &[u8]) -> bool {
    let has = |name| json::member(body, name).is_some();
    has("_shards") && (has("took") || has("_index") || has("count"))
        || has("took") && has("errors") && has("items")
        || has("_index") && has("_id") && has("found")
        || has("cluster_name") && has("number_of_nodes")
        || has("error") && has("status") && json::all(body, "root_cause").next().is_some()
}

/// Counts the operations of a bulk request: lines that name one, each followed by a document but
/// for those that delete.
fn actions(asked: &Body) -> Option<u32> {
    if !asked.is_whole() {
        return None;
    }
    let mut lines = asked.head().split(|byte| *byte == b'\n');
    let mut count = 0;
    while let Some(line) = lines.next() {
        let Some((action, _)) = json::members(line).next() else {
            continue;
        };
        count += 1;
        if action != b"delete" {
            lines.next();
        }
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(method: &str, path: &str) -> Option<(&'static str, Option<String>)> {
        let endpoint = Endpoint::of(method, path, Some("elasticsearch-py/8.1"))?;
        Some((endpoint.name, endpoint.index))
    }

    #[test]
    fn calls_endpoints_as_the_clients_do() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            name("POST", "/books/_search"),
            Some(("search", text("books")))
        );
        assert_eq!(name("POST", "/_bulk"), Some(("bulk", None)));
        assert_eq!(name("PUT", "/books/_doc/1"), Some(("index", text("books"))));
        assert_eq!(name("GET", "/books/_doc/1"), Some(("get", text("books"))));
        assert_eq!(
            name("DELETE", "/books/_doc/1"),
            Some(("delete", text("books")))
        );
        assert_eq!(
            name("PUT", "/books"),
            Some(("indices.create", text("books")))
        );
        assert_eq!(
            name("GET", "/_cluster/health"),
            Some(("cluster.health", None))
        );
        assert_eq!(name("POST", "/a,b/_search"), Some(("search", None)));
        assert_eq!(name("GET", "/"), Some(("info", None)));
        assert_eq!(name("GET", "/books/pages/1"), None);
    }

    #[test]
    fn other_clients_must_name_an_endpoint() {
        assert_eq!(Endpoint::of("PUT", "/books", Some("curl/8")), None);
        assert_eq!(Endpoint::of("GET", "/", None), None);
        assert!(Endpoint::of("GET", "/books/_search", None).is_some());
    }

    #[test]
    fn counts_what_a_bulk_request_does() {
        let mut body = Body::default();
        body.push(b"{\"index\":{}}\n{\"delete\":1}\n{\"delete\":{\"_id\":1}}\n{\"create\":{}}\n{\"a\":1}\n");
        assert_eq!(actions(&body), Some(3));
        body.skip();
        assert_eq!(actions(&body), None);
    }

    #[test]
    fn knows_answers_of_these_servers() {
        assert!(has_its_shape(
            br#"{"took":3,"timed_out":false,"_shards":{"total":1},"hits":{}}"#
        ));
        assert!(!has_its_shape(br#"{"took":3,"hits":[]}"#));
        assert!(!has_its_shape(b"<html>"));
    }
}
