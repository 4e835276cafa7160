"""What a scene is by its content, whatever it is called, and which scenes share something."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from blueprint_assets.contracts.release import ReleasedScene
from blueprint_assets.contracts.source import Mode
from resources.scene_generation.embedded import BACKEND as LIBRARY

PHOTO, PIXELS, SCENE, MESH, THINGS = "photo", "pixels", "scene", "mesh", "things"


def content_keys(
    photo_sha256: str, pixels_sha256: str | None, scene_sha256: str, meshes: Iterable[str], *, library: bool = False
) -> frozenset[str]:
    """The hashes by which two scenes are known to share content: `photo:<sha256>`, `pixels:…`, `scene:…`, `mesh:…`. The first
    is of whatever the scene was made from; without a picture there is no second.

    A mesh that was reconstructed or generated belongs to one scene, and another with the same bytes shows the same thing. With
    `library` the meshes come from a library that all such scenes draw on, as a mug of the same make stands in many kitchens;
    each for itself would tie all of them into one group. Then the same things together (`things:…`) make two scenes one content:
    variants of one request, or one request in other words.
    """
    keys = {f"{PHOTO}:{photo_sha256}", f"{SCENE}:{scene_sha256}"}
    if pixels_sha256 is not None:
        keys.add(f"{PIXELS}:{pixels_sha256}")
    found = sorted(meshes)
    if not library:
        return frozenset(keys | {f"{MESH}:{sha256}" for sha256 in found})
    if found:
        keys.add(f"{THINGS}:{hashlib.sha256(chr(10).join(found).encode()).hexdigest()}")
    return frozenset(keys)


def from_library(mode: Mode, reconstruction: str) -> bool:
    """Whether a scene's meshes are the shapes that the text generator builds again for every scene that asks for them."""
    return mode == "text" and reconstruction == LIBRARY


def keys_of(scene: ReleasedScene) -> frozenset[str]:
    """The content keys of a scene that was released."""
    photo = scene.photo
    library = from_library(photo.mode, scene.reconstruction)
    return content_keys(photo.identity, photo.pixels_sha256, scene.scene_sha256, scene.meshes.values(), library=library)


def same_place(keys: Iterable[str]) -> frozenset[str]:
    """Those of the keys that make two scenes one and the same: the photograph and the composed scene, not their meshes."""
    return frozenset(key for key in keys if not key.startswith((f"{MESH}:", f"{THINGS}:")))


def groups(keys: Mapping[str, frozenset[str]]) -> list[tuple[str, ...]]:
    """Scenes that share a key, directly or through others, together; sorted within and by their first scene."""
    parent = {name: name for name in keys}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    owner: dict[str, str] = {}
    for name in sorted(keys):
        for key in keys[name]:
            parent[root(name)] = root(owner.setdefault(key, name))
    members: dict[str, list[str]] = {}
    for name in sorted(keys):
        members.setdefault(root(name), []).append(name)
    return sorted(tuple(names) for names in members.values())


def group_name(keys: Iterable[str]) -> str:
    """A short name of a group: the first digits of the hash over all its keys."""
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:12]
