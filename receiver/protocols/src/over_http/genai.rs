//! Calls of generative models over HTTP: who is asked for what, with which model, and how many
//! tokens it took.
//!
//! Prompts and completions are passed over. Names and numbers are found by the keys that providers
//! document, in a whole answer as in one that streams: of a stream the last events carry the usage,
//! and of several values of one name the last one counts.

use memchr::memmem;

use super::{Body, json};
use crate::http;

/// Reasons told of one answer.
const REASONS_MAX: usize = 4;

/// Which interface a path belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    family: Family,
    operation: &'static str,
    /// The model, where the path names it.
    model: Option<String>,
    streams: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    OpenAi,
    Anthropic,
    Gemini,
    Bedrock,
    Ollama,
    Cohere,
}

/// A call of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `gen_ai.provider.name`.
    pub provider: &'static str,
    /// `gen_ai.operation.name`.
    pub operation: &'static str,
    /// The model that was asked for.
    pub request_model: Option<String>,
    /// The model that answered.
    pub response_model: Option<String>,
    /// The answer's number at the provider.
    pub response_id: Option<String>,
    /// Why the model stopped, each reason once.
    pub finish_reasons: Vec<String>,
    /// Tokens that were sent, what a cache had included.
    pub input_tokens: Option<u64>,
    /// Tokens that came back.
    pub output_tokens: Option<u64>,
    /// Tokens that may come back.
    pub max_tokens: Option<u64>,
    /// How free the model is.
    pub temperature: Option<f64>,
    /// Which part of the likely tokens it chooses from.
    pub top_p: Option<f64>,
    /// Whether the answer came in pieces.
    pub is_stream: bool,
    /// Whether a stream said that it is over: clients then leave without reading the end of HTTP.
    pub is_over: bool,
    /// What went wrong, as the provider calls it, or the status.
    pub error: Option<String>,
    /// From the end of the request to the first byte of the answer, nanoseconds.
    pub first_byte_ns: Option<u64>,
}

