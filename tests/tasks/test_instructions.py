from __future__ import annotations

import pytest

from blueprint_assets.tasks.instructions import Instructions


def test_names_come_from_the_manifest(built) -> None:
    texts = Instructions.of(built.manifest, built.layout)
    assert texts.lift("can") == "pick up the blue can and lift it"


def test_things_of_one_name_are_told_apart_from_left_to_right(built) -> None:
    alike = [item.model_copy(update={"name": "box"}) if item.id != "can" else item for item in built.manifest.objects]
    texts = Instructions.of(built.manifest.model_copy(update={"objects": tuple(alike)}), built.layout)
    names = [texts.names[name] for name in sorted(("crate", "base", "cube"), key=lambda n: texts.places[n][0])]
    assert names == ["left box", "middle box", "right box"]
    assert texts.names["can"] == "blue can"
    assert len(set(texts.names.values())) == len(texts.names)


@pytest.mark.parametrize(
    ("step", "said"),
    [((0.15, 0), "to the right of"), ((-0.15, 0), "to the left of"), ((0, 0.1), "behind"), ((0, -0.1), "in front of")],
)
def test_places_are_told_from_the_nearest_object_as_the_camera_sees_it(built, step, said) -> None:
    texts = Instructions.of(built.manifest, built.layout)
    crate = texts.places["crate"][0] * texts.right + texts.places["crate"][1] * texts.away
    spot = crate + 1.2 * (step[0] * texts.right + step[1] * texts.away)
    others = {name: place for name, place in texts.places.items() if name in ("crate", "can")}
    text = Instructions(texts.names, others, texts.right, texts.away).place("can", (*spot, 0.75))
    assert text == f"pick up the blue can and put it {said} the grey box"


def test_an_only_object_is_moved_in_a_direction(built) -> None:
    texts = Instructions.of(built.manifest, built.layout)
    alone = Instructions(texts.names, {"can": texts.places["can"]}, texts.right, texts.away)
    can = texts.places["can"]
    spot = (can[0] - 0.2) * texts.right + can[1] * texts.away
    assert alone.place("can", (*spot, 0.75)) == "move the blue can to the left"
