from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from shapely import Polygon

from blueprint_assets.contracts.posed_meshes import Camera, SceneInfo
from blueprint_assets.contracts.scene_layout import ScaleReport, SceneLayout
from blueprint_assets.geometry.camera import project
from blueprint_assets.geometry.mesh import load_glb
from blueprint_assets.geometry.transforms import apply, compose
from blueprint_assets.scene.footprints import convex_footprint
from blueprint_assets.scene.layout import TABLE_HEIGHT_M, TABLE_MARGIN_M, LayoutError, lay_out_scene, layout_table
from blueprint_assets.scene.manifest import build_manifest, mesh_path
from fixtures import generate_mock_stage1
from fixtures.stage1_layout import METERS_PER_UNIT, Thing, box, can, textured, write_stage1


def laid_out(
    folder: Path, things: tuple[Thing, ...] | None = None, known_sizes: dict[str, float] | None = None
) -> tuple[SceneLayout, ScaleReport, dict[str, NDArray[np.float64]]]:
    """The layout, its report, and every object's vertices in the metric world."""
    info = write_stage1(folder / "stage1", things)
    build_manifest(folder / "stage1", info, folder, known_sizes or {})
    layout, report = lay_out_scene(folder, folder)
    placed = {
        item.id: apply(
            compose(item.position, item.rotation_quaternion, item.scale), load_glb(folder / mesh_path(item.id)).vertices
        )
        for item in layout.objects
    }
    return layout, report, placed


def block(name: str, x: float, y: float, z: float = 0.0, support: str = "plane_0", size: float = 0.1) -> Thing:
    mesh = textured(box(size, size, size), (200, 30, 30), split=True)
    return Thing(name, "block", mesh, (x, y, z), 0.0, support, "cuboid")


def test_objects_stand_on_the_table_inside_its_rim(tmp_path: Path) -> None:
    layout, report, placed = laid_out(tmp_path)
    (table,) = layout.support_surfaces
    assert table.height == TABLE_HEIGHT_M
    assert np.asarray(table.center) == pytest.approx([0, 0], abs=1e-9)
    assert table.size[0] >= 0.9
    assert table.size[1] >= 0.6
    rim = np.asarray(table.size) / 2 - TABLE_MARGIN_M
    for points in placed.values():
        assert (np.abs(points[:, :2]) <= rim + 1e-9).all()
    for each in ("carton", "can", "mug"):
        assert placed[each][:, 2].min() == pytest.approx(TABLE_HEIGHT_M, abs=1e-9)
    assert placed["cube"][:, 2].min() == pytest.approx(placed["carton"][:, 2].max(), abs=1e-9)
    assert report.factor == METERS_PER_UNIT
    assert any(note.startswith("mug: set 10.0 mm down") for note in report.adjustments)
    assert [row["id"] for row in layout_table(layout)] == [item.id for item in layout.objects]
    assert SceneLayout.read(tmp_path / "layout/scene_layout_scaled.json") == layout
    assert ScaleReport.read(tmp_path / "layout/scale_report.json") == report


def test_overlaps_are_resolved_by_the_least_move(tmp_path: Path) -> None:
    """Two 50 mm cubes that overlap by 10 mm: each goes 5 mm and half the gap; what stands on one goes with it."""
    things = (block("a", 0, 1.5), block("b", 0.08, 1.5), block("rider", 0, 1.5, 0.1, "a", 0.04), block("far", 1, 1.5))
    layout, report, _ = laid_out(tmp_path, things)
    at = {item.id: np.asarray(item.position) for item in layout.objects}
    assert at["b"][0] - at["a"][0] == pytest.approx(0.052, abs=0.0015)
    assert at["b"][1] == pytest.approx(at["a"][1])
    assert at["rider"][:2] == pytest.approx(at["a"][:2])
    assert at["far"][0] - at["a"][0] == pytest.approx(0.5 + 0.006, abs=0.001)
    moved = [note for note in report.adjustments if "sideways" in note]
    assert [note.split(":")[0] for note in moved] == ["a", "b", "rider"]


def test_a_heap_comes_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    things = []
    for number in range(8):
        mesh = box(*rng.uniform(0.06, 0.2, 3)) if number % 2 else can(*rng.uniform(0.04, 0.1, 2))
        x, y = rng.uniform(-0.15, 0.15, 2)
        thing = textured(mesh, (90, 90, 90), split=bool(number % 2))
        things.append(
            Thing(f"o{number}", "thing", thing, (x, 1.5 + y, 0.0), float(rng.uniform(0, 3)), "plane_0", "cuboid")
        )
    _, _, placed = laid_out(tmp_path, tuple(things))
    shapes = [Polygon(convex_footprint(points)) for points in placed.values()]
    for index, one in enumerate(shapes):
        for other in shapes[index + 1 :]:
            assert one.distance(other) > 0.001


def test_a_rider_beside_its_support_is_seated(tmp_path: Path) -> None:
    _, report, placed = laid_out(tmp_path, (block("a", 0, 1.5), block("b", 0.3, 1.5, 0.1, "a", 0.04)))
    below = Polygon(convex_footprint(placed["a"]))
    assert below.contains(Polygon(convex_footprint(placed["b"])).centroid)
    assert any(note.startswith("b: its centre was beside the top of a") for note in report.adjustments)


