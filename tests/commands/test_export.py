from __future__ import annotations

import json
from pathlib import Path

import pytest

from blueprint_assets.commands.export import Export, export
from blueprint_assets.dataset.lerobot import assemble
from fixtures.synthetic_episodes import make_unit


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Datasets train and test in one folder, as a release has them."""
    root = tmp_path_factory.mktemp("release")
    units = [make_unit(root / "units" / f"u{i}", frames=6, seed=i) for i in range(3)]
    assemble(units[:2], root / "release" / "train")
    assemble(units[2:], root / "release" / "test")
    (root / "release" / "README.md").write_text("# The release\n")
    return root / "release"


def test_a_dataset_becomes_v21(release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert export(Export(release / "train", out, "lerobot-v2.1", json=True)) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["exports"][0]["path"] == str(out)
    assert told["exports"][0]["episodes"] == 2
    assert json.loads((out / "meta" / "info.json").read_text())["codebase_version"] == "v2.1"
    assert (out / "SOURCE_README.md").read_text() == (release / "train" / "README.md").read_text()


def test_a_release_becomes_one_dataset_per_split(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert export(Export(release, out, "lerobot-v2.1")) == 0
    said = capsys.readouterr().out
    for split, episodes in (("train", 2), ("test", 1)):
        assert json.loads((out / split / "meta" / "info.json").read_text())["total_episodes"] == episodes
        assert f"{out / split}: {episodes} episodes" in said
        assert (out / split / "SOURCE_README.md").read_text() == "# The release\n"


def test_a_release_becomes_one_rlds_folder_with_splits(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "My-Data set"
    assert export(Export(release, out, "rlds", image_format="png", version="1.2.3")) == 0
    folder = out / "my_data_set" / "1.2.3"
    info = json.loads((folder / "dataset_info.json").read_text())
    assert [(split["name"], split["shardLengths"]) for split in info["splits"]] == [("train", ["2"]), ("test", ["1"])]
    assert f'tfds.builder_from_directory("{folder}")' in capsys.readouterr().out


def test_what_cannot_be_done_is_told(release: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no dataset there"):
        export(Export(tmp_path, tmp_path / "out", "rlds"))
    with pytest.raises(ValueError, match="exists already"):
        export(Export(release, tmp_path, "rlds"))
    with pytest.raises(ValueError, match="--image-format, --name and --version are for --format rlds"):
        export(Export(release, tmp_path / "out", "lerobot-v2.1", image_format="png"))
    with pytest.raises(ValueError, match="TensorFlow Datasets wants"):
        export(Export(release, tmp_path / "out", "rlds", name="../x"))
    assert not list(tmp_path.iterdir())


def test_the_help_tells_what_the_formats_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    import tyro

    with pytest.raises(SystemExit):
        tyro.cli(Export, args=["--help"])
    said = capsys.readouterr().out
    assert "GR00T" in said
    assert "{lerobot-v2.1,rlds}" in said
