"""Scale and names of a whole scene: simulated scenes, wrong names, units."""

from __future__ import annotations

import math

import numpy as np
import pytest

from blueprint_assets.household import CATEGORIES
from blueprint_assets.household.company import TOYS, sorts
from blueprint_assets.household.prevalence import EVERYWHERE, OFTEN, prevalence
from blueprint_assets.household.together import SLIP, SLIP_SD, Opinion, Thing, explain
from blueprint_assets.household.viewpoint import CAMERA_HEIGHT

NAMES = """mug cup bowl plate bottle can cereal_box milk_carton book ball apple orange banana block knife spoon teapot vase candle
box salt_shaker cutting_board teddy_bear jar glass"""
ROWS = [CATEGORIES[name.replace("_", " ")] for name in NAMES.split()]


def thing(name: str, unit: float = 1.0, **may_be: float) -> Thing:
    """A thing of the usual size, that may be of its own category or, `may_be`, of others."""
    width, depth, height = (side / unit for side in CATEGORIES[name].size)
    shares = tuple((CATEGORIES[other.replace("_", " ")], share) for other, share in (may_be or {name: 0.9}).items())
    return Thing((max(width, depth), min(width, depth), height), shares)


def test_nothing_to_go_by_is_none() -> None:
    assert explain([]) is None
    assert explain([Thing((1, 1, 1), ())]) is None


def test_an_opinion_alone_is_the_scale() -> None:
    found = explain([Thing((0.2, 0.2, 0.2), ())], [Opinion(math.log(0.5), 0.1)])
    assert found is not None
    assert found.log_scale == pytest.approx(math.log(0.5), abs=0.05)
    assert found.shares == ((),)


def test_many_ways_to_be_wrong_still_agree_on_one_scale() -> None:
    """Each thing is as likely something else, but only the truth fits all."""
    unit = 2.5
    scene = [
        thing("mug", unit, mug=0.3, bucket=0.3, salt_shaker=0.3),
        thing("can", unit, bottle=0.5, can=0.3),
        thing("apple", unit, ball=0.3, apple=0.3, melon=0.3),
        thing("cereal box", unit, cereal_box=0.4, small_box=0.2, box=0.2),
    ]
    found = explain(scene)
    assert found is not None
    assert found.log_scale == pytest.approx(math.log(unit), abs=0.05)
    assert [shares[0].row.name for shares in found.shares] == ["mug", "can", "apple", "cereal box"]
    assert all(sum(share.certainty for share in shares) <= 1 + 1e-9 for shares in found.shares)


def test_a_name_that_fits_nowhere_is_something_else() -> None:
    found = explain([*(thing(name) for name in ("mug", "plate", "can", "orange")), thing("mug", bathtub=0.9)])
    assert found is not None
    assert found.shares[-1][0].by_size < 0.05
    assert found.shares[-1][0].certainty < 0.5
    assert found.log_scale == pytest.approx(0.0, abs=0.05)


def test_a_misshapen_thing_keeps_its_name_where_looks_are_sure() -> None:
    """A spoon that was fitted as an upright blob has the size of a can."""
    scene = [thing(name) for name in ("mug", "plate", "orange")]
    blob = Thing((0.07, 0.07, 0.11), ((CATEGORIES["spoon"], 0.85), (CATEGORIES["can"], 0.002)))
    found = explain([*scene, blob])
    assert found is not None
    assert found.shares[-1][0].row.name == "spoon"
    assert found.log_scale == pytest.approx(0.0, abs=0.07)


def test_a_wrong_opinion_does_not_carry_the_scene() -> None:
    scene = [thing(name) for name in ("mug", "plate", "can", "orange", "wine bottle")]
    found = explain(scene, [Opinion(math.log(3), 0.1)])
    assert found is not None
    assert found.log_scale == pytest.approx(0.0, abs=0.1)


def test_more_things_make_it_surer() -> None:
    few, many = explain([thing("mug")]), explain([thing(name) for name in ("mug", "plate", "can", "orange")])
    assert few is not None
    assert many is not None
    assert many.sd < 0.7 * few.sd


