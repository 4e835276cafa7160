"""Raw meshes become closed solids of the right shape and colour, or a MeshError."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import mujoco
import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from blueprint_assets.geometry.mesh import MeshError, load_glb, save_glb
from blueprint_assets.geometry.mesh_care import care_for, recentred
from blueprint_assets.geometry.nearest import NearestSurface
from blueprint_assets.geometry.remesh import CELLS
from blueprint_assets.geometry.texture_transfer import Paint


def benchmark() -> ModuleType:
    """`tests/benchmarks/mesh_care.py`, which makes raw meshes."""
    path = Path(__file__).parents[1] / "benchmarks" / "mesh_care.py"
    spec = importlib.util.spec_from_file_location("mesh_care_benchmark", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BENCHMARK = benchmark()
PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 255, (32, 32, 3), np.uint8))


def painted_ring() -> trimesh.Trimesh:
    """A torus of 12 cm, red for x > 0, blue otherwise."""
    ring = trimesh.creation.torus(0.05, 0.02, major_sections=48, minor_sections=24)
    colors = np.where(ring.vertices[:, :1] > 0, [[220, 30, 30, 255]], [[30, 30, 220, 255]]).astype(np.uint8)
    ring.visual = trimesh.visual.ColorVisuals(ring, vertex_colors=colors)
    return ring


def judged(mesh: trimesh.Trimesh, tmp_path: Path) -> trimesh.Trimesh:
    """The mesh after a file, welded; closed for trimesh, and a body with exact inertia for MuJoCo."""
    read = load_glb(save_glb(mesh, tmp_path / "made.glb"))
    welded = read.copy()
    welded.merge_vertices(merge_tex=True, merge_norm=True)
    assert welded.is_watertight
    assert welded.is_winding_consistent
    assert welded.volume > 0
    welded.visual = trimesh.visual.ColorVisuals()
    welded.export(tmp_path / "made.obj")
    text = (
        f'<mujoco><compiler meshdir="{tmp_path}"/><asset><mesh name="m" file="made.obj" inertia="exact"/></asset>'
        '<worldbody><body><freejoint/><geom type="mesh" mesh="m" density="1000"/></body></worldbody></mujoco>'
    )
    model = mujoco.MjModel.from_xml_string(text)
    assert model.body_mass[1] == pytest.approx(1000 * welded.volume, rel=0.01)
    return read


@pytest.mark.parametrize(("damage", "method"), [("MILD", "repaired"), ("HARSH", "remeshed")])
def test_a_raw_mesh_becomes_a_solid(damage: str, method: str, tmp_path: Path) -> None:
    clean = painted_ring()
    raw = BENCHMARK.raw_mesh(clean, getattr(BENCHMARK, damage), faces=16_000)
    made, report = care_for(raw, max_faces=4_000)
    read = judged(made, tmp_path)
    assert report.method == method
    assert len(made.faces) <= 4_000
    assert report.before.open_edges > 100
    assert report.after.open_edges == 0
    assert report.after.volume == pytest.approx(clean.volume, rel=0.05)
    assert read.extents == pytest.approx(
        clean.extents, abs=0.005
    )  # noise of 0.3 mm, its extremes about 2 mm on each side
    assert report.painted == "baked"
    assert np.median(colors_off(clean, read)) < 12


def colors_off(clean: trimesh.Trimesh, made: trimesh.Trimesh) -> np.ndarray:
    """How much the colours differ (0..255) in the middles of the made mesh's faces, away from where red meets blue."""
    middles = np.asarray(made.triangles_center)
    middles = middles[np.abs(middles[:, 0]) > 0.01]
    found = []
    for mesh in (clean, made):
        on, face, _ = NearestSurface(np.asarray(mesh.vertices), np.asarray(mesh.faces), 0.002).find(middles)
        found.append(Paint(mesh).at(face, on).astype(float))
    return np.abs(found[0] - found[1]).max(axis=1)


def test_the_same_mesh_gives_the_same_bytes(tmp_path: Path) -> None:
    raw = BENCHMARK.raw_mesh(painted_ring(), BENCHMARK.MILD, faces=10_000)
    first, second = (care_for(raw, max_faces=3_000) for _ in range(2))
    assert save_glb(first[0], tmp_path / "a.glb").read_bytes() == save_glb(second[0], tmp_path / "b.glb").read_bytes()
    assert first[1] == second[1]


def test_a_good_mesh_is_left_alone() -> None:
    ball = trimesh.creation.icosphere(3, 0.04)
    made, report = care_for(ball)
    assert report.method == "kept"
    assert report.steps == ()
    assert np.array_equal(made.vertices, ball.vertices)
    assert np.array_equal(made.faces, ball.faces)


def test_a_hole_is_closed_and_the_texture_stays(tmp_path: Path) -> None:
    box = trimesh.creation.box((0.1, 0.1, 0.1)).subdivide().subdivide()
    uv = np.asarray(box.vertices)[:, :2] / 0.1 + 0.5
    box.visual = trimesh.visual.TextureVisuals(uv=uv, image=PICTURE)
    keep = ~((box.triangles_center[:, 2] > 0.049) & (np.abs(box.triangles_center[:, 0]) < 0.02))
    box.update_faces(keep)
    made, report = care_for(box)
    judged(made, tmp_path)
    assert report.method == "repaired"
    assert report.painted == "kept"
    assert report.holes == 1
    assert report.after.volume == pytest.approx(1e-3, rel=1e-4)
    assert report.largest_hole == pytest.approx(0.1, rel=0.01)
    assert made.visual.material.image.size == PICTURE.size
    assert np.allclose(made.visual.uv[: len(uv)].min(axis=0), 0, atol=1e-6)


