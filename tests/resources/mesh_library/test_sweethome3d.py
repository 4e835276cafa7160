"""Archives as the Debian package installs them, written here: what is read, at what size, and what is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh

from blueprint_assets.geometry.mesh_folder import MeshError
from resources.mesh_library import sweethome3d
from resources.mesh_library.sweethome3d import LibraryError, installed, load


def archive(
    folder: Path, rows: str, licence: str = "Public domain", name: str = "Free", obj: dict[str, str] | None = None
) -> Path:
    """A library of one archive. Y-up boxes of 2 x 3 x 4 units with a small box at the front (+z) of the base."""
    folder.mkdir(exist_ok=True)
    body = trimesh.creation.box((2, 3, 4), trimesh.transformations.translation_matrix([0, 1.5, 0]))
    lip = trimesh.creation.box((2, 0.5, 1), trimesh.transformations.translation_matrix([0, 0.25, 2.5]))
    text = trimesh.util.concatenate([body, lip]).export(file_type="obj")
    path = folder / f"{name}.sh3f"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("PluginFurnitureCatalog.properties", f"# a comment\nlicense={licence}\n{rows}".encode("latin-1"))
        for member, content in {"a/thing.obj": str(text), **(obj or {})}.items():
            made.writestr(member, content)
    return folder


def row(name: str, number: int = 1, **other: str) -> str:
    values = {"name": name, "model": "/a/thing.obj", "width": "80", "depth": "100", "height": "90", **other}
    return "".join(f"{key}#{number}={value}\n" for key, value in values.items())


def test_names_of_the_catalogue_are_found_with_size_and_credit(tmp_path: Path) -> None:
    rows = row("Office chair 2", 1, creator="Ann") + row("Peterbilt", 2) + row("Corner sofa", 3)
    chair, sofa = installed(archive(tmp_path / "lib", rows))
    assert (chair.category.name, sofa.category.name) == ("office chair", "sofa")
    assert chair.size == pytest.approx((0.8, 1.0, 0.9))
    assert chair.credit == "Sweet Home 3D Free: Office chair 2 by Ann, CC0-1.0"


def test_a_mesh_stands_z_up_with_its_front_to_minus_y_at_the_catalogues_size(tmp_path: Path) -> None:
    (item,) = installed(archive(tmp_path / "lib", row("Armchair")))
    mesh = load(item)
    assert mesh.extents == pytest.approx([0.8, 1.0, 0.9])
    assert mesh.bounds[0] == pytest.approx([-0.4, -0.5, 0.0])
    top = mesh.vertices[mesh.vertices[:, 2] > 0.8]
    assert top[:, 1].min() == pytest.approx(-0.3), "the lip is the front fifth"


def test_the_catalogues_rotation_is_applied_before_its_size(tmp_path: Path) -> None:
    turned = row("Armchair", modelRotation="0 0 1 0 1 0 -1 0 0")  # a quarter about the vertical: +z to +x
    (item,) = installed(archive(tmp_path / "lib", turned))
    mesh = load(item)
    assert mesh.extents == pytest.approx([0.8, 1.0, 0.9])
    top = mesh.vertices[mesh.vertices[:, 2] > 0.8]
    assert np.ptp(top[:, 1]) == pytest.approx(1.0)
    assert top[:, 0].max() == pytest.approx(0.4 - 0.8 / 5), "the lip is at the right"


def test_nothing_installed_is_no_error_and_other_licences_are_left_alone(tmp_path: Path) -> None:
    assert installed(tmp_path / "none") == ()
    assert installed(archive(tmp_path / "lib", row("Sofa"), licence="Creative Commons Attribution 3.0")) == ()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (row("Sofa", width="wide"), "row 1: could not convert"),
        (row("Sofa", height="-3"), "row 1: 0.8 x 1 x -0.03 m"),
        (row("Sofa", depth="90000"), "sides of 0 to 10 m"),
        (row("Sofa", modelRotation="1 0 0"), "3 numbers of rotation"),
        ("name#1=Sofa\n", "row 1: 'width'"),
    ],
)
def test_a_bad_row_names_file_and_row(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(LibraryError, match=rf"Free.sh3f: PluginFurnitureCatalog.properties .*{said}"):
        installed(archive(tmp_path / "lib", rows))


def test_no_member_leads_out_and_none_is_larger_than_it_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.obj").write_text("v 0 0 0\n")
    (item,) = installed(archive(tmp_path / "lib", row("Sofa", model="/../secret.obj")))
    with pytest.raises(LibraryError, match=r"\.\./secret.obj: .*no item named"):
        load(item)
    monkeypatch.setattr(sweethome3d, "MAX_OBJ", 100)
    (item,) = installed(archive(tmp_path / "large", row("Sofa")))
    with pytest.raises(LibraryError, match="over 100 bytes"):
        load(item)


def test_a_broken_archive_and_a_broken_mesh_are_refused(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "Bad.sh3f").write_bytes(b"PK nothing")
    with pytest.raises(LibraryError, match=r"Bad.sh3f: .*zip"):
        installed(tmp_path / "lib")
    odd = archive(tmp_path / "odd", row("Sofa", model="/a/odd.obj"), obj={"a/odd.obj": "v 0 0 0\nf 1 2\n"})
    with pytest.raises(MeshError, match="line 2: f"):
        load(installed(odd)[0])