def test_it_is_better_than_the_mean_of_what_the_names_say() -> None:
    """Simulated scenes of five things that differ as the catalogue says, reconstructed with some error, three in ten of them
    taken for something else with the truth as second choice, seen by a camera at some height: how often within 15 %."""
    random_ = np.random.default_rng(0)
    usual, spread = CAMERA_HEIGHT["top"]
    within = {"together": 0, "mean": 0}
    rounds = 150
    for _ in range(rounds):
        scene, first = [], []
        for _ in range(5):
            row, other = (ROWS[random_.integers(len(ROWS))] for _ in range(2))
            size = np.array(row.size) * math.exp(random_.normal(0, row.log_sd)) * np.exp(random_.normal(0, 0.1, 3))
            wrong = random_.random() < 0.3
            shares = ((other, 0.5), (row, 0.3)) if wrong and other is not row else ((row, 0.5), (other, 0.3))
            scene.append(Thing((max(size[:2]), min(size[:2]), size[2]), shares if row is not other else ((row, 0.8),)))
            said = shares[0][0]
            first.append(math.log(max(said.size) / size.max()))
        camera = Opinion(random_.normal(0, spread), spread)
        found = explain(scene, [camera])
        assert found is not None
        within["together"] += abs(found.log_scale) < 0.14
        within["mean"] += abs(float(np.mean(first))) < 0.14
    assert within["together"] > 0.6 * rounds
    assert within["together"] > 1.5 * within["mean"]
    assert usual > 0


def test_how_usual_things_are() -> None:
    assert set(CATEGORIES) >= EVERYWHERE | OFTEN
    assert not EVERYWHERE & OFTEN
    assert prevalence("mug") == 1 > prevalence("tape") > prevalence("corkscrew") > 0


def test_cameras_are_above_tables_and_floors() -> None:
    (table, table_sd), (floor, floor_sd) = CAMERA_HEIGHT["top"], CAMERA_HEIGHT["floor"]
    sitting, standing = math.log(0.40), math.log(0.75)
    assert math.log(table) == pytest.approx((sitting + standing) / 2, abs=0.01)
    assert table_sd == pytest.approx(math.hypot((standing - sitting) / 2, 0.1), abs=0.01)
    assert floor * math.exp(-floor_sd) < 1.23 < 1.63 < floor * math.exp(floor_sd)


def test_the_scale_is_the_median_of_what_is_likely() -> None:
    """Two opinions, one much surer: the distribution is skewed, and half of it lies on either side."""
    opinions = [Opinion(0.0, 0.05), Opinion(1.0, 0.4)]
    found = explain([], opinions)
    assert found is not None
    scales = np.arange(-4, 5, 0.001)
    density = np.ones(len(scales))
    for one in opinions:
        off = (scales - one.log_scale) / one.sd
        density *= (1 - SLIP) * np.exp(-0.5 * off**2) + SLIP / SLIP_SD * np.exp(-0.5 * (off / SLIP_SD) ** 2)
    below = density[scales < found.log_scale].sum() / density.sum()
    assert below == pytest.approx(0.5, abs=0.03)


def test_a_cuboid_is_a_block_among_toys_and_a_box_among_dishes() -> None:
    either = Thing((0.09, 0.06, 0.05), ((CATEGORIES["block"], 0.4), (CATEGORIES["small box"], 0.4)))
    toys = [thing(name) for name in ("teddy bear", "toy car", "ball")]
    dishes = [thing(name) for name in ("mug", "plate", "teapot")]
    among = {}
    for name, others in (("toys", toys), ("dishes", dishes)):
        found = explain([*others, either])
        assert found is not None
        among[name] = {share.row.name: share.certainty for share in found.shares[-1]}
    assert among["toys"]["block"] > 2 * among["dishes"]["block"]
    assert among["toys"]["small box"] < among["dishes"]["small box"]


def test_company_says_nothing_of_what_stands_on_floors() -> None:
    chair = Thing((0.45, 0.5, 0.9), ((CATEGORIES["chair"], 0.9),), floor=True)
    ball = Thing((0.22, 0.22, 0.22), ((CATEGORIES["football"], 0.4), (CATEGORIES["bucket"], 0.01)), floor=True)
    found = explain([chair, ball])
    assert found is not None
    assert found.shares[1][0].row.name == "football"


def test_the_sorts_of_pictures_are_all_pictures() -> None:
    assert set(CATEGORIES) >= TOYS
    assert sum(share for share, _ in sorts()) == pytest.approx(1)
    tops = [name for name, row in CATEGORIES.items() if row.stands == "top"]
    for _, usual in sorts():
        assert sum(prevalence(name) * usual[name] for name in tops) == pytest.approx(sum(map(prevalence, tops)))
