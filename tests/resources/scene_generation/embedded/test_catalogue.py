from __future__ import annotations

from pathlib import Path

import manifold3d
import numpy as np
import pytest
import trimesh

from blueprint_assets.geometry.mesh import load_glb, save_glb
from blueprint_assets.household import CATEGORIES
from resources.scene_generation.embedded.catalogue import Kind, kinds, nouns

KINDS = {f"{kind.category} {kind.size}": kind for kind, _ in nouns().values()}
BENT = ("spoon", "wooden spoon", "fork", "spatula", "banana")
"""Their catalogue height is that of a bend, or their width that of a straight one."""


@pytest.mark.parametrize("name", KINDS)
def test_a_shape_is_a_closed_textured_solid_of_its_size(name: str, tmp_path: Path) -> None:
    """Outside judge: trimesh, on the written file."""
    kind = KINDS[name]
    made = kind.build(kind.size, kind.paint, kind.options).mesh()
    save_glb(made, tmp_path / "mesh.glb")
    mesh = load_glb(tmp_path / "mesh.glb")
    assert mesh.visual.kind == "texture"
    assert np.asarray(mesh.visual.uv).min() >= 0
    assert np.asarray(mesh.visual.uv).max() <= 1
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=True)
    assert solid.is_watertight
    assert solid.volume > 0
    assert solid.bounds[0, 2] == pytest.approx(0, abs=1e-6)
    if kind.category in BENT:
        return
    # Round things take the smaller of width and depth; handles of furniture and laptop lids reach out.
    low, high = np.array(kind.size) * [0.7, 0.9, 0.9], np.array(kind.size) + np.array([0.003, 0.045, 0.003])
    assert (solid.extents >= low).all()
    assert (solid.extents <= high).all()


@pytest.mark.parametrize("name", KINDS)
def test_flat_places_are_on_the_solid(name: str) -> None:
    """Below every place that bears things there is material: a ray down meets it at its height; above it is free."""
    kind = KINDS[name]
    shape = kind.build(kind.size, kind.paint, kind.options)
    vertices, faces = _welded(shape.mesh())
    solid = manifold3d.Manifold(manifold3d.Mesh64(vertices, faces.astype(np.uint64)))
    for rest in shape.rests:
        if rest.kind == "under":
            continue
        share = 0.7 if rest.round else 0.98
        offsets = np.array([[0, 0], [1, 1], [-1, 1], [1, -1], [-1, -1]]) * share * rest.half
        for x, y in offsets + rest.center:
            hits = solid.ray_cast((x, y, rest.z + min(rest.clearance, 0.05) * 0.5), (x, y, rest.z - 0.01))
            assert hits, f"{rest}: nothing at {x:.3f}, {y:.3f}"
            assert hits[0].position[2] == pytest.approx(rest.z, abs=1e-5), f"{rest}"


def _welded(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    plain = trimesh.Trimesh(mesh.vertices, mesh.faces, process=True)
    return plain.vertices, plain.faces


@pytest.mark.parametrize("category", ["glass", "bowl", "trash can", "crate", "tray", "banana", "box"])
def test_convex_parts_fill_the_solid(category: str) -> None:
    """What a shape says of its convex parts has the mesh's volume; a heap falls onto these."""
    kind = kinds()[category]
    shape = kind.build(kind.size, kind.paint, {**kind.options, "open": 1.0})
    parts = shape.convex_pieces()
    assert parts is not None
    union = manifold3d.Manifold.batch_boolean(
        [manifold3d.Manifold.hull_points(part) for part in parts], manifold3d.OpType.Add
    )
    assert union.volume() == pytest.approx(trimesh.Trimesh(*_welded(shape.mesh())).volume, rel=0.06)


def test_categories_are_the_household_catalogues() -> None:
    assert not set(kinds()) - set(CATEGORIES)
    assert len(kinds()) >= 150
    assert {"mug", "bowl", "plate", "bottle", "can", "screwdriver", "table", "counter", "cabinet", "fridge"} <= set(
        kinds()
    )


def test_what_opens_has_joints() -> None:
    cabinet: Kind = kinds()["cabinet"]
    shape = cabinet.build(cabinet.size, cabinet.paint, {"drawers": 2, "doors": 2})
    assert [(j.part, j.kind) for j in shape.joints] == [
        ("drawer_1", "prismatic"), ("drawer_2", "prismatic"), ("door_1", "revolute"), ("door_2", "revolute"),
    ]  # fmt: skip
    for joint in shape.joints:
        part = trimesh.Trimesh(*_welded(shape.mesh(joint.part)))
        assert part.is_watertight
        assert part.bounds[0, 1] < -cabinet.size[1] / 2 + 1e-9, "the front is in front"
        if joint.kind == "revolute":  # opening swings the door's free edge towards the viewer
            turn = trimesh.transformations.rotation_matrix(0.5, joint.axis, joint.origin)
            assert part.copy().apply_transform(turn).bounds[0, 1] < part.bounds[0, 1] - 0.05
