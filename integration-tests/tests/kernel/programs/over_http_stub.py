"""Answers as model providers and search servers document it: no registry here has the real ones.

Listens on a free port, which it prints. Bodies hold words that nobody may be told: SECRET.
"""

import http.server
import json
import time

USAGE = {"prompt_tokens": 11, "completion_tokens": 640, "total_tokens": 651}
SHARDS = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}


def chat(asked):
    if asked["model"] == "gpt-busy":
        error = {"message": "SECRET", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
        return 429, {"error": error}
    message = {"role": "assistant", "content": "SECRET"}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    answer = {"id": "chatcmpl-7", "object": "chat.completion", "created": 1, "choices": [choice]}
    return 200, {**answer, "model": "gpt-4o-2024-08-06", "usage": USAGE}


def chat_stream(asked):
    """Far more than is copied of one message; the usage comes last."""
    part = {"id": "chatcmpl-8", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini-1"}
    for number in range(300):
        delta = {"index": 0, "delta": {"content": f"SECRET{number} "}, "finish_reason": None}
        yield json.dumps({**part, "choices": [delta]})
    last = {"index": 0, "delta": {}, "finish_reason": "length"}
    yield json.dumps({**part, "choices": [last]})
    yield json.dumps({**part, "choices": [], "usage": USAGE})
    yield "[DONE]"


def embeddings(asked):
    vector = {"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}
    usage = {"prompt_tokens": 5, "total_tokens": 5}
    return 200, {"object": "list", "data": [vector], "model": "text-embedding-3-small", "usage": usage}


def messages(asked):
    usage = {"input_tokens": 20, "cache_read_input_tokens": 4, "output_tokens": 9}
    content = [{"type": "text", "text": "SECRET"}]
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "content": content}
    return 200, {**answer, "model": "claude-x", "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}


def messages_stream(asked):
    usage = {"input_tokens": 20, "output_tokens": 1}
    start = {"id": "msg_2", "type": "message", "role": "assistant", "content": [], "model": "claude-x",
             "stop_reason": None, "stop_sequence": None, "usage": usage}
    yield "message_start", {"message": start}
    yield "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}
    for number in range(200):
        delta = {"type": "text_delta", "text": f"SECRET{number} "}
        yield "content_block_delta", {"index": 0, "delta": delta}
    yield "content_block_stop", {"index": 0}
    delta = {"stop_reason": "max_tokens", "stop_sequence": None}
    yield "message_delta", {"delta": delta, "usage": {"output_tokens": 321}}
    yield "message_stop", {}


def search(path, asked):
    if path == "/":
        version = {"number": "9.5.1", "build_flavor": "default"}
        return 200, {"name": "node", "cluster_name": "c", "version": version, "tagline": "You Know, for Search"}
    if path.startswith("/missing"):
        error = {"type": "index_not_found_exception", "reason": "SECRET"}
        return 404, {"error": {"root_cause": [error], **error}, "status": 404}
    if "_bulk" in path:
        return 200, {"took": 3, "errors": False, "items": []}
    if "_search" in path:
        hit = {"_index": "books", "_id": "1", "_score": 1.0, "_source": {"title": "SECRET"}}
        total = {"value": 1, "relation": "eq"}
        hits = {"total": total, "max_score": 1.0, "hits": [hit]}
        return 200, {"took": 3, "timed_out": False, "_shards": SHARDS, "hits": hits}
    if asked is None:
        return 200, {"_index": "books", "_id": "1", "found": True, "_source": {"title": "SECRET"}}
    return 201, {"_index": "books", "_id": "1", "_version": 1, "result": "created", "_shards": SHARDS}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def respond(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path.split("?")[0]
        lines = "ndjson" in self.headers.get("content-type", "") or "_bulk" in path
        asked = None if lines or not body else json.loads(body)
        if path == "/v1/chat/completions" and asked.get("stream"):
            return self.stream(f"data: {event}\n\n" for event in chat_stream(asked))
        if path == "/v1/messages" and asked.get("stream"):
            events = messages_stream(asked)
            return self.stream(f"event: {name}\ndata: {json.dumps({'type': name, **event})}\n\n"
                               for name, event in events)
        models = {"/v1/chat/completions": chat, "/v1/embeddings": embeddings, "/v1/messages": messages}
        status, answer = models[path](asked) if path in models else search(path, asked)
        self.send_response(status)
        if path not in models and "opensearch" not in self.headers["user-agent"]:
            self.send_header("X-Elastic-Product", "Elasticsearch")
        text = json.dumps(answer).encode()
        kind = self.headers.get("accept", "").split(",")[0]
        self.send_header("Content-Type", kind if "elasticsearch" in kind else "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def stream(self, events):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            time.sleep(0.002)  # nobody thinks faster, and who reads gets few at once
            self.wfile.write(f"{len(event):x}\r\n{event}\r\n".encode())
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = respond


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print("port", server.server_port, flush=True)
server.serve_forever()
