"""A second look at an object: what a hosted vision model says it is, is made of and can be used for.

Off unless a deployment turns it on, and never needed: every object has a category, material and affordances without it, or
says that they are not known. Turned on, the crop of every object leaves this machine for the provider that was named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Provider = Literal["gemini", "openai", "anthropic"]


class EnrichmentError(RuntimeError):
    """A provider gave no usable answer. The message names the provider, what happened and the remedy; never the key."""


@dataclass(frozen=True)
class Answer:
    """What was said of one object. Names that we do not have are left out and listed in `ignored`.

    `category` is free text, `material` a name of the material table, `affordances` names of the published table.
    """

    category: str | None
    material: str | None
    affordances: tuple[str, ...]
    confidence: float | None
    ignored: tuple[str, ...] = ()


class Enricher(Protocol):
    """Something that can be shown a picture."""

    @property
    def name(self) -> str:
        """Provider and model, as records name them."""
        ...

    def describe(self, picture: bytes, words: str) -> Answer:
        """What the object in the middle of a PNG `picture` is; `words` is what is known of it.

        Raises:
            EnrichmentError: no answer within the time limit, or one that cannot be read.
        """
        ...


def open_enricher(
    provider: Provider, model: str, key_variable: str, *, base_url: str = "", timeout_s: float = 30.0
) -> Enricher:
    """The model `model` of a provider, with the key in the environment variable `key_variable`.

    Args:
        provider: whose protocol is spoken.
        model: as the provider names it; there is no default, since models are withdrawn.
        key_variable: name of the environment variable that holds the API key.
        base_url: where the protocol is spoken (https, or http on this machine); empty: the provider's own address.
        timeout_s: seconds for one answer.

    Raises:
        EnrichmentError: the model is not named, the variable is not set, or the address is not one.
    """
    from .hosted import Hosted

    return Hosted.open(provider, model, key_variable, base_url, timeout_s)
