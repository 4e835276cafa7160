"""Furniture drawn from a library's mesh is found in that library; what is not like it keeps its plain solid."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import trimesh

from blueprint_assets.geometry.shapes import cuboid
from blueprint_assets.household import CATEGORIES
from fixtures.synthetic_photo import Thing, draw
from resources.reconstruction.embedded.legged import fit_legged
from resources.reconstruction.embedded.retrieved import better_from_library
from resources.reconstruction.embedded.silhouette import Silhouette, make_silhouette


def pedestal_table() -> trimesh.Trimesh:
    """A top on one thick column, which no template with four legs is like. Z-up, 1.0 x 0.8 x 0.7 m."""
    top, column = cuboid((1.0, 0.8, 0.06), 2), cuboid((0.2, 0.2, 0.66), 1)
    top.apply_translation([0, 0, 0.64])
    return trimesh.util.concatenate([top, column])


def library(folder: Path, mesh: trimesh.Trimesh) -> Path:
    turned = mesh.copy()
    turned.apply_transform(trimesh.transformations.rotation_matrix(-np.pi / 2, [1, 0, 0]))
    width, depth, height = 100 * mesh.extents
    rows = f"license=Public domain\nname#1=Round table\nmodel#1=/t.obj\nwidth#1={width}\ndepth#1={depth}\nheight#1={height}\n"
    folder.mkdir()
    with zipfile.ZipFile(folder / "Own.sh3f", "w") as made:
        made.writestr("PluginFurnitureCatalog.properties", rows)
        made.writestr("t.obj", str(turned.export(file_type="obj")))
    return folder


def seen(mesh: trimesh.Trimesh) -> Silhouette:
    photo = draw([Thing(mesh, (0.1, 3.0, 0.0), 0.5, (150, 100, 60))], pitch_degrees=25)
    view = make_silhouette(photo.ids > 0, np.zeros_like(photo.ids, bool), photo.camera, 0.0, photo.rgb)
    assert view is not None
    return view


def test_the_librarys_mesh_takes_the_place_of_a_template_that_covers_less(tmp_path: Path) -> None:
    row, table = CATEGORIES["table"], pedestal_table()
    view = seen(table)
    plain = fit_legged(view, row)
    assert plain is not None
    found = better_from_library(view, plain, row, library(tmp_path / "lib", table))
    assert found.shape == "library_mesh"
    assert found.overlap > 0.85
    assert "Round table" in found.note
    assert "CC0-1.0" in found.note
    assert found.mesh.is_volume
    np.testing.assert_allclose(found.mesh.extents, table.extents, rtol=0.25)
    assert found.world_vertices()[:, 2].min() > -1e-9


def test_other_proportions_another_category_or_no_library_keep_the_solid(tmp_path: Path) -> None:
    row, table = CATEGORIES["table"], pedestal_table()
    view = seen(table)
    plain = fit_legged(view, row)
    assert plain is not None
    assert better_from_library(view, plain, row, tmp_path / "none") is plain
    tall = table.copy()
    tall.apply_scale([0.3, 0.3, 2.0])
    folder = library(tmp_path / "lib", tall)
    assert better_from_library(view, plain, row, folder) is plain
    assert better_from_library(view, plain, CATEGORIES["desk"], folder) is plain
