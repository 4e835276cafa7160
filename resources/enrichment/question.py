"""What is asked about a picture of an object, as text and as a JSON schema, and how the answer is read."""

from __future__ import annotations

import json
from typing import Any

from blueprint_assets.household import Affordance
from blueprint_assets.household.materials import MATERIAL_NAMES

from . import Answer, EnrichmentError

AFFORDANCES: tuple[str, ...] = Affordance.__args__  # type: ignore[attr-defined]
ANSWER_LIMIT = 4000
"""Characters of an answer; a right one has about 150."""
WORD_LIMIT = 60

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "category": {
            "type": "string",
            "description": "singular English noun: mug, cereal box, screwdriver; or unknown",
        },
        "material": {"type": "string", "enum": [*MATERIAL_NAMES, "unknown"]},
        "affordances": {"type": "array", "items": {"type": "string", "enum": list(AFFORDANCES)}},
        "confidence": {"type": "number", "description": "0 to 1, of the category"},
    },
    "required": ["category", "material", "affordances", "confidence"],
}


def question(words: str) -> str:
    """The text that goes with the picture; `words` is what the reconstruction calls the object."""
    return (
        "The picture is cut from a photograph; one object is in its middle. "
        f"A geometric reconstruction calls it {words[:WORD_LIMIT]!r}. "
        "Say what household object it is (category), what it is mostly made of (material), and what a robot arm with a "
        "two-finger gripper could do with it (affordances). Say unknown rather than guess. Answer in JSON."
    )


def read_answer(value: Any, who: str) -> Answer:
    """An answer from JSON text or the parsed object. Unknown names are left out and listed, wrong types are an error.

    Raises:
        EnrichmentError: it is not a JSON object of the schema's fields and types.
    """
    if isinstance(value, str):
        if len(value) > ANSWER_LIMIT:
            raise EnrichmentError(f"{who}: an answer of {len(value)} characters, the limit is {ANSWER_LIMIT}")
        try:
            value = json.loads(value)
        except (json.JSONDecodeError, RecursionError) as error:
            raise EnrichmentError(f"{who}: the answer is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise EnrichmentError(f"{who}: the answer is a {type(value).__name__}, not an object")
    category, material = _word(value, "category", who), _word(value, "material", who)
    listed = value.get("affordances", [])
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise EnrichmentError(f"{who}: affordances: {listed!r:.80} is not a list of names")
    confidence = value.get("confidence")
    if (
        isinstance(confidence, bool)
        or not isinstance(confidence, int | float | None)
        or not 0 <= (confidence or 0) <= 1
    ):
        raise EnrichmentError(f"{who}: confidence: {confidence!r:.40} is not a number from 0 to 1")
    ignored = [each for each in listed if each not in AFFORDANCES]
    if material and material not in MATERIAL_NAMES:
        ignored.append(material)
        material = None
    return Answer(
        category=category,
        material=material,
        affordances=tuple(each for each in AFFORDANCES if each in listed),
        confidence=confidence,
        ignored=tuple(each[:WORD_LIMIT] for each in ignored),
    )


def _word(value: dict[str, Any], field: str, who: str) -> str | None:
    word = value.get(field)
    if word is not None and not isinstance(word, str):
        raise EnrichmentError(f"{who}: {field}: {word!r:.80} is not text")
    plain = " ".join((word or "").lower().split())
    if len(plain) > WORD_LIMIT or not plain.isprintable():
        raise EnrichmentError(f"{who}: {field}: {plain!r:.80} is not a name of at most {WORD_LIMIT} characters")
    return plain if plain not in ("", "unknown") else None
