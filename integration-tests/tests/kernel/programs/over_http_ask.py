"""Asks models and search servers through their official clients: models|elasticsearch|opensearch PORT."""

import sys

PORT = sys.argv[2]
HOST = f"http://127.0.0.1:{PORT}"


def models():
    import anthropic
    import openai

    asked = [{"role": "user", "content": "SECRET " * 2000}]
    client = openai.OpenAI(base_url=f"{HOST}/v1", api_key="SECRET", max_retries=0)
    short = [{"role": "user", "content": "SECRET"}]
    client.chat.completions.create(model="gpt-4o", messages=short, temperature=0.5, max_tokens=700)
    usage = {"include_usage": True}
    parts = client.chat.completions.create(
        model="gpt-4o-mini", messages=asked, stream=True, stream_options=usage)
    assert sum(1 for _ in parts) == 302
    client.embeddings.create(model="text-embedding-3-small", input="SECRET")
    try:
        client.chat.completions.create(model="gpt-busy", messages=short)
        raise SystemExit("not refused")
    except openai.RateLimitError:
        pass
    client = anthropic.Anthropic(base_url=HOST, api_key="SECRET", max_retries=0)
    client.messages.create(model="claude-x", max_tokens=100, messages=short)
    with client.messages.stream(model="claude-x", max_tokens=400, messages=short) as stream:
        assert sum(1 for _ in stream.text_stream) == 200


def search(client, missing):
    client.index(index="books", id="1", body={"title": "SECRET"})
    client.get(index="books", id="1")
    client.search(index="books", body={"query": {"term": {"title": "SECRET"}}, "size": 3})
    client.bulk(body=[{"index": {"_index": "books"}}, {"title": "SECRET"}, {"delete": {"_index": "books", "_id": "2"}}])
    try:
        client.search(index="missing", body={"query": {"match_all": {}}})
        raise SystemExit("found")
    except missing:
        pass


if sys.argv[1] == "models":
    models()
elif sys.argv[1] == "elasticsearch":
    import elasticsearch

    search(elasticsearch.Elasticsearch(HOST), elasticsearch.NotFoundError)
else:
    import opensearchpy

    search(opensearchpy.OpenSearch(HOST), opensearchpy.NotFoundError)
