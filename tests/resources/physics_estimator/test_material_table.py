from __future__ import annotations

import pytest

from resources.physics_estimator import PhysicsEstimateError
from resources.physics_estimator.material_table import HOLLOW_FILL, MASS_LIMITS_KG, MATERIALS, MaterialTable

MUG = (0.08, 0.08, 0.095)
MUG_VOLUME = 0.00048


def test_known_things_weigh_what_they_weigh() -> None:
    """A ceramic mug about 0.25 kg, a wooden 4 cm block about 40 g, a cereal box of 4 l about 0.5 kg."""
    table = MaterialTable()
    assert table.estimate("ceramic", MUG_VOLUME, MUG).mass_kg == pytest.approx(0.25, rel=0.1)
    assert table.estimate("wood", 0.04**3, (0.04, 0.04, 0.04)).mass_kg == pytest.approx(0.04, rel=0.15)
    assert table.estimate("cardboard", 0.004, (0.19, 0.075, 0.29)).mass_kg == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("size", [0.03, 0.05, 0.08, 0.12])
def test_an_unknown_hand_sized_thing_can_be_lifted(size: float) -> None:
    """Between a bottle cap and the Franka arm's 3 kg payload."""
    found = MaterialTable().estimate("unknown", size**3, (size, size, size))
    assert 0.005 < found.mass_kg < 3
    assert found.mass_evidence == found.friction_evidence == "default"
    assert found.mass_kg == pytest.approx(found.density * found.fill * size**3)


def test_a_modelled_cavity_is_not_taken_off_twice() -> None:
    hollow = MaterialTable().estimate("ceramic", 0.0001, MUG, cavity_modelled=True)
    assert hollow.mass_kg == pytest.approx(0.24)
    assert any("hollow" in note for note in hollow.notes)


def test_clamping_is_noted() -> None:
    light = MaterialTable().estimate("foam", 1e-6, (0.01, 0.01, 0.01))
    assert light.mass_kg == MASS_LIMITS_KG[0]
    assert "limit" in light.notes[0]
    heavy = MaterialTable().estimate("stone", 0.05, (0.4, 0.4, 0.4))
    assert heavy.mass_kg == MASS_LIMITS_KG[1]


def test_dynamic_friction_is_the_lower_one_everywhere() -> None:
    for name, row in MATERIALS.items():
        assert 0 < row.dynamic_friction < row.static_friction < 1, name
        assert 0 < row.fill <= 1, name


@pytest.mark.parametrize(
    ("material", "volume", "said"),
    [
        ("unobtainium", 0.001, "not in the table"),
        ("wood", 0.0, "volume"),
        ("wood", float("nan"), "volume"),
        ("wood", 1.0, "fit"),
    ],
)
def test_what_cannot_be_estimated(material: str, volume: float, said: str) -> None:
    with pytest.raises(PhysicsEstimateError, match=said):
        MaterialTable().estimate(material, volume, MUG)


def test_a_hollow_kind_of_a_solid_material_is_mostly_air() -> None:
    ball = 3.14159 / 6 * 0.1**3
    solid = MaterialTable().estimate("rubber", ball, (0.1, 0.1, 0.1))
    hollow = MaterialTable().estimate("rubber", ball, (0.1, 0.1, 0.1), hollow=True)
    assert hollow.mass_kg == pytest.approx(solid.mass_kg * HOLLOW_FILL / 0.8)
    assert "hollow" in hollow.notes[0]
    mug = MaterialTable().estimate("metal", ball, (0.1, 0.1, 0.1), hollow=True)
    assert mug.mass_kg == MaterialTable().estimate("metal", ball, (0.1, 0.1, 0.1)).mass_kg, "its fill is lower already"
