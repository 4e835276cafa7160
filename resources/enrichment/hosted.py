"""Asking a provider's public HTTP interface: one request and one answer per object, JSON both ways, no library of theirs."""

from __future__ import annotations

import base64
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import Answer, EnrichmentError, Provider
from .question import SCHEMA, question, read_answer

RESPONSE_LIMIT = 1_000_000
"""Bytes of a response; a right one has about a thousand."""
TOOL = "describe_object"
MAX_TOKENS = 400


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to another address."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """None: the response is an error like any other."""


_OPENER = urllib.request.build_opener(_NoRedirect)


@dataclass(frozen=True)
class Dialect:
    """How one provider is asked: path of the request below the address, headers by key, body, and where the answer is."""

    address: str
    path: Callable[[str], str]
    headers: Callable[[str], dict[str, str]]
    body: Callable[[str, str, str], dict[str, Any]]
    answer: Callable[[Any], Any]


@dataclass(frozen=True)
class Hosted:
    """Implements `resources.enrichment.Enricher`."""

    name: str
    model: str
    dialect: Dialect
    url: str
    key: str = field(repr=False)
    timeout_s: float

    @classmethod
    def open(cls, provider: Provider, model: str, key_variable: str, base_url: str, timeout_s: float) -> Hosted:
        """See `resources.enrichment.open_enricher`."""
        if not model:
            raise EnrichmentError(f"enrichment by {provider}: no model named; set the resource's model")
        key = os.environ.get(key_variable, "") if key_variable else ""
        if not key:
            raise EnrichmentError(
                f"enrichment by {provider}: the environment variable {key_variable!r} is not set; put the API key into it, "
                "or turn enrichment off"
            )
        dialect = DIALECTS[provider]
        if base_url and not re.match(r"https://|http://(127\.0\.0\.1|localhost)[:/]", base_url + "/"):
            raise EnrichmentError(
                f"enrichment by {provider}: {base_url!r} is not an https address; the key would be read"
            )
        url = (base_url or dialect.address).rstrip("/") + dialect.path(model)
        return cls(f"{provider}/{model}", model, dialect, url, key, timeout_s)

    def describe(self, picture: bytes, words: str) -> Answer:
        """See the protocol."""
        body = self.dialect.body(self.model, question(words), base64.b64encode(picture).decode())
        request = urllib.request.Request(
            self.url,
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json", **self.dialect.headers(self.key)},
        )
        response = self._ask(request)
        try:
            found = self.dialect.answer(response)
        except (KeyError, IndexError, TypeError, StopIteration):
            raise EnrichmentError(f"{self.name}: no answer in the response: {json.dumps(response)[:200]}") from None
        return read_answer(found, self.name)

    def _ask(self, request: urllib.request.Request) -> Any:
        try:
            with _OPENER.open(request, timeout=self.timeout_s) as response:
                content = response.read(RESPONSE_LIMIT + 1)
        except urllib.error.HTTPError as error:
            said = error.read(2000).decode("utf-8", "replace").replace(self.key, "…")
            raise EnrichmentError(f"{self.name}: HTTP {error.code}: {' '.join(said.split())[:200]}") from None
        except TimeoutError:
            raise EnrichmentError(f"{self.name}: no answer within {self.timeout_s:g} s") from None
        except OSError as error:  # URLError, connection resets
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise EnrichmentError(f"{self.name}: no answer within {self.timeout_s:g} s") from None
            raise EnrichmentError(f"{self.name}: not reachable: {reason}") from None
        if len(content) > RESPONSE_LIMIT:
            raise EnrichmentError(f"{self.name}: a response of more than {RESPONSE_LIMIT} bytes")
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise EnrichmentError(f"{self.name}: the response is not JSON: {error}") from None


def _gemini(model: str, text: str, picture: str) -> dict[str, Any]:
    return {
        "contents": [
            {"role": "user", "parts": [{"text": text}, {"inline_data": {"mime_type": "image/png", "data": picture}}]}
        ],
        "generationConfig": {"temperature": 0, "responseMimeType": "application/json", "responseSchema": SCHEMA},
    }


def _openai(model: str, text: str, picture: str) -> dict[str, Any]:
    shown = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    strict = {"name": TOOL, "strict": True, "schema": {**SCHEMA, "additionalProperties": False}}
    return {
        "model": model,
        "messages": [{"role": "user", "content": [{"type": "text", "text": text}, shown]}],
        "response_format": {"type": "json_schema", "json_schema": strict},
    }


def _anthropic(model: str, text: str, picture: str) -> dict[str, Any]:
    shown = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}}
    return {
        "model": model,
        "max_tokens": MAX_TOKENS,
        "messages": [{"role": "user", "content": [shown, {"type": "text", "text": text}]}],
        "tools": [{"name": TOOL, "description": "Says what the object in the picture is.", "input_schema": SCHEMA}],
        "tool_choice": {"type": "tool", "name": TOOL},
    }


DIALECTS: dict[Provider, Dialect] = {
    "gemini": Dialect(
        "https://generativelanguage.googleapis.com",
        lambda model: f"/v1beta/models/{model}:generateContent",
        lambda key: {"x-goog-api-key": key},
        _gemini,
        lambda response: response["candidates"][0]["content"]["parts"][0]["text"],
    ),
    "openai": Dialect(
        "https://api.openai.com",
        lambda model: "/v1/chat/completions",
        lambda key: {"authorization": f"Bearer {key}"},
        _openai,
        lambda response: response["choices"][0]["message"]["content"],
    ),
    "anthropic": Dialect(
        "https://api.anthropic.com",
        lambda model: "/v1/messages",
        lambda key: {"x-api-key": key, "anthropic-version": "2023-06-01"},
        _anthropic,
        lambda response: next(part["input"] for part in response["content"] if part["type"] == "tool_use"),
    ),
}
