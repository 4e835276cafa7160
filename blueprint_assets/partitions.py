"""A scene is a partition: a photograph that comes in adds a key, and every asset has one artifact per key."""

from __future__ import annotations

import re
import unicodedata

import dagster as dg

from blueprint_assets.contracts.base import SCENE_ID_PATTERN

scenes = dg.DynamicPartitionsDefinition(name="scenes")


class SceneIdError(ValueError):
    """A scene id that cannot name a folder, a partition and a Kubernetes label alike."""


def check_scene_id(scene_id: str) -> str:
    """Returns the id.

    Raises:
        SceneIdError: it does not match the pattern.
    """
    if not re.fullmatch(SCENE_ID_PATTERN, scene_id):
        raise SceneIdError(
            f"scene id {scene_id!r} does not match {SCENE_ID_PATTERN}: use 2 to 63 lower-case letters, digits, '-' and '_', "
            "beginning with a letter or digit"
        )
    return scene_id


def scene_id_of(name: str) -> str:
    """A scene id from a file's name: `My Photo (2).jpg` -> `my_photo_2`."""
    stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()  # ü becomes u, not a gap
    slug = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:63].strip("_")
    return slug if len(slug) >= 2 else f"scene_{slug or 'photo'}"
