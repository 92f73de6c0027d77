//! Calls of generative models by their conventions (semantic-conventions-genai, 2026-08), for the
//! client that makes them. Whoever serves them is told as a server of HTTP.
//!
//! What was asked and answered is not told: a call is its names, its numbers and its end.

use tapline_pdata::write::{Attributes, SpanKind, Status};
use tapline_protocols::{conversation::Outcome, over_http::genai::Call};

use super::{
    facts::Facts,
    status::unanswered,
    table::{self, Amount, HistogramView, Subject, Value, int, text},
};

type Row = table::Row<GenAi>;
type Table = table::Table<GenAi>;

/// Calls of models.
pub(crate) struct GenAi;

/// One call and the request that made it.
pub(crate) struct GenAiFacts<'a> {
    http: Facts<'a>,
    call: &'a Call,
    name: String,
}

impl<'a> GenAiFacts<'a> {
    /// Reads a call.
    pub(crate) fn new(http: Facts<'a>, call: &'a Call) -> Self {
        let name = match &call.request_model {
            Some(model) => format!("{} {model}", call.operation),
            None => call.operation.to_owned(),
        };
        Self { http, call, name }
    }

    fn outcome(&self) -> Outcome {
        match self.http.exchange.outcome {
            Outcome::Unanswered(_) if self.call.is_over => Outcome::Answered,
            outcome => outcome,
        }
    }

    fn error_type(&self) -> Option<&str> {
        match self.outcome() {
            Outcome::Unanswered(reason) => Some(reason.error_type()),
            Outcome::Answered => self.call.error.as_deref(),
        }
    }
}

impl Subject for GenAi {
    type Facts<'a> = GenAiFacts<'a>;

    fn table(_: &GenAiFacts<'_>) -> &'static Table {
        &CLIENT
    }

    fn span_name<'f>(facts: &'f GenAiFacts<'_>) -> &'f str {
        &facts.name
    }

    fn status(facts: &GenAiFacts<'_>) -> Status<'static> {
        unanswered(facts.outcome()).unwrap_or(match facts.call.error {
            Some(_) => Status::Error(""),
            None => Status::Unset,
        })
    }

    fn amounts(facts: &GenAiFacts<'_>) -> [Option<Amount<Self>>; 2] {
        #[expect(clippy::cast_precision_loss, reason = "far fewer tokens than 2^53")]
        let amount = |view, tokens: Option<u64>| tokens.map(|tokens| (view, tokens as f64));
        [
            amount(&TOKENS_IN, facts.call.input_tokens),
            amount(&TOKENS_OUT, facts.call.output_tokens),
        ]
    }

    fn more(facts: &GenAiFacts<'_>, attributes: &mut Attributes<'_>) {
        let reasons: Vec<&str> = facts
            .call
            .finish_reasons
            .iter()
            .map(String::as_str)
            .collect();
        if !reasons.is_empty() {
            attributes.strs("gen_ai.response.finish_reasons", &reasons);
        }
    }
}

/// Bucket bounds of the durations of calls, in seconds, as the conventions advise.
static DURATION_BOUNDS: [f64; 14] = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
/// Bucket bounds of numbers of tokens, likewise.
static TOKEN_BOUNDS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

const fn tokens(rows: &'static [Row]) -> HistogramView<GenAi> {
    HistogramView {
        name: "gen_ai.client.token.usage",
        description: "Number of input and output tokens used.",
        unit: "{token}",
        bounds: &TOKEN_BOUNDS,
        rows,
    }
}

static TOKENS_IN: HistogramView<GenAi> = tokens(&[
    OPERATION,
    PROVIDER,
    REQUEST_MODEL,
    RESPONSE_MODEL,
    SERVER_ADDRESS,
    SERVER_PORT,
    INPUT,
]);
static TOKENS_OUT: HistogramView<GenAi> = tokens(&[
    OPERATION,
    PROVIDER,
    REQUEST_MODEL,
    RESPONSE_MODEL,
    SERVER_ADDRESS,
    SERVER_PORT,
    OUTPUT,
]);

static CLIENT: Table = Table {
    kind: SpanKind::Client,
    rows: &[
        OPERATION,
        PROVIDER,
        REQUEST_MODEL,
        RESPONSE_MODEL,
        Row {
            key: "gen_ai.response.id",
            value: |facts| facts.call.response_id.as_deref().and_then(text),
        },
        Row {
            key: "gen_ai.request.max_tokens",
            value: |facts| count(facts.call.max_tokens),
        },
        Row {
            key: "gen_ai.request.temperature",
            value: |facts| facts.call.temperature.map(Value::Double),
        },
        Row {
            key: "gen_ai.request.top_p",
            value: |facts| facts.call.top_p.map(Value::Double),
        },
        Row {
            key: "gen_ai.request.stream",
            value: |facts| facts.call.is_stream.then_some(Value::Yes),
        },
        Row {
            key: "gen_ai.usage.input_tokens",
            value: |facts| count(facts.call.input_tokens),
        },
        Row {
            key: "gen_ai.usage.output_tokens",
            value: |facts| count(facts.call.output_tokens),
        },
        Row {
            key: "gen_ai.response.time_to_first_chunk",
            value: |facts| {
                let first_ns = facts.call.first_byte_ns.filter(|_| facts.call.is_stream)?;
                #[expect(clippy::cast_precision_loss, reason = "53 bits of ns are 104 days")]
                Some(Value::Double(first_ns as f64 / 1e9))
            },
        },
        Row {
            key: "http.response.status_code",
            value: |facts| facts.http.status().map(int),
        },
        ERROR,
        SERVER_ADDRESS,
        SERVER_PORT,
    ],
    duration: Some(HistogramView {
        name: "gen_ai.client.operation.duration",
        description: "Duration of calls of generative models.",
        unit: "s",
        bounds: &DURATION_BOUNDS,
        rows: &[
            OPERATION,
            PROVIDER,
            REQUEST_MODEL,
            RESPONSE_MODEL,
            ERROR,
            SERVER_ADDRESS,
            SERVER_PORT,
        ],
    }),
};

const OPERATION: Row = Row {
    key: "gen_ai.operation.name",
    value: |facts| text(facts.call.operation),
};
const PROVIDER: Row = Row {
    key: "gen_ai.provider.name",
    value: |facts| text(facts.call.provider),
};
const REQUEST_MODEL: Row = Row {
    key: "gen_ai.request.model",
    value: |facts| facts.call.request_model.as_deref().and_then(text),
};
const RESPONSE_MODEL: Row = Row {
    key: "gen_ai.response.model",
    value: |facts| facts.call.response_model.as_deref().and_then(text),
};
const ERROR: Row = Row {
    key: "error.type",
    value: |facts| facts.error_type().and_then(text),
};
const SERVER_ADDRESS: Row = Row {
    key: "server.address",
    value: |facts| facts.http.server_address().map(Value::Str),
};
const SERVER_PORT: Row = Row {
    key: "server.port",
    value: |facts| facts.http.server_port().map(int),
};
const INPUT: Row = Row {
    key: "gen_ai.token.type",
    value: |_| text("input"),
};
const OUTPUT: Row = Row {
    key: "gen_ai.token.type",
    value: |_| text("output"),
};

fn count(tokens: Option<u64>) -> Option<Value<'static>> {
    tokens.map(|tokens| Value::Int(tokens.cast_signed()))
}