/// Who answers at a host, by the end of its name.
const HOSTS: [(&str, &str); 14] = [
    ("api.openai.com", "openai"),
    (".openai.azure.com", "azure.ai.openai"),
    (".inference.ai.azure.com", "azure.ai.inference"),
    (".services.ai.azure.com", "azure.ai.inference"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    (".amazonaws.com", "aws.bedrock"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.x.ai", "x_ai"),
    ("api.perplexity.ai", "perplexity"),
    (".cohere.com", "cohere"),
];

impl Family {
    /// Returns who is behind an interface, if the host does not say.
    fn provider(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gcp.gemini",
            Self::Bedrock => "aws.bedrock",
            Self::Ollama => "ollama",
            Self::Cohere => "cohere",
        }
    }
}

impl Api {
    /// Reads the path of a request; what stands before the path of the interface is a gateway's.
    pub(super) fn of(method: &str, path: &str) -> Option<Self> {
        if method != "POST" {
            return None;
        }
        let made = |family, operation| Self {
            family,
            operation,
            model: None,
            streams: false,
        };
        let ends = [
            ("/chat/completions", made(Family::OpenAi, "chat")),
            ("/api/chat", made(Family::Ollama, "chat")),
            ("/api/generate", made(Family::Ollama, "text_completion")),
            ("/api/embed", made(Family::Ollama, "embeddings")),
            ("/v2/chat", made(Family::Cohere, "chat")),
            ("/completions", made(Family::OpenAi, "text_completion")),
            ("/embeddings", made(Family::OpenAi, "embeddings")),
            ("/responses", made(Family::OpenAi, "chat")),
            ("/v1/messages", made(Family::Anthropic, "chat")),
        ];
        let known = ends.into_iter().find(|(end, _)| path.ends_with(end));
        known.map(|(_, api)| api).or_else(|| Self::with_model(path))
    }

    /// Reads a path that names the model.
    fn with_model(path: &str) -> Option<Self> {
        let (before, last) = path.rsplit_once('/')?;
        if let Some((model, call)) = last.split_once(':').filter(|_| before.ends_with("/models")) {
            let (operation, streams) = match call {
                "generateContent" => ("generate_content", false),
                "streamGenerateContent" => ("generate_content", true),
                "embedContent" => ("embeddings", false),
                _ => return None,
            };
            return Some(Self {
                family: Family::Gemini,
                operation,
                model: name(model),
                streams,
            });
        }
        let streams = match last {
            "converse" | "invoke" => false,
            "converse-stream" | "invoke-with-response-stream" => true,
            _ => return None,
        };
        let (_, model) = before.rsplit_once("/model/")?;
        let model = name(&model.replace("%3A", ":").replace("%3a", ":"));
        Some(Self {
            family: Family::Bedrock,
            operation: "chat",
            model,
            streams,
        })
    }
}

fn name(text: &str) -> Option<String> {
    let is_name = !text.is_empty() && text.len() <= 256 && !text.contains(['/', '%']);
    is_name.then(|| text.to_owned())
}

/// What a request has besides the model.
const ASKS: [&str; 6] = [
    "messages",
    "prompt",
    "input",
    "contents",
    "inputText",
    "content",
];

/// Reads an exchange; whatever does not ask a model for something is none.
pub(super) fn read(api: Api, exchange: &http::Exchange, asked: &Body, told: &Body) -> Option<Call> {
    let body = asked.head();
    let asks = json::members(body).any(|(key, _)| ASKS.iter().any(|ask| ask.as_bytes() == key));
    let named = member_name(body, "model");
    let tail_name = || last(&asked.pieces()[1..], "model", json::name);
    let request_model = api.model.or(named).or_else(tail_name);
    let response_model = first(told, &["model", "modelVersion"], json::name);
    if !asks || request_model.is_none() && response_model.is_none() {
        return None;
    }
    let options = json::member(body, "generationConfig")
        .or_else(|| json::member(body, "inferenceConfig"))
        .or_else(|| json::member(body, "options"))
        .unwrap_or(body);
    let option = |names: &[&str]| names.iter().find_map(|name| json::member(options, name));
    let max = [
        "max_completion_tokens",
        "max_output_tokens",
        "max_tokens",
        "maxOutputTokens",
        "maxTokens",
        "num_predict",
    ];
    let status = exchange.response.as_ref().map(|response| response.status);
    Some(Call {
        provider: provider(api.family, exchange.request.host.as_deref()),
        operation: api.operation,
        request_model,
        response_model,
        response_id: first(told, &["id", "responseId"], json::name),
        finish_reasons: finish_reasons(told),
        input_tokens: input_tokens(told),
        output_tokens: any_last(told, OUTPUT_KEYS, json::count),
        max_tokens: option(&max).and_then(json_count),
        temperature: option(&["temperature"]).and_then(json_number),
        top_p: option(&["top_p", "topP"]).and_then(json_number),
        is_stream: api.streams
            || json::member(body, "stream").is_some_and(|v| v.starts_with(b"true")),
        is_over: told.pieces().into_iter().any(says_that_it_is_over),
        error: status
            .filter(|status| *status >= 400)
            .map(|status| error(told, status)),
        first_byte_ns: exchange
            .response_started_ns
            .map(|at| at.saturating_sub(exchange.request_ended_ns)),
    })
}

const OUTPUT_KEYS: &[&str] = &[
    "output_tokens",
    "completion_tokens",
    "candidatesTokenCount",
    "outputTokens",
    "eval_count",
];

/// Anthropic counts what its cache had beside the input; others include it.
fn input_tokens(told: &Body) -> Option<u64> {
    let keys = [
        "input_tokens",
        "prompt_tokens",
        "promptTokenCount",
        "inputTokens",
        "prompt_eval_count",
    ];
    let sent = any_last(told, &keys, json::count)?;
    let beside = ["cache_read_input_tokens", "cache_creation_input_tokens"];
    let cached = beside
        .iter()
        .filter_map(|key| last(&told.pieces(), key, json::count));
    Some(cached.fold(sent, u64::saturating_add))
}

/// OpenAI's last event is no JSON, Anthropic's has a name.
fn says_that_it_is_over(piece: &[u8]) -> bool {
    const LAST: [&[u8]; 2] = [b"data: [DONE]", b"event: message_stop"];
    LAST.iter().any(|last| memmem::find(piece, last).is_some())
}

fn finish_reasons(told: &Body) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    let keys = [
        "finish_reason",
        "stop_reason",
        "finishReason",
        "stopReason",
        "done_reason",
    ];
    for key in keys {
        let values = told
            .pieces()
            .into_iter()
            .flat_map(|piece| json::all(piece, key));
        for reason in values.filter_map(json::name) {
            if reasons.len() < REASONS_MAX && !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
    }
    reasons
}

fn error(told: &Body, status: u16) -> String {
    let body = told.head();
    let error = json::member(body, "error").unwrap_or(body);
    let word = ["code", "type", "status", "__type"]
        .iter()
        .find_map(|key| member_name(error, key));
    word.unwrap_or_else(|| status.to_string())
}

fn provider(family: Family, host: Option<&str>) -> &'static str {
    let host = host.unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_at = |end: &str| host == end.trim_start_matches('.') || host.ends_with(end);
    let known = HOSTS.iter().find(|(end, _)| is_at(end));
    known.map_or(family.provider(), |(_, provider)| provider)
}

