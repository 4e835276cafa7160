"""What stands on what: seen on drawn pictures with known truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from blueprint_assets.geometry.shapes import cuboid, revolved
from fixtures.synthetic_photo import SyntheticPhoto, Thing, draw
from resources.reconstruction.embedded.arrangement import Placed, _apart, _carrier, arrange
from resources.reconstruction.embedded.instances import Instance
from resources.reconstruction.embedded.solid import Solid
from resources.reconstruction.embedded.unstacking import parted

LOW, HIGH = (200, 60, 50), (50, 90, 190)


def instances_of(photo: SyntheticPhoto) -> tuple[Instance, ...]:
    return tuple(Instance(photo.ids == k + 1, "drawn", 1.0) for k in range(len(photo.things)))


def test_a_block_on_a_block_stands_on_it_and_one_right_behind_does_not() -> None:
    base = Thing(cuboid((0.3, 0.3, 0.2), 2), (0.0, 1.2, 0), math.radians(20), LOW)
    for other, support in (
        (Thing(cuboid((0.2, 0.2, 0.15), 2), (0.0, 1.2, 0.2), math.radians(40), HIGH), 0),
        (Thing(cuboid((0.2, 0.2, 0.5), 2), (0.0, 1.5, 0.0), math.radians(20), HIGH), None),
    ):
        photo = draw((base, other))
        placed, notes = arrange(instances_of(photo), photo.camera, photo.rgb)
        assert [item.support for item in placed] == [None, support]
        assert notes == []
        true = other.world().bounds
        # The foot of the one behind is hidden: how far behind is loose.
        assert np.allclose(placed[1].solid.position[:2], true.mean(axis=0)[:2], atol=0.06 if support == 0 else 0.3)
        assert placed[1].solid.position[2] == pytest.approx(true[0, 2], abs=0.02)


def test_things_on_different_planes_do_not_stand_on_each_other() -> None:
    photo = draw(
        (
            Thing(cuboid((0.3, 0.3, 0.2), 2), (0.0, 1.2, 0), math.radians(20), LOW),
            Thing(cuboid((0.2, 0.2, 0.15), 2), (0.0, 1.2, 0.2), math.radians(40), HIGH),
        )
    )
    placed, _ = arrange(instances_of(photo), photo.camera, photo.rgb, (0.0, 0.2), (0, 1))
    assert [(item.support, item.plane) for item in placed] == [(None, 0), (None, 1)]
    assert placed[1].solid.world_vertices()[:, 2].min() == pytest.approx(0.2, abs=1e-9)


def pile(photo: SyntheticPhoto) -> tuple[Instance, ...]:
    return (Instance(photo.ids > 0, "drawn", 1.0),)


def test_a_pile_of_two_colours_is_parted_and_put_on_each_other() -> None:
    photo = draw(
        (
            Thing(cuboid((0.3, 0.22, 0.15), 2), (0.0, 1.2, 0), math.radians(20), LOW),
            Thing(cuboid((0.24, 0.2, 0.15), 2), (0.0, 1.2, 0.15), math.radians(55), HIGH),
        )
    )
    parts, on, known = parted(pile(photo), [0], photo.camera, photo.rgb, (0.0,))
    assert (on, known) == ([0, 0], {1: 0})
    for k, part in enumerate(parts):
        true = photo.ids == k + 1
        assert (part.mask & true).sum() / (part.mask | true).sum() > 0.85
    placed, _ = arrange(parts, photo.camera, photo.rgb, (0.0,), on, known)
    assert [item.support for item in placed] == [None, 0]


def test_one_thing_and_what_is_recognised_stay_whole() -> None:
    one = draw((Thing(cuboid((0.3, 0.22, 0.3), 2), (0.0, 1.2, 0), math.radians(20), LOW),))
    assert len(parted(pile(one), [0], one.camera, one.rgb, (0.0,))[0]) == 1
    two = draw(
        (
            Thing(cuboid((0.3, 0.22, 0.15), 2), (0.0, 1.2, 0), math.radians(20), LOW),
            Thing(cuboid((0.24, 0.2, 0.15), 2), (0.0, 1.2, 0.15), math.radians(55), HIGH),
        )
    )
    named = (Instance(two.ids > 0, "drawn", 1.0, category="mug"),)
    assert parted(named, [0], two.camera, two.rgb, (0.0,))[0][0] is named[0]


def test_a_pile_of_one_colour_is_parted_by_its_outline_and_a_round_thing_is_not() -> None:
    books = draw(
        (
            Thing(cuboid((0.3, 0.2, 0.05), 2), (0.0, 1.2, 0), math.radians(10), LOW),
            Thing(cuboid((0.28, 0.19, 0.05), 2), (0.0, 1.2, 0.05), math.radians(48), LOW),
        )
    )
    parts, _, known = parted(pile(books), [0], books.camera, books.rgb, (0.0,))
    assert known == {1: 0}
    for k, part in enumerate(parts):
        true = books.ids == k + 1
        assert (part.mask & true).sum() / (part.mask | true).sum() > 0.8
    jar = draw((Thing(revolved([0.1, 0.1, 0.08, 0.08], [0, 0.18, 0.2, 0.26], 48), (0.0, 1.2, 0), 0.0, LOW),))
    assert len(parted(pile(jar), [0], jar.camera, jar.rgb, (0.0,))[0]) == 1


def test_what_ends_above_a_nearer_things_outline_stands_behind_it() -> None:
    near = Thing(cuboid((0.5, 0.2, 0.15), 2), (0.0, 1.1, 0), 0.0, LOW)
    # The far upper edge of the near thing hides the table up to here; the can's foot is seen a little beyond.
    edge, height = 1.2, 0.15
    behind = edge / (1 - height) + 0.02 + 0.06
    for y, z, support in ((behind, 0.0, None), (1.1, height, 0)):
        can = Thing(revolved([0.06, 0.06], [0, 0.2], 48), (0.0, y, z), 0.0, HIGH)
        photo = draw((near, can))
        assert _carrier(1, instances_of(photo), [0, 0]) == support
        placed, _ = arrange(instances_of(photo), photo.camera, photo.rgb)
        assert [item.support for item in placed] == [None, support]
        assert placed[1].solid.position[1] == pytest.approx(can.position[1], abs=0.04)


def standing(width: float, depth: float, y: float) -> Placed:
    solid = Solid("cuboid", cuboid((width, depth, 0.2), 2), np.array([0.0, y, 0.0]), 0.0, 1.0)
    return Placed(Instance(np.ones((2, 2), bool), "drawn", 1.0), solid, None)


def test_overlapping_things_are_parted_along_the_ray_or_left_where_their_pictures_put_them() -> None:
    camera = draw(()).camera
    near, far = _apart([standing(0.3, 0.2, 1.2), standing(0.2, 0.2, 1.37)], camera)
    assert near.solid.position[1] == 1.2
    assert 1.4 <= far.solid.position[1] < 1.41
    assert "moved away" in far.notes[0]
    table, chair = _apart([standing(1.0, 0.8, 1.2), standing(0.3, 0.3, 1.25)], camera)
    assert (table.solid.position[1], chair.solid.position[1]) == (1.2, 1.25)
    assert "shares a place" in chair.notes[0]