def test_the_camera_sees_the_scaled_scene_as_before(tmp_path: Path) -> None:
    """Scale and shift of world and camera together leave every pixel where it was."""
    layout, _, placed = laid_out(tmp_path, (block("a", 0, 1.5), block("far", 0.5, 1.8)))
    before = Camera.read(tmp_path / "stage1/camera.json")
    after = before.model_copy(update={"camera_to_world": layout.camera.camera_to_world})
    corners = box(0.1, 0.1, 0.1).vertices
    seen_before, _ = project(before, corners + np.array([0.5, 1.8, 0]))
    seen_after, _ = project(after, placed["far"])
    assert len(seen_before) == 8
    for corner in seen_before:
        assert np.linalg.norm(seen_after - corner, axis=1).min() < 0.01


def test_a_known_size_wins(tmp_path: Path) -> None:
    layout, report, _ = laid_out(tmp_path, known_sizes={"carton": 0.06})
    assert layout.scale_factor == report.factor == pytest.approx(0.25)
    assert report.evidence == "measured"
    assert layout.objects[0].size[2] == pytest.approx(0.06)


def test_large_tables_are_noted(tmp_path: Path) -> None:
    _, report, _ = laid_out(tmp_path, (block("a", 0, 1.5), block("b", 4.5, 1.5)))
    assert any("large for a table" in note for note in report.adjustments)


def test_circles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="circle"):
        laid_out(tmp_path, (block("a", 0, 1.5, 0, "b"), block("b", 0, 1.5, 0, "a")))


def test_a_second_surface_keeps_its_height(tmp_path: Path) -> None:
    folder = tmp_path
    info = write_stage1(folder / "stage1", (block("a", 0, 1.5), block("b", 0.6, 1.5, 0.4)))
    upper = info.support_planes[0].model_copy(update={"id": "plane_1", "point": (0.6, 1.5, 0.4)})
    lifted = info.objects[1].model_copy(update={"support": "plane_1"})
    update = {"support_planes": (*info.support_planes, upper), "objects": (info.objects[0], lifted)}
    changed: SceneInfo = info.model_copy(update=update)
    changed.write(folder / "stage1/scene_info.json")
    build_manifest(folder / "stage1", changed, folder)
    layout, _ = lay_out_scene(folder, folder)
    assert [surface.id for surface in layout.support_surfaces] == ["plane_0", "plane_1"]
    assert layout.support_surfaces[1].height == pytest.approx(TABLE_HEIGHT_M + 0.4 * METERS_PER_UNIT)
    assert layout.objects[1].position[2] == pytest.approx(TABLE_HEIGHT_M + 0.4 * METERS_PER_UNIT)


def test_a_shelfs_board_is_as_large_as_it_was_seen_and_no_larger(tmp_path: Path) -> None:
    info = write_stage1(tmp_path / "stage1", (block("a", 0, 1.5), block("b", 0.6, 1.5, 0.4)))
    seen = ((-0.3, 1.2, 0.4), (0.9, 1.2, 0.4), (0.9, 1.6, 0.4), (-0.3, 1.6, 0.4))
    board = {"id": "plane_1", "point": (0.6, 1.5, 0.4), "polygon": seen, "label": "shelf"}
    upper = info.support_planes[0].model_copy(update=board)
    lifted = info.objects[1].model_copy(update={"support": "plane_1"})
    update = {"support_planes": (*info.support_planes, upper), "objects": (info.objects[0], lifted)}
    changed: SceneInfo = info.model_copy(update=update)
    changed.write(tmp_path / "stage1/scene_info.json")
    build_manifest(tmp_path / "stage1", changed, tmp_path)
    layout, _ = lay_out_scene(tmp_path, tmp_path)
    shelf = layout.support_surfaces[1]
    assert shelf.size == pytest.approx((1.2 * METERS_PER_UNIT, 0.4 * METERS_PER_UNIT))
    assert shelf.center[0] == pytest.approx(0.3 * METERS_PER_UNIT)  # "a" is at the world's middle and at x = 0 here
    assert shelf.center[1] == pytest.approx(-0.1 * METERS_PER_UNIT)


def test_what_no_top_can_bear_goes_down_beside(tmp_path: Path) -> None:
    """A block on the tip of a cone: it stands on the table, clear of the cone."""
    cone = trimesh.creation.cone(0.08, 0.2, sections=24)
    tip = Thing(
        "cone", "cone", textured(cone, (80, 80, 80), split=False), (0, 1.5, 0), 0, "plane_0", "revolved_silhouette"
    )
    layout, report, placed = laid_out(tmp_path, (tip, block("b", 0.01, 1.5, 0.2, "cone", 0.04)))
    assert {item.id: item.support for item in layout.objects} == {"cone": "plane_0", "b": "plane_0"}
    assert placed["b"][:, 2].min() == pytest.approx(TABLE_HEIGHT_M)
    assert Polygon(convex_footprint(placed["b"])).distance(Polygon(convex_footprint(placed["cone"]))) > 0.001
    assert any("no flat top" in note for note in report.adjustments)


def test_a_scene_that_no_camera_saw_gets_a_viewpoint(tmp_path: Path) -> None:
    """Made from words: the chosen view shows every corner of every object, and says that it was chosen."""
    info = generate_mock_stage1.generate(tmp_path, "kitchen")
    assert info.camera is None
    build_manifest(tmp_path / "stage1", info, tmp_path, {})
    layout, _ = lay_out_scene(tmp_path, tmp_path)
    assert layout.camera.evidence == "default"
    view = layout.camera.model_dump(exclude={"evidence"})
    camera = Camera(**view, focal_evidence="default", pitch_evidence="default")
    for item in layout.objects:
        placed = compose(item.position, item.rotation_quaternion, item.scale)
        seen, depth = project(camera, apply(placed, load_glb(tmp_path / mesh_path(item.id)).vertices))
        assert (depth > 0).all()
        assert (seen >= 0).all()
        assert (seen <= [camera.width, camera.height]).all()