fn member_name(body: &[u8], key: &str) -> Option<String> {
    json::member(body, key).and_then(json::name)
}

/// A value of a member is known to its end: what follows it was seen.
fn json_count(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn json_number(value: &[u8]) -> Option<f64> {
    let number: f64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    number.is_finite().then_some(number)
}

fn first<T>(body: &Body, keys: &[&str], read: fn(&[u8]) -> Option<T>) -> Option<T> {
    let pieces = body.pieces();
    keys.iter().find_map(|key| {
        pieces
            .iter()
            .find_map(|piece| json::all(piece, key).find_map(read))
    })
}

fn last<T>(pieces: &[&[u8]], key: &str, read: fn(&[u8]) -> Option<T>) -> Option<T> {
    pieces
        .iter()
        .flat_map(|piece| json::all(piece, key))
        .filter_map(read)
        .last()
}

fn any_last<T>(body: &Body, keys: &[&str], read: fn(&[u8]) -> Option<T>) -> Option<T> {
    keys.iter().find_map(|key| last(&body.pieces(), key, read))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(path: &str) -> Option<(Family, &'static str, Option<String>)> {
        Api::of("POST", path).map(|api| (api.family, api.operation, api.model))
    }

    #[test]
    fn knows_interfaces_by_their_paths() {
        assert_eq!(
            api("/v1/chat/completions"),
            Some((Family::OpenAi, "chat", None))
        );
        assert_eq!(
            api("/openai/deployments/x/chat/completions"),
            Some((Family::OpenAi, "chat", None))
        );
        assert_eq!(api("/v1/messages"), Some((Family::Anthropic, "chat", None)));
        let gemini = api("/v1beta/models/gemini-2.0-flash:streamGenerateContent");
        let model = Some("gemini-2.0-flash".to_owned());
        assert_eq!(gemini, Some((Family::Gemini, "generate_content", model)));
        let bedrock = api("/model/anthropic.claude-v1%3A0/converse");
        let model = Some("anthropic.claude-v1:0".to_owned());
        assert_eq!(bedrock, Some((Family::Bedrock, "chat", model)));
        assert_eq!(api("/orders/1"), None);
        assert_eq!(Api::of("GET", "/v1/chat/completions"), None);
    }

    #[test]
    fn knows_providers_by_their_hosts() {
        let provider = |host| provider(Family::OpenAi, Some(host));
        assert_eq!(provider("api.groq.com"), "groq");
        assert_eq!(provider("mine.openai.azure.com:443"), "azure.ai.openai");
        assert_eq!(provider("evil-api.groq.com.example"), "openai");
        assert_eq!(provider("localhost:8000"), "openai");
    }

    #[test]
    fn the_last_of_several_usages_counts() {
        let mut told = Body::default();
        told.push(b"data: {\"usage\":{\"input_tokens\":25,\"cache_read_input_tokens\":5,\"output_tokens\":1}}\n\n");
        told.push(b"data: {\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":15}}\n\n");
        assert_eq!(input_tokens(&told), Some(30));
        assert_eq!(any_last(&told, OUTPUT_KEYS, json::count), Some(15));
        assert_eq!(finish_reasons(&told), ["end_turn"]);
    }
}
