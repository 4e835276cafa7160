"""`scene_request_v1`: what somebody asks for, in words or with a picture, and the same after it was put in order.

The request is closed: a field that is not known is an error. It names the same fields and choices as the published request
(`text` mode); `image` mode, the `embedded` text backend and the closed `constraints` are additions of this project.
"""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .base import ContractError, Document, ObjectId, SceneId, Sha256

MAX_REQUEST_BYTES = 65_536
"""Of a request file. A request is a paragraph; what is larger is not one. Own choice."""
MAX_PROMPT_CHARACTERS = 4_000
"""Own choice: about 600 words, three times the longest prompt of our benchmark's kind."""
MAX_VARIANTS = 64
MAX_SEED = 2**31 - 1

Metres = Annotated[float, Field(ge=1.0, le=8.0)]
"""A room's side: from a closet to what the scene's ground holds."""


class Constraints(Document):
    """What a prompt does not say well in words."""

    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="the first variant's seed; the next ones count up")
    room: tuple[Metres, Metres] | None = Field(
        default=None, description="width, depth in metres; null: as large as needed"
    )
    environment: str | None = Field(
        default=None, pattern=r"^[a-z][a-z ]{1,40}$", description="kitchen, office, …; null: what the prompt says"
    )


class SceneRequest(Document):
    """`scene_request_v1` as somebody writes it."""

    schema_version: Literal["v1"]
    scene_id: SceneId
    source_mode: Literal["text", "image"] = "text"
    text_backend: Literal["embedded", "scenesmith", "sage", "hybrid_serial"] = Field(
        default="embedded", description="who turns words into a scene; hybrid_serial is the published default"
    )
    prompt: str | None = Field(default=None, description="text mode: what should be there")
    image: str | None = Field(
        default=None, min_length=1, max_length=4096, description="image mode: the picture's path or URI"
    )
    mask: str | None = Field(default=None, min_length=1, max_length=4096, description="image mode: its instance mask")
    quality_tier: Literal["standard", "premium"] = "standard"
    seed_count: int = Field(default=1, ge=1, le=MAX_VARIANTS, description="how many variants to make")
    constraints: Constraints = Constraints()
    provider_policy: Literal["openai_primary", "openrouter_qwen_primary"] | None = Field(
        default=None, description="which language model a text backend may call; the embedded one calls none"
    )

    @model_validator(mode="after")
    def _says_what_its_mode_needs(self) -> Self:
        if self.source_mode == "text":
            if self.prompt is None or not self.prompt.strip():
                raise ValueError("prompt is empty; text mode needs one, such as 'a mug on a table'")
            if self.image is not None or self.mask is not None:
                raise ValueError("image and mask belong to source_mode image; this request says text")
        else:
            if self.image is None:
                raise ValueError("image is missing; image mode needs a picture's path or URI")
            if self.prompt is not None:
                raise ValueError("prompt belongs to source_mode text; this request says image")
        if self.prompt is not None:
            _demand_text(self.prompt)
        return self


class NormalizedRequest(SceneRequest):
    """`textgen/request.normalized.json`: one variant, its text put in order, and when it was received."""

    received_at: str = Field(min_length=1, description="ISO 8601, UTC: when the request was registered")
    variant: int = Field(ge=0, description="0 for the first of seed_count")
    seed: int = Field(ge=0, description="of this variant's arrangement")
    request_sha256: Sha256 = Field(description="over the canonical JSON of the request as written")


class TextgenComplete(Document):
    """`textgen/.textgen_complete`, written last."""

    scene_id: SceneId
    status: Literal["completed"] = "completed"
    marker_type: Literal["textgen_complete"] = "textgen_complete"
    timestamp: str = Field(description="ISO 8601: when the request was received; the commit record says when this ran")


class AskedObject(Document):
    """One object of the result and the words that asked for it."""

    id: ObjectId
    category: str
    phrase: str = Field(description="the words of the prompt")
    relation: str = Field(description="on | in | under")
    parent_support_id: str = Field(description="an object or a support plane")


class AskedRelation(Document):
    """Something that was asked for and is so: left | right | front | behind | near | between | on | in | under."""

    subject_id: ObjectId
    relation: str
    object_ids: tuple[str, ...] = Field(min_length=1)


class TextgenPackage(Document):
    """`textgen/package.json`: what was read out of the prompt, and what became of it."""

    schema_version: Literal["v1"] = "v1"
    scene_id: SceneId
    backend: str = Field(description="what really ran")
    used_llm: bool
    prompt: str
    seed: int
    variant: int
    quality_tier: str
    room_type: str | None
    objects: tuple[AskedObject, ...]
    relations: tuple[AskedRelation, ...]
    not_understood: tuple[str, ...] = Field(description="words of the prompt that nothing stands for")
    read_as: tuple[str, ...] = Field(description="vague words and how they were read")
    adjusted: tuple[str, ...] = Field(description="what was taken larger than usual so that others fit")
    furnished: str | None = Field(description="the prompt named a room and nothing in it: this was put there instead")
    articulated: tuple[str, ...] = Field(description="objects with stage1/objects/<id>/articulation.json")


def read_request(path: Path) -> SceneRequest:
    """Reads a request file.

    Raises:
        ContractError: it is missing, too large, not JSON, or breaks the contract; the message names file and field.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ContractError(f"{path}: {error.strerror or error}") from None
    if size > MAX_REQUEST_BYTES:
        raise ContractError(f"{path}: {size} bytes, a request may have {MAX_REQUEST_BYTES}; shorten the prompt")
    return SceneRequest.read(path)


def normalize(request: SceneRequest, received_at: str) -> tuple[NormalizedRequest, ...]:
    """One normalised request per variant: the first keeps the scene's id, the next are `<id>-v2`, `<id>-v3`, ….

    The prompt becomes NFKC text on one line. The same request gives the same result.

    Raises:
        ContractError: a variant's id would be too long.
    """
    prompt = None if request.prompt is None else tidy(request.prompt)
    digest = hashlib.sha256(request.to_json().encode()).hexdigest()
    made = []
    for number in range(request.seed_count):
        fields = request.model_dump()
        fields |= {
            "scene_id": request.scene_id if number == 0 else f"{request.scene_id}-v{number + 1}",
            "prompt": prompt,
            "received_at": received_at,
            "variant": number,
            "seed": request.constraints.seed + number,
            "request_sha256": digest,
        }
        made.append(NormalizedRequest.parse(fields, f"variant {number + 1} of scene request {request.scene_id}"))
    return tuple(made)


def tidy(text: str) -> str:
    """Text in NFKC form, without characters that only steer its direction, on one line with single spaces."""
    composed = unicodedata.normalize("NFKC", text)
    return " ".join("".join(" " if c in "\t\r\n" else c for c in composed if unicodedata.category(c) != "Cf").split())


def _demand_text(prompt: str) -> None:
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise ValueError(f"prompt has {len(prompt)} characters, at most {MAX_PROMPT_CHARACTERS} are read; shorten it")
    for at, character in enumerate(prompt):
        kind = unicodedata.category(character)
        if (kind == "Cc" and character not in "\t\r\n") or kind in ("Cs", "Cn", "Co"):
            raise ValueError(f"prompt has the character U+{ord(character):04X} at {at}, which is not text; remove it")
    if not any(character.isalnum() for character in prompt):
        raise ValueError("prompt has no letter; name what should be there, such as 'a mug on a table'")
