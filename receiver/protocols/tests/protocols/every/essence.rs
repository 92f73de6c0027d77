//! What an exchange of any family comes to, in the few words that must be true however little was
//! seen of it.

use tapline_protocols::{
    conversation::Outcome,
    database::{Exchange, System},
    parser::Told,
    rpc::Source,
};

use crate::script::Seen;

/// Names of operations on something that was said before, and may not have been seen.
const UNKNOWN: [&str; 3] = ["_OTHER", "EXECUTE", "QUERY"];

/// What was asked, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Essence {
    /// What was asked; nothing if a part of it was not seen.
    pub(super) asked: Option<String>,
    /// What the answer says.
    pub(super) said: Option<String>,
    pub(super) is_answered: bool,
    /// Nobody answers it, or nobody asked: there is no pair.
    pub(super) is_alone: bool,
}

/// Returns what was told, in the order of the requests.
pub(super) fn all(seen: &Seen) -> Vec<Essence> {
    let mut sorted: Vec<_> = seen.told.iter().collect();
    sorted.sort_by_key(|(id, _)| *id);
    sorted.into_iter().map(|(_, told)| of(told)).collect()
}

fn of(told: &Told) -> Essence {
    let (asked, said, outcome) = match told {
        Told::Http(exchange) => {
            let request = &exchange.request;
            let asked = format!("{} {}", request.method, request.target);
            let response = exchange.response.as_ref().filter(|it| !it.truncated);
            let said = response.map(|it| it.status.to_string());
            (
                (!request.truncated).then_some(asked),
                said,
                exchange.outcome,
            )
        }
        Told::Database(exchange) => {
            let (asked, said) = of_database(exchange);
            (asked, said, exchange.outcome)
        }
        Told::Messaging(exchange) => {
            let operation = &exchange.operation;
            let is_known = !operation.truncated;
            let said = exchange.error.as_ref().map(ToString::to_string);
            (
                is_known.then(|| operation.name.to_owned()),
                said,
                exchange.outcome,
            )
        }
        Told::Dns(exchange) => {
            let asked = format!("{} {}", exchange.question.kind, exchange.question.name);
            let said = exchange.code.map(|code| code.to_string());
            (Some(asked), said, exchange.outcome)
        }
        Told::Rpc(exchange) => {
            let asked = exchange.method.as_ref().map(ToString::to_string);
            // Whether a deadline had passed is a matter of time, not of bytes.
            let status = exchange.status.filter(|status| {
                status.source == Source::Sent && status.name != "DEADLINE_EXCEEDED"
            });
            let said = status.map(|status| status.name.to_owned());
            (
                asked.filter(|_| !exchange.truncated),
                said,
                exchange.outcome,
            )
        }
        Told::WebSocket(exchange) => (None, None, exchange.outcome),
    };
    let is_alone = match told {
        Told::Messaging(exchange) => exchange.operation.is_push || exchange.operation.is_one_way,
        _ => false,
    };
    Essence {
        asked,
        said,
        is_answered: outcome == Outcome::Answered,
        is_alone,
    }
}

fn of_database(exchange: &Exchange) -> (Option<String>, Option<String>) {
    let operation = &exchange.operation;
    let asked = operation.summary.as_deref().unwrap_or(&operation.name);
    let is_known = !operation.truncated && !UNKNOWN.contains(&operation.name.as_ref());
    let said = exchange.error.as_deref().filter(|error| {
        // MongoDB's errors have numbers before they have names.
        let is_number = error.bytes().all(|byte| byte.is_ascii_digit());
        *error != "_OTHER" && !(is_number && operation.system == System::Mongodb)
    });
    let said = said.map(str::to_owned);
    (is_known.then(|| asked.to_owned()), said)
}
