//! What becomes of an exchange of HTTP: a request with its route, or what it was besides that.

use tapline_protocols::{http, over_http::Application};

use super::{Engine, OpenRequest};
use crate::ebpf::{
    emit::{Database, DatabaseFacts, Facts, GenAi, GenAiFacts, Http, Names, Side},
    privacy::QueryText,
    routes::{Evidence, Owner},
    tracker::Place,
};

impl Engine {
    pub(super) fn on_http(&mut self, open: &OpenRequest, place: Place, exchange: &http::Exchange) {
        let config = open.process.routes.as_ref().unwrap_or(&self.live.routes);
        let names = Names::of(exchange);
        let path = names.path;
        let owner = match open.side {
            Side::Server => Owner::Itself,
            Side::Client => Owner::Host(names.host().unwrap_or_default()),
        };
        let status = exchange.response.as_ref().map(|response| response.status);
        let evidence = Evidence::of_status(status);
        let service = (open.process.service.as_str(), owner);
        let route = if exchange.request.target.is_empty() {
            None // the path is not known
        } else {
            self.routes.route(service, path, evidence, config)
        };
        let ends = (open.side, place.tuple.as_ref());
        let facts =
            Facts::new(ends, (exchange, names), route, &self.live.privacy).over_tls(place.is_tls);
        let when = open.span(exchange.started_ns, exchange.ended_ns);
        let ignored = config.ignores(path);
        let (process, when) = (&open.process, (&open.context, when));
        match exchange.application.as_deref() {
            Some(Application::Search(operation)) => {
                let mut asked = operation.as_database(exchange);
                if self.live.privacy.query_text == QueryText::Off {
                    asked.operation.text = None;
                }
                let told = DatabaseFacts::new(open.side, place.tuple.as_ref(), &asked).over(&facts);
                self.emitter
                    .exchange::<Database>(process, &told, when, ignored);
            }
            Some(Application::GenAi(call)) if open.side == Side::Client => {
                let told = GenAiFacts::new(facts, call);
                self.emitter
                    .exchange::<GenAi>(process, &told, when, ignored);
            }
            _ => self
                .emitter
                .exchange::<Http>(process, &facts, when, ignored),
        }
    }
}
