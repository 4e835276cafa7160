from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprint_assets.partitions import SceneIdError, check_scene_id, scene_id_of


@given(st.text(max_size=120))
def test_any_file_name_gives_a_valid_scene_id(name: str) -> None:
    assert check_scene_id(scene_id_of(name))


@pytest.mark.parametrize("bad", ["a/b", "../x", "", "A", "a", "_x", "x" * 64, "a b", "a|b", "a...b", "é-scene"])
def test_an_id_that_cannot_be_a_folder_is_refused(bad: str) -> None:
    with pytest.raises(SceneIdError, match="does not match"):
        check_scene_id(bad)


def test_names_stay_readable() -> None:
    assert scene_id_of("/photos/My Photo (2).JPG") == "my_photo_2"
    assert scene_id_of("Foto Küche.png") == "foto_kuche"
