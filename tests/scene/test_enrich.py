from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blueprint_assets.contracts.inventory import Inventory
from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.scene_layout import ScaleDecision
from blueprint_assets.scene.enrich import CROP_SIDE, crop, enrich
from blueprint_assets.scene.manifest import build_manifest
from fixtures.stage1_layout import write_source, write_stage1
from resources.enrichment import Answer, EnrichmentError


class Teller:
    """Answers by the words of the object, or fails; remembers the pictures."""

    name = "gemini/some-model"

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers
        self.pictures: dict[str, bytes] = {}

    def describe(self, picture: bytes, words: str) -> Answer:
        self.pictures[words] = picture
        if words not in self.answers:
            raise EnrichmentError(f"{self.name}: HTTP 500: {words}")
        return self.answers[words]


def scene(folder: Path, labels: dict[str, str]) -> tuple[SceneInfo, Path]:
    """The fixture with other labels, a photograph and a mask of every object, a square of its own."""
    info = write_stage1(folder / "stage1", scaled=False)
    write_source(folder)
    objects = []
    for number, item in enumerate(info.objects):
        mask = np.zeros((480, 640), np.uint8)
        mask[200:280, 100 + 100 * number : 160 + 100 * number] = 255
        name = f"objects/{item.id}/mask.png"
        Image.fromarray(mask).save(folder / "stage1" / name)
        unknown = {"category": "nobody said"}
        objects.append(item.model_copy(update={"mask": name, "label": labels[item.id], "unknown": unknown}))
    return info.model_copy(update={"objects": tuple(objects)}), folder / "input/image.png"


LABELS = {"carton": "red thing", "cube": "green thing", "can": "blue can", "mug": "white thing"}


def test_names_are_added_and_never_replaced(tmp_path: Path) -> None:
    info, photo = scene(tmp_path, LABELS)
    teller = Teller(
        {
            "red thing": Answer("cereal boxes", "cardboard", (), 0.9),
            "green thing": Answer("tardis", None, ("Openable",), 0.4, ("Edible",)),
            "blue can": Answer("bottle", "glass", ("Pourable",), 0.8),
        }
    )
    found = enrich(tmp_path / "stage1", info, photo, teller)
    manifest = build_manifest(tmp_path / "stage1", info, tmp_path / "out", {}, found)
    things = {item.id: item for item in manifest.objects}
    assert [things[each].category for each in LABELS] == ["cereal box", "green thing", "can", "white thing"]
    assert (things["can"].physics_hints.material, things["can"].physics_hints.material_evidence) == (
        "glass",
        "estimated",
    )
    assert things["cube"].semantics.affordances == ("Openable",)
    inventory = Inventory.read(tmp_path / "out/seg/inventory.json")
    items = {item.id: item for item in inventory.objects}
    assert items["carton"].recognised_by == "gemini/some-model (estimated from the photograph)"
    assert items["can"].material_by == "gemini/some-model (estimated from the photograph)"
    assert inventory.not_recognised == ("cube", "mug")
    notes = "\n".join(inventory.notes)
    assert "cube: gemini/some-model said what we have no name for: Edible" in notes
    assert "cube: gemini/some-model says 'tardis', which the household catalogue does not have" in notes
    assert "can: gemini/some-model takes the can for a bottle; kept" in notes
    assert "mug: gemini/some-model: HTTP 500" in notes
    votes = {vote.name for vote in ScaleDecision.read(tmp_path / "out/seg/scale.json").votes}
    assert "cereal box carton" in votes, "what was named has a say in the scale"


def test_a_provider_that_fails_leaves_the_scene_as_it_is(tmp_path: Path) -> None:
    info, photo = scene(tmp_path, LABELS)
    teller = Teller({})
    found = enrich(tmp_path / "stage1", info, photo, teller)
    assert found.info == info
    assert len(teller.pictures) == 2, "not asked again after two failures in a row"
    assert [note.split(":")[0] for note in found.notes] == list(LABELS)
    with_it, without = tmp_path / "with", tmp_path / "without"
    assert build_manifest(tmp_path / "stage1", info, with_it, {}, found) == build_manifest(
        tmp_path / "stage1", info, without
    )


def test_the_crop_shows_the_object_and_a_margin(tmp_path: Path) -> None:
    info, photo = scene(tmp_path, LABELS)
    mask = tmp_path / "stage1" / (info.objects[0].mask or "")
    cut = Image.open(io.BytesIO(crop(photo, mask)))
    pad = round(0.2 * 79)
    assert cut.size == (60 + 2 * pad, 80 + 2 * pad)
    whole = np.asarray(Image.open(photo).convert("RGB"))[200 - pad : 280 + pad, 100 - pad : 160 + pad]
    assert (np.asarray(cut) == whole).all()
    Image.fromarray(np.full((480, 640), 255, np.uint8)).save(mask)
    assert max(Image.open(io.BytesIO(crop(photo, mask))).size) == CROP_SIDE
    Image.fromarray(np.zeros((480, 640), np.uint8)).save(mask)
    with pytest.raises(EnrichmentError, match="shows something"):
        crop(photo, mask)
    no_photo = enrich(tmp_path / "stage1", info, None, Teller({}))
    assert no_photo.notes == ("gemini/some-model was not asked: the scene has no photograph",)
