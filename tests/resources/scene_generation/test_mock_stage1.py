"""The named fixture generator: complete, at real sizes, resting, nothing inside another."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.generate_mock_stage1 import PROMPTS, generate
from fixtures.stage1_judge import overlaps, placed


@pytest.mark.parametrize("environment", PROMPTS)
def test_a_mock_scene_is_a_plausible_one(environment: str, tmp_path: Path) -> None:
    info = generate(tmp_path, environment)
    assert info.environment_type == environment
    assert len(info.objects) >= 8
    assert (tmp_path / "textgen/.textgen_complete").is_file()
    assert not [note for note in info.notes if "not understood" in note]
    things = placed(tmp_path / "stage1", info)
    assert not [o for o in overlaps(things) if o.depth_m > 1e-3]
    for mesh, _ in things.values():
        assert 0.01 < mesh.extents.max() < 2.5
        assert mesh.is_watertight


def test_an_unknown_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="known are kitchen, office, warehouse"):
        generate(tmp_path, "volcano")
