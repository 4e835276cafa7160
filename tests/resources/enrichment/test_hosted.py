"""Each provider's protocol against a local server that replays responses of the shape their references document. No provider
was called: there is no key here."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.enrichment import Answer, EnrichmentError, Provider, open_enricher
from resources.enrichment.question import SCHEMA, read_answer

SAID = {"category": "Coffee Mug", "material": "ceramic", "affordances": ["Fillable", "Graspable"], "confidence": 0.9}
PICTURE = b"\x89PNG not really"
KEY = "k-123-secret"
RECORDED: dict[Provider, Any] = {
    "gemini": {
        "candidates": [
            {
                "content": {"parts": [{"text": json.dumps(SAID)}], "role": "model"},
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {"promptTokenCount": 353, "candidatesTokenCount": 41, "totalTokenCount": 394},
        "modelVersion": "some-model",
    },
    "openai": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1760000000,
        "model": "some-model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": json.dumps(SAID), "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 400, "completion_tokens": 40, "total_tokens": 440},
    },
    "anthropic": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "some-model",
        "content": [
            {"type": "text", "text": "It is a mug."},
            {"type": "tool_use", "id": "toolu_1", "name": "describe_object", "input": SAID},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 500, "output_tokens": 60},
    },
}
PROVIDERS: list[Provider] = ["gemini", "openai", "anthropic"]


@contextmanager
def replaying(body: bytes, status: int = 200, wait: float = 0.0, location: str = "") -> Iterator[tuple[str, list[Any]]]:
    """A local server that answers every request with `body`; yields its address and the requests it got."""
    seen: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(content)))
            time.sleep(wait)
            try:
                self.send_response(status)
                if location:
                    self.send_header("location", location)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                assert wait, "the client left although it did not have to wait"

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_recorded_answer_is_understood(provider: Provider) -> None:
    with replaying(json.dumps(RECORDED[provider]).encode()) as (address, seen):
        enricher = open_enricher(provider, "some-model", "MY_KEY", base_url=address)
        answer = enricher.describe(PICTURE, "white round object")
    assert answer == Answer("coffee mug", "ceramic", ("Graspable", "Fillable"), 0.9)
    assert enricher.name == f"{provider}/some-model"
    assert KEY not in repr(enricher)
    ((path, headers, body),) = seen
    text = json.dumps(body)
    assert base64.b64encode(PICTURE).decode() in text
    assert "white round object" in text
    assert KEY not in text + path
    asked = {
        "gemini": ("/v1beta/models/some-model:generateContent", headers.get("x-goog-api-key")),
        "openai": ("/v1/chat/completions", (headers.get("authorization") or "").removeprefix("Bearer ")),
        "anthropic": ("/v1/messages", headers.get("x-api-key")),
    }
    assert (path, KEY) == asked[provider]
    schema = {
        "gemini": lambda: body["generationConfig"]["responseSchema"],
        "openai": lambda: body["response_format"]["json_schema"]["schema"],
        "anthropic": lambda: body["tools"][0]["input_schema"],
    }[provider]()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(SAID, schema)
    if provider == "openai":  # strict mode demands both
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) == set(schema["properties"])


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b'{"error": {"message": "bad key ' + KEY.encode() + b'"}}', 401, "HTTP 401"),
        (b'{"error": {"message": "slow down"}}', 429, "slow down"),
        (b"<html>oops</html>", 200, "not JSON"),
        (b"{}", 200, "no answer in the response"),
        (b"[1, 2]", 200, "no answer in the response"),
        (b'{"candidates": [], "choices": [], "content": []}', 200, "no answer in the response"),
        (b" " * 1_000_001, 200, "more than 1000000 bytes"),
    ],
)
def test_a_bad_response_is_a_typed_error_without_the_key(
    provider: Provider, body: bytes, status: int, said: str
) -> None:
    with replaying(body, status) as (address, _), pytest.raises(EnrichmentError, match=said) as caught:
        open_enricher(provider, "some-model", "MY_KEY", base_url=address).describe(PICTURE, "thing")
    assert KEY not in str(caught.value)
    assert provider in str(caught.value)


def test_silence_ends_at_the_time_limit() -> None:
    began = time.monotonic()
    with replaying(b"{}", wait=1.0) as (address, _), pytest.raises(EnrichmentError, match=r"no answer within 0\.2 s"):
        open_enricher("gemini", "m", "MY_KEY", base_url=address, timeout_s=0.2).describe(PICTURE, "thing")
    assert time.monotonic() - began < 5


def test_nobody_there_and_a_redirect() -> None:
    with replaying(b"{}") as (address, _):
        gone = address
    with pytest.raises(EnrichmentError, match="not reachable"):
        open_enricher("openai", "m", "MY_KEY", base_url=gone).describe(PICTURE, "thing")
    with replaying(b"{}") as (elsewhere, seen), replaying(b"", 307, location=elsewhere) as (address, _):
        with pytest.raises(EnrichmentError, match="HTTP 307"):
            open_enricher("openai", "m", "MY_KEY", base_url=address).describe(PICTURE, "thing")
        assert seen == [], "the key is not carried to another address"


@pytest.mark.parametrize(
    ("model", "variable", "address", "said"),
    [
        ("", "MY_KEY", "", "no model named"),
        ("m", "NOT_SET", "", "'NOT_SET' is not set"),
        ("m", "", "", "is not set"),
        ("m", "MY_KEY", "http://example.org", "not an https address"),
        ("m", "MY_KEY", "file:///etc", "not an https address"),
        ("m", "MY_KEY", "http://localhost.example.org", "not an https address"),
    ],
)
def test_what_cannot_be_asked_is_said_at_once(model: str, variable: str, address: str, said: str) -> None:
    with pytest.raises(EnrichmentError, match=said):
        open_enricher("anthropic", model, variable, base_url=address)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"category": 3}, "category: 3 is not text"),
        ({"category": "x" * 61}, "at most 60"),
        ({"category": "a\x00b"}, "is not a name"),
        ({"affordances": "Graspable"}, "not a list of names"),
        ({"affordances": [1]}, "not a list of names"),
        ({"confidence": 1.5}, "not a number from 0 to 1"),
        ({"confidence": "high"}, "not a number from 0 to 1"),
        ({"confidence": True}, "not a number from 0 to 1"),
    ],
)
def test_a_wrong_answer_is_refused_by_field(change: dict[str, Any], said: str) -> None:
    with pytest.raises(EnrichmentError, match=said):
        read_answer({**SAID, **change}, "x")


def test_names_that_we_do_not_have_are_listed() -> None:
    found = read_answer({**SAID, "material": "adamantium", "affordances": ["Graspable", "Edible"]}, "x")
    assert found == Answer("coffee mug", None, ("Graspable",), 0.9, ("Edible", "adamantium"))
    empty = read_answer({"category": "unknown", "material": "unknown", "affordances": [], "confidence": 0}, "x")
    assert (empty.category, empty.material, empty.ignored) == (None, None, ())
    for text in ("[]", "3", '"mug"', "{", "null", "x" * 5000):
        with pytest.raises(EnrichmentError):
            read_answer(text, "x")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8), lambda each: st.lists(each, max_size=3)
)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "more"]), JSON) | JSON)
def test_any_answer_is_understood_or_refused(value: Any) -> None:
    try:
        found = read_answer(value, "x")
    except EnrichmentError:
        return
    assert found.confidence is None or 0 <= found.confidence <= 1
    assert found.category is None or found.category.strip() == found.category != ""
