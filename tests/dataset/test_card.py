from __future__ import annotations

from pathlib import Path

import yaml

from blueprint_assets.contracts.release import InputLicence
from blueprint_assets.dataset.card import MAX_ROWS, NO_LICENCE, cell, dataset_card, table
from blueprint_assets.release.licence import derive
from fixtures.synthetic_episodes import make_unit


def test_the_card_of_one_dataset_says_what_was_measured_and_no_licence_that_nobody_stated(tmp_path: Path) -> None:
    units = [make_unit(tmp_path / f"u{i}", 12, i, task) for i, task in enumerate(("One | two", "One | two", "Three"))]
    documents = [unit.document for unit in units]
    text = dataset_card(documents)
    _, front, body = text.split("---\n", 2)
    card = yaml.safe_load(front)
    assert "license" not in card
    assert card["configs"] == [{"config_name": "default", "data_files": "data/*/*.parquet"}]
    assert "3 episodes, 36 frames (2 s at 20 Hz)" in body
    assert "| One \\| two | 2 |" in body
    assert NO_LICENCE in body
    assert text == dataset_card(documents), "the same episodes, the same bytes"


def test_a_licence_that_was_derived_stands_in_front_matter_and_text(tmp_path: Path) -> None:
    documents = [make_unit(tmp_path / "u", 12).document]
    for stated, license in (("CC-BY-4.0", "cc-by-4.0"), (None, "other")):
        text = dataset_card(documents, "Title", derive([InputLicence(what="photo", stated=stated)]))
        assert yaml.safe_load(text.split("---\n")[1])["license"] == license
        assert NO_LICENCE not in text
        assert "# Title" in text


def test_a_long_table_is_cut_and_says_so() -> None:
    lines = table(("a", "b"), [(i, i) for i in range(MAX_ROWS + 5)])
    assert len(lines) == MAX_ROWS + 4
    assert lines[-1] == "and 5 more."
    assert cell("a|b\n c") == "a\\|b c"
