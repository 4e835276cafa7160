"""The way through, on drawn pictures with known truth and on a real photograph, judged by trimesh and MuJoCo."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import mujoco
import numpy as np
import pytest
from PIL import Image

from blueprint_assets.contracts.posed_meshes import Bounds, Camera, Pose, SceneInfo
from blueprint_assets.contracts.source import Source
from blueprint_assets.geometry.camera import pitch_and_roll
from blueprint_assets.geometry.mesh import load_glb
from blueprint_assets.geometry.shapes import cuboid, revolved
from blueprint_assets.geometry.transforms import apply
from blueprint_assets.stage1.posed import demand_sound
from fixtures.synthetic_photo import SyntheticPhoto, Thing, draw
from resources.observability import Progress, silent
from resources.reconstruction import ReconstructionError
from resources.reconstruction.embedded import EmbeddedReconstructor

PHOTOS = Path(__file__).resolve().parents[4] / "fixtures" / "photos"


def make_source(root: Path, rgb: np.ndarray, ids: np.ndarray | None, focal: float | None) -> Source:
    (root / "input").mkdir(parents=True)
    Image.fromarray(rgb).save(root / "input/image.png")
    if ids is not None:
        Image.fromarray(ids).save(root / "input/mask.png")
    return Source(
        scene_id="desk",
        original="input/image.png",
        original_sha256="0" * 64,
        image="input/image.png",
        width=rgb.shape[1],
        height=rgb.shape[0],
        mask=None if ids is None else "input/mask.png",
        exif_focal_35mm=focal,
        received_at="2026-01-02T03:04:05Z",
    )


def reconstruct(root: Path, rgb: np.ndarray, ids: np.ndarray | None, focal: float | None = None) -> SceneInfo:
    source = make_source(root, rgb, ids, focal)
    info = EmbeddedReconstructor().reconstruct(source, root, root / "stage1", silent)
    demand_sound(root / "stage1")
    return info


@pytest.fixture(scope="module")
def photo() -> SyntheticPhoto:
    """A box, a can and a ball, 35 degrees down, 28 mm, one unit above the table."""
    ball_z = np.linspace(0, 0.2, 25)
    ball = revolved(np.sqrt(np.maximum(0.01 - (ball_z - 0.1) ** 2, 0)), ball_z, sections=48)
    return draw(
        (
            Thing(cuboid((0.3, 0.2, 0.35), 2), (-0.35, 1.5, 0), math.radians(25), (200, 60, 50)),
            Thing(revolved([0.09, 0.09], [0, 0.25], 48), (0.1, 1.25, 0), 0.0, (50, 90, 190)),
            Thing(ball, (0.45, 1.45, 0), 0.0, (60, 160, 70)),
        )
    )


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory, photo: SyntheticPhoto) -> tuple[Path, SceneInfo]:
    root = tmp_path_factory.mktemp("given")
    return root, reconstruct(root, photo.rgb, photo.ids, 28)


def nearest(root: Path, info: SceneInfo, position: tuple[float, float, float]) -> tuple[Bounds, str]:
    boxes = [(Bounds.read(root / "stage1" / item.bounds), item.obtained.shape) for item in info.objects]
    return min(boxes, key=lambda box: float(np.linalg.norm(np.array(box[0].center[:2]) - position[:2])))


def test_every_thing_is_found_with_its_family_place_and_size(
    given: tuple[Path, SceneInfo], photo: SyntheticPhoto
) -> None:
    root, info = given
    assert len(info.objects) == 3
    for thing, shape in zip(photo.things, ("cuboid", "revolved", ("revolved", "ellipsoid")), strict=True):
        bounds, found = nearest(root, info, thing.position)
        true = thing.world().bounds
        assert found.startswith(shape)
        # 4 degrees of pitch are 5 % of the distance.
        assert np.allclose(bounds.center[:2], true.mean(axis=0)[:2], atol=0.07)
        assert np.allclose(bounds.size, np.ptp(true, axis=0), rtol=0.15)
        assert bounds.min[2] == pytest.approx(0, abs=1e-9)


def test_without_lines_the_pitch_is_read_off_the_boxes(tmp_path: Path) -> None:
    steep = draw(
        (
            Thing(cuboid((0.3, 0.2, 0.35), 2), (-0.3, 1.0, 0), math.radians(25), (200, 60, 50)),
            Thing(cuboid((0.25, 0.25, 0.2), 2), (0.3, 1.1, 0), math.radians(50), (50, 90, 190)),
        ),
        pitch_degrees=48,
    )
    reconstruct(tmp_path, steep.rgb, steep.ids, 28)
    camera = Camera.read(tmp_path / "stage1/camera.json")
    assert camera.focal_evidence == "measured"
    assert camera.pitch_evidence == "estimated"
    assert math.degrees(pitch_and_roll(camera)[0]) == pytest.approx(48, abs=4)


def test_meshes_are_closed_textured_and_where_the_documents_say(given: tuple[Path, SceneInfo]) -> None:
    root, info = given
    stage1 = root / "stage1"
    for item in info.objects:
        mesh = load_glb(stage1 / item.mesh)
        assert mesh.is_volume
        assert mesh.volume > 0
        assert len(mesh.faces) < 5000
        assert mesh.bounds[0, 2] == pytest.approx(0, abs=1e-6)
        texture = mesh.visual.material.baseColorTexture
        assert max(texture.size) <= 512
        assert np.asarray(texture.convert("RGB")).std() > 3  # pixels of the photograph, not one gray
        pose, bounds = Pose.read(stage1 / item.pose), Bounds.read(stage1 / item.bounds)
        world = apply(np.array(pose.transform_matrix), mesh.vertices)
        assert np.allclose(world.min(axis=0), bounds.min, atol=1e-5)
        assert np.allclose(world.max(axis=0), bounds.max, atol=1e-5)
        mask = np.asarray(Image.open(stage1 / str(item.mask)))
        assert mask.shape == (info.image_size[1], info.image_size[0])
        assert set(np.unique(mask)) == {0, 255}


def test_the_front_shows_the_things_own_colour(given: tuple[Path, SceneInfo]) -> None:
    labels = {item.label for item in given[1].objects}
    assert labels == {"red box", "blue can", "green ball"}


def test_mujoco_takes_every_mesh_as_a_solid(given: tuple[Path, SceneInfo]) -> None:
    root, info = given
    for item in info.objects:
        mesh = load_glb(root / "stage1" / item.mesh)
        spec = mujoco.MjSpec()
        spec.add_mesh(name="m", uservert=mesh.vertices.ravel().tolist(), userface=mesh.faces.ravel().tolist())
        body = spec.worldbody.add_body()
        body.add_freejoint()
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="m", density=1.0)
        assert spec.compile().body_mass[1] == pytest.approx(mesh.volume, rel=1e-3)


def test_the_table_of_contents_names_every_file_with_its_hash(given: tuple[Path, SceneInfo]) -> None:
    root, info = given
    stage1 = root / "stage1"
    assert SceneInfo.read(stage1 / "scene_info.json") == info
    files = {p.relative_to(stage1).as_posix() for p in stage1.rglob("*") if p.is_file()} - {"scene_info.json"}
    assert set(info.sha256) == files
    for name, sha in info.sha256.items():
        assert hashlib.sha256((stage1 / name).read_bytes()).hexdigest() == sha
    assert {"camera.json", "preview.png"} <= files
    assert info.generated_at == "2026-01-02T03:04:05Z"
    assert info.scale.factor is None
    assert info.meters_per_unit is None
    assert "camera's height" in info.scale.reason


def test_the_support_polygon_holds_the_objects(given: tuple[Path, SceneInfo]) -> None:
    import shapely

    root, info = given
    plane = info.support_planes[0]
    polygon = shapely.Polygon([(x, y) for x, y, _ in plane.polygon])
    assert shapely.is_ccw(polygon.exterior)
    assert plane.evidence == "estimated"
    assert plane.color[0] > plane.color[2]  # the table is brown
    for item in info.objects:
        bounds = Bounds.read(root / "stage1" / item.bounds)
        assert polygon.buffer(0.01).contains(shapely.Point(bounds.center[:2]))


def test_the_same_source_gives_the_same_bytes_and_progress_is_told(
    tmp_path: Path, given: tuple[Path, SceneInfo], photo: SyntheticPhoto
) -> None:
    steps: list[Progress] = []
    source = make_source(tmp_path, photo.rgb, photo.ids, 28)
    again = EmbeddedReconstructor().reconstruct(source, tmp_path, tmp_path / "stage1", steps.append)
    assert again.sha256 == given[1].sha256
    assert [step.done for step in steps] == list(range(5))


@pytest.mark.parametrize("learned", [True, False])
def test_without_a_mask_the_things_are_found(
    tmp_path: Path, photo: SyntheticPhoto, learned: bool, request: pytest.FixtureRequest
) -> None:
    if learned:
        request.getfixturevalue("networks")
    info = reconstruct(tmp_path, photo.rgb, None, 28)
    found = [np.asarray(Image.open(tmp_path / "stage1" / str(item.mask))) > 0 for item in info.objects]
    ways = {item.obtained.mask.split()[0] for item in info.objects}
    assert ways == {"stands_out" if learned else "colour_model+grabcut"}
    assert info.reconstruction_method == ("embedded" if learned else "embedded (classical)")
    assert learned != any("found by colour alone" in note for note in info.notes)
    for k in (1, 2, 3):
        true = photo.ids == k
        assert max((true & mask).sum() / (true | mask).sum() for mask in found) > 0.85
    assert len(found) == 3


def test_a_block_on_a_block_is_supported_by_it(tmp_path: Path) -> None:
    photo = draw(
        (
            Thing(cuboid((0.3, 0.3, 0.2), 2), (0.0, 1.4, 0), 0.5, (190, 50, 50)),
            Thing(cuboid((0.2, 0.2, 0.15), 2), (0.0, 1.4, 0.2), 0.3, (50, 80, 190)),
        )
    )
    info = reconstruct(tmp_path, photo.rgb, photo.ids, 28)
    lower = next(item for item in info.objects if item.support == "plane_01")
    upper = next(item for item in info.objects if item.support != "plane_01")
    assert upper.support == lower.id
    below = Bounds.read(tmp_path / "stage1" / lower.bounds)
    above = Bounds.read(tmp_path / "stage1" / upper.bounds)
    assert above.min[2] == pytest.approx(below.max[2])
    assert below.max[2] == pytest.approx(0.2, abs=0.05)
    assert not Pose.read(tmp_path / "stage1" / upper.pose).is_floor_contact


def test_a_thing_hidden_behind_another_is_not_put_on_top_of_it(tmp_path: Path) -> None:
    photo = draw(
        (
            Thing(revolved([0.12, 0.12], [0, 0.5], 48), (0.0, 1.9, 0), 0, (190, 150, 40)),
            Thing(revolved([0.16, 0.16], [0, 0.2], 48), (0.0, 1.4, 0), 0, (50, 80, 190)),
        )
    )
    info = reconstruct(tmp_path, photo.rgb, photo.ids, 28)
    assert [item.support for item in info.objects] == ["plane_01", "plane_01"]


def test_a_large_picture_is_worked_on_small_and_answered_in_its_own_pixels(
    tmp_path: Path, photo: SyntheticPhoto
) -> None:
    large = np.asarray(Image.fromarray(photo.rgb).resize((1800, 1350)))
    ids = np.asarray(Image.fromarray(photo.ids).resize((1800, 1350), Image.Resampling.NEAREST))
    info = reconstruct(tmp_path, large, ids, 28)
    camera = Camera.read(tmp_path / "stage1/camera.json")
    assert (camera.width, camera.height) == info.image_size == (1800, 1350)
    assert camera.fx == pytest.approx(28 * 2250 / math.hypot(36, 24), rel=1e-3)
    assert np.asarray(Image.open(tmp_path / "stage1" / str(info.objects[0].mask))).shape == (1350, 1800)


def test_an_empty_table_has_no_object(tmp_path: Path) -> None:
    with pytest.raises(ReconstructionError, match=r"no object.*--mask"):
        reconstruct(tmp_path, draw(()).rgb, None)
    assert not (tmp_path / "stage1").exists()


def test_noise_has_no_support_plane(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    blocks = np.kron(noise[::20, ::20], np.ones((20, 20, 1), np.uint8))
    with pytest.raises(ReconstructionError, match=r"no support plane.*--mask|no object.*--mask"):
        reconstruct(tmp_path, blocks, None)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_the_shelf_photograph_with_its_mask_gives_all_six(tmp_path: Path) -> None:
    rgb = np.asarray(Image.open(PHOTOS / "shelf.png").convert("RGB"))
    ids = np.asarray(Image.open(PHOTOS / "shelf_mask.png"))
    info = reconstruct(tmp_path, rgb, ids)
    assert len(info.objects) == 6
    assert all(item.confidence > 0.8 for item in info.objects)
    for item in info.objects:
        assert load_glb(tmp_path / "stage1" / item.mesh).is_volume
    shapes = {item.label.split()[0]: item.obtained.shape for item in info.objects}
    assert shapes["yellow"].startswith("cuboid")
    assert shapes["orange"].startswith("revolved")


def test_the_shelf_photograph_without_a_mask_gives_at_least_four_of_six(tmp_path: Path) -> None:
    rgb = np.asarray(Image.open(PHOTOS / "shelf.png").convert("RGB"))
    ids = np.asarray(Image.open(PHOTOS / "shelf_mask.png"))
    info = reconstruct(tmp_path, rgb, None)
    found = [np.asarray(Image.open(tmp_path / "stage1" / str(item.mask))) > 0 for item in info.objects]
    best = [max(iou(ids == k, mask) for mask in found) for k in range(1, 7)]
    assert sum(value > 0.5 for value in best) >= 4, best
