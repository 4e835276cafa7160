"""Names by looks, shape and the sizes of all things together."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blueprint_assets.geometry.shapes import cuboid, revolved
from resources.reconstruction.embedded.calling import SHAPES, SOMETHING_ELSE, Seen, by_shape, call, candidates
from resources.reconstruction.embedded.families import FAMILY
from resources.reconstruction.embedded.solid import Solid


def box(*sides: float) -> Solid:
    return Solid("cuboid", cuboid(sides), np.zeros(3), 0.0, 0.95)  # type: ignore[arg-type]


def cylinder(radius: float, height: float) -> Solid:
    return Solid("revolved_silhouette", revolved([radius, radius], [0, height], 32), np.zeros(3), 0.0, 0.95)


def test_every_family_is_judged_by_every_shape() -> None:
    for kind, says in SHAPES.items():
        assert set(says) == {*FAMILY.values(), None}, kind
        assert max(says.values()) == 1


def test_the_shape_rules_out_what_looks_would_allow() -> None:
    looks = (("orange", 0.5), ("can", 0.3), ("box", 0.2))
    assert candidates(cylinder(0.03, 0.11), looks)[0][0] == "can"
    assert candidates(box(0.2, 0.1, 0.1), looks)[0][0] == "box"
    assert sum(share for _, share in candidates(box(0.2, 0.1, 0.1), looks)) == pytest.approx(
        1 - SOMETHING_ELSE, abs=1e-3
    )


def test_a_shape_that_the_name_chose_says_less() -> None:
    looks = (("orange", 0.5), ("can", 0.5))
    free = dict(candidates(cylinder(0.03, 0.11), looks))
    chosen = dict(candidates(dataclasses.replace(cylinder(0.03, 0.11), note="a can is such"), looks))
    assert free["orange"] < chosen["orange"] < 0.45


def test_a_part_beside_the_body_tells_a_mug_from_a_jar() -> None:
    looks = (("mug", 0.4), ("jar", 0.4), ("cup", 0.1))
    plain = cylinder(0.04, 0.09)
    without, with_part = (dict(candidates(dataclasses.replace(plain, parts=n), looks)) for n in (0, 1))
    assert without["mug"] < 0.7 * without["jar"], "most handles would show"
    assert with_part["mug"] > 1.4 * with_part["jar"]
    ratio = [each["cup"] / each["jar"] for each in (without, with_part)]
    assert ratio[0] < 0.1 / 0.4 * SHAPES["revolved"]["vessel"] < ratio[1], "some cups have a handle"
    boxes = dict(candidates(box(0.08, 0.08, 0.09), looks))
    assert boxes["mug"] > 0.5 * boxes["jar"], "a box shows no handles"


@pytest.mark.parametrize("unit", [0.3, 0.55, 0.9])
def test_ratios_of_sizes_tell_what_looks_cannot(unit: float) -> None:
    """A mug, a wine bottle and a cereal box, of which looks say no more than their build, in units of the camera's height."""
    cup = (("mug", 0.4), ("flower pot", 0.3), ("bucket", 0.3))
    tall = (("wine bottle", 0.3), ("pill bottle", 0.4), ("salt shaker", 0.3))
    boxes = (("small box", 0.3), ("cereal box", 0.3), ("tissue box", 0.3))
    things = [
        Seen(cylinder(0.042 / unit, 0.095 / unit), cup, 0.9),
        Seen(cylinder(0.038 / unit, 0.3 / unit), tall, 0.9),
        Seen(box(0.19 / unit, 0.065 / unit, 0.29 / unit), boxes, 0.9),
    ]
    called = call(things, 1.0, room=False)
    assert [each.category for each in called] == ["mug", "wine bottle", "cereal box"]
    assert all(each.certainty > 0.5 for each in called)
    assert dict(called[1].may_be)["pill bottle"] > dict(called[1].may_be)["wine bottle"], "without the sizes"


def test_boxes_that_nobody_can_tell_apart_are_boxes() -> None:
    boxes = tuple(
        (name, 0.09)
        for name in ("box", "small box", "radio", "speaker", "lunch box", "projector", "toaster", "printer")
    )
    called = call([Seen(box(0.45, 0.4, 0.4), boxes, 0.9)], 1.0, room=False)
    assert called[0].category is not None
    assert FAMILY[called[0].category] == "box"


@pytest.mark.parametrize(("radius", "height", "name"), [(0.05, 0.3, "bottle"), (0.05, 0.14, "can"), (0.1, 0.05, None)])
def test_where_no_network_looked_a_round_shape_says_what_it_may_be(
    radius: float, height: float, name: str | None
) -> None:
    assert [each for each, _ in by_shape(cylinder(radius, height))] == ([name] if name else [])
    assert call([Seen(cylinder(radius, height), (), 0.9)], 1.0, room=False)[0].category == name


def test_where_no_network_looked_a_box_may_be_a_box() -> None:
    called = call([Seen(box(0.1, 0.1, 0.1), (), 0.9)], 1.0, room=False)[0]
    assert (called.category, called.may_be) == ("box", (("box", called.certainty),))
    assert called.certainty < 0.5


def test_nothing_likely_is_no_name() -> None:
    odd = Solid("extruded_silhouette", cuboid((0.3, 0.02, 0.9)), np.zeros(3), 0.0, 0.7)
    assert call([Seen(odd, (), 0.5)], 1.0, room=False)[0].category is None
    assert call([], 1.0, room=False) == []