def test_a_bowl_stays_hollow(tmp_path: Path) -> None:
    outer, inner = trimesh.creation.icosphere(4, 0.06), trimesh.creation.icosphere(4, 0.055)
    bowl = trimesh.boolean.difference([outer, inner, trimesh.creation.box((0.2, 0.2, 0.1), transform=lifted(0.07))])
    raw = BENCHMARK.raw_mesh(bowl, BENCHMARK.MILD, faces=16_000)
    made, report = care_for(raw, max_faces=6_000)
    judged(made, tmp_path)
    assert report.after.volume == pytest.approx(bowl.volume, rel=0.05)
    assert made.convex_hull.volume > 4 * report.after.volume


def lifted(height: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[2, 3] = height
    return matrix


def test_floating_pieces_go_and_touching_ones_stay() -> None:
    body = trimesh.creation.icosphere(4, 0.05)
    eye = trimesh.creation.icosphere(2, 0.004)
    eye.apply_translation([0.05, 0, 0])
    crumb = trimesh.creation.icosphere(1, 0.002)
    crumb.apply_translation([0, 0.08, 0.05])
    made, report = care_for(trimesh.util.concatenate([body, eye, crumb]))
    assert report.dropped_pieces == 1
    assert report.after.pieces == 2
    assert made.bounds[1] == pytest.approx([0.054, 0.05, 0.05], rel=1e-3)


def test_an_inside_out_mesh_is_turned() -> None:
    ball = trimesh.creation.icosphere(3, 0.04)
    ball.invert()
    made, report = care_for(ball)
    assert made.volume > 0
    assert report.steps == (f"turned {len(ball.faces)} faces",)


def test_both_sides_of_every_face_written_out() -> None:
    """As some exporters do for materials that are seen from both sides."""
    box = trimesh.creation.box((0.1, 0.2, 0.3))
    double = trimesh.Trimesh(box.vertices, np.concatenate([box.faces, box.faces[:, ::-1]]), process=False)
    made, report = care_for(double)
    assert made.volume == pytest.approx(box.volume)
    assert "degenerate or double" in report.steps[0]


def sheet(bend: float = 0.0) -> trimesh.Trimesh:
    x, y = np.meshgrid(np.linspace(0, 0.2, 30), np.linspace(0, 0.2, 30), indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), bend * np.sin(x.ravel() * 15)], axis=1)
    i = (np.arange(29)[:, None] * 30 + np.arange(29)).ravel()
    faces = np.concatenate([np.stack([i, i + 30, i + 31], axis=1), np.stack([i, i + 31, i + 1], axis=1)])
    return trimesh.Trimesh(points, faces, process=False)


@pytest.mark.parametrize(
    "mesh",
    [
        sheet(),
        trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], process=False),
        trimesh.Trimesh([[1, 1, 1]] * 3, [[0, 1, 2]], process=False),
        trimesh.Trimesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=int), process=False),
        trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, np.nan, 0]], [[0, 1, 2]], process=False, validate=False),
    ],
    ids=["sheet", "line", "point", "nothing", "nan"],
)
def test_what_is_no_body_is_refused(mesh: trimesh.Trimesh) -> None:
    with pytest.raises(MeshError, match=r"faces|vertices"):
        care_for(mesh)


def test_recentred_and_back() -> None:
    box = trimesh.creation.box((0.1, 0.2, 0.3))
    box.apply_translation([3, -2, -2.6])
    made, matrix = recentred(box)
    assert made.bounds[0] == pytest.approx([-0.05, -0.1, 0], abs=1e-12)
    assert np.allclose(trimesh.transform_points(made.vertices, matrix), box.vertices)


@given(
    size=st.tuples(*[st.floats(0.01, 2.0)] * 3),
    turn=st.floats(0, 6.28),
    gone=st.lists(st.integers(0, 47), max_size=10, unique=True),
    place=st.tuples(*[st.floats(-5, 5)] * 3),
)
@settings(max_examples=8, deadline=None)
def test_a_box_with_faces_missing_has_its_volume_again(
    size: tuple[float, float, float], turn: float, gone: list[int], place: tuple[float, float, float]
) -> None:
    box = trimesh.creation.box(size).subdivide()
    box.apply_transform(trimesh.transformations.rotation_matrix(turn, [1, 2, 3]))
    box.apply_translation(place)
    faces = np.delete(np.asarray(box.faces), gone, axis=0)
    try:
        made, report = care_for(trimesh.Trimesh(box.vertices, faces, process=False))
    except MeshError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert "sheet" in refused
        assert min(size) < 0.01 * max(size)
        return
    welded = trimesh.Trimesh(made.vertices, made.faces)
    assert welded.is_watertight
    assert report.after.volume is not None
    # patches are flat, so that a box only loses corners; re-meshing rounds to a cell on every side, which counts on a thin board
    most = 1.02 * np.prod(size) if report.method == "repaired" else np.prod(np.add(size, 2 * max(size) / CELLS))
    assert 0.4 * np.prod(size) < report.after.volume < most
