"""Running 3D-RE-GEN, against a stand-in that behaves as its driver does: success is files, never an exit code."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from pathlib import Path

import pytest
import yaml

from blueprint_assets.stage1.posed import demand_sound
from fixtures.fake_regen3d import make_checkout
from fixtures.generate_mock_regen3d import Truth
from fixtures.native_outputs import picture_source
from resources.observability import silent
from resources.reconstruction.regen3d.checkout import (
    ContainerCheckout,
    LocalCheckout,
    Regen3dRunError,
    RemoteCheckout,
    run_logged,
)
from resources.reconstruction.regen3d.config import Regen3dConfigError, Regen3dSettings, owned_values, with_owned
from resources.reconstruction.regen3d.runner import Regen3dRunner

PYTHON = (sys.executable,)
LABELS = ("crate", "tin can", "mug", "book", "knife")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "not-a-real-key")


@pytest.fixture
def image(tmp_path: Path, closed_tree: tuple[Path, Truth]) -> Path:
    path = tmp_path / "scene/input/image.png"
    path.parent.mkdir(parents=True)
    path.write_bytes((closed_tree[0] / "tmp/converted_from_webp.png").read_bytes())
    return path


def runner(checkout: Path, **settings: object) -> Regen3dRunner:
    chosen = Regen3dSettings(labels=LABELS, **settings)  # type: ignore[arg-type]
    return Regen3dRunner(LocalCheckout(checkout, PYTHON), chosen, seconds=60)


def test_a_run_is_kept_marked_and_read(tmp_path: Path, image: Path, closed_tree: tuple[Path, Truth]) -> None:
    tree, truth = closed_tree
    checkout = make_checkout(tmp_path / "checkout", tree)
    before = (checkout / "src/config.yaml").read_text()
    ran = runner(checkout)
    ran.keep = tmp_path / "kept"
    info = ran.reconstruct(picture_source(), tmp_path / "scene", tmp_path / "stage1", silent)
    assert demand_sound(tmp_path / "stage1") == info
    assert [item.obtained.native_name for item in info.objects] == [item.native_name for item in truth.objects]
    assert info.background is not None, "keep_existing_empty_rooms was not turned off"
    kept = tmp_path / "kept/native"
    assert (kept / ".regen3d_complete").is_file()
    assert (
        hashlib.sha256((kept / "tmp/converted_from_webp.png").read_bytes()).hexdigest()
        == hashlib.sha256(image.read_bytes()).hexdigest()
    )
    used = yaml.safe_load((kept / "src/config.yaml").read_text())
    assert used["interactive_edit"] is False
    assert used["labels"] == [*LABELS, "floor"]
    assert (checkout / "src/config.yaml").read_text() == before
    assert not (checkout / "output").exists()
    assert list((checkout / "input_images").iterdir()) == []


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            1,
            r"left no output/findings/fullSize/\*\.png, which step 1 \(segmentation\) writes .*Grounded SAM.*out of memory",
        ),
        (3, r"left no output/3D/\*/\*\.glb, which step 3 .*2D cropped images to 3D models"),
        (4, r"left no output/pre_3D/camera\.npz, which step 4 .*exit code 0, which is 0 even on failure"),
        (6, r"left no output/glb/\*\.glb, which step 6 \(pose\)"),
    ],
)
def test_a_failing_step_is_named_though_the_exit_code_is_0(
    tmp_path: Path, image: Path, closed_tree: tuple[Path, Truth], step: int, said: str
) -> None:
    checkout = make_checkout(tmp_path / "checkout", closed_tree[0], fail=step)
    with pytest.raises(Regen3dRunError, match=said):
        runner(checkout).run("native", image, tmp_path / "kept")
    assert not (tmp_path / "kept/.regen3d_complete").exists()
    assert "▶ Running" in (tmp_path / "kept/regen3d.log").read_text()


def test_results_of_an_earlier_run_are_not_taken_for_this_one(
    tmp_path: Path, image: Path, closed_tree: tuple[Path, Truth]
) -> None:
    checkout = make_checkout(tmp_path / "checkout", closed_tree[0], fail=1)
    stale = checkout / "output/glb/book__(1, 2).glb"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"somebody's")
    with pytest.raises(Regen3dRunError, match="step 1"):
        runner(checkout).run("native", image, tmp_path / "kept")
    assert (checkout / "output.earlier-1/glb/book__(1, 2).glb").read_bytes() == b"somebody's"


def test_objects_that_were_lost_are_listed(tmp_path: Path, image: Path, closed_tree: tuple[Path, Truth]) -> None:
    lost = next(item.native_name for item in closed_tree[1].objects if item.label == "book")
    checkout = make_checkout(tmp_path / "checkout", closed_tree[0], lose=[lost])
    complete = runner(checkout).run("native", image, tmp_path / "kept")
    assert complete.not_placed == (lost,)
    assert lost not in complete.objects


def test_a_picture_without_a_floor_is_no_failure(
    tmp_path: Path, image: Path, closed_tree: tuple[Path, Truth], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "resources.reconstruction.regen3d.runner.owned_values",
        lambda settings, name: {**owned_values(settings, name), "labels": list(LABELS)},
    )
    checkout = make_checkout(tmp_path / "checkout", closed_tree[0])
    ran = runner(checkout)
    info = ran.reconstruct(picture_source(), tmp_path / "scene", tmp_path / "stage1", silent)
    assert info.support_planes[0].evidence == "estimated"


def test_a_run_that_takes_too_long_is_ended_with_its_children(
    tmp_path: Path, image: Path, closed_tree: tuple[Path, Truth], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the trap left open, it waits for somebody at a web page."""
    monkeypatch.setattr(
        "resources.reconstruction.regen3d.runner.owned_values",
        lambda settings, name: {k: v for k, v in owned_values(settings, name).items() if k != "interactive_edit"},
    )
    checkout = make_checkout(tmp_path / "checkout", closed_tree[0])
    slow = runner(checkout)
    slow.seconds = 4
    with pytest.raises(Regen3dRunError, match="took longer than 4 s and was ended"):
        slow.run("native", image, tmp_path / "kept")
    assert "Gradio" in (tmp_path / "kept/regen3d.log").read_text()
    with slow.checkout.hold():  # the lock is free again
        pass


def test_children_are_ended_too(tmp_path: Path) -> None:
    script = f"{sys.executable} -c 'import time; time.sleep(60)' & echo $! > {tmp_path}/child; wait"
    with pytest.raises(Regen3dRunError, match="took longer"):
        run_logged(["sh", "-c", script], tmp_path / "log", 1.0, tmp_path)
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split(") ")[1][:1]:
        assert time.monotonic() < deadline, "the child outlived its parent"


def test_one_job_at_a_time(tmp_path: Path, image: Path, closed_tree: tuple[Path, Truth]) -> None:
    checkout = make_checkout(tmp_path / "checkout", closed_tree[0])
    with (
        LocalCheckout(checkout, PYTHON).hold(),
        pytest.raises(Regen3dRunError, match="another job runs there; wait for it, or use one checkout per job"),
    ):
        runner(checkout).run("native", image, tmp_path / "kept")


def test_what_is_missing_before_the_start(
    tmp_path: Path, image: Path, closed_tree: tuple[Path, Truth], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Regen3dRunError, match=r"no run\.py; give the folder of a 3D-RE-GEN checkout"):
        LocalCheckout(tmp_path)
    checkout = make_checkout(tmp_path / "checkout", closed_tree[0])
    with pytest.raises(Regen3dRunError, match="no-such-program: cannot be started"):
        Regen3dRunner(LocalCheckout(checkout, ("no-such-program",))).run("native", image, tmp_path / "kept")
    monkeypatch.delenv("GOOGLE_API_KEY")
    with pytest.raises(Regen3dRunError, match="GOOGLE_API_KEY is not set"):
        runner(checkout).run("native", image, tmp_path / "kept")
    runner(checkout, gemini=False).run("native", image, tmp_path / "kept")


@pytest.mark.parametrize("label", ["floor lamp", "wallet", "Doorstop", "window box"])
def test_labels_that_it_would_never_place(label: str) -> None:
    with pytest.raises(Regen3dConfigError, match=r"3D-RE-GEN never places what contains it"):
        Regen3dSettings(labels=("chair", label))


def test_settings() -> None:
    assert Regen3dSettings(labels=("chair", "floor")).labels == ("chair", "floor")
    for wrong in ({"labels": ()}, {"labels": ("",)}, {"threshold": 0.0}, {"vggt_scene_scale": -1.0}):
        with pytest.raises(Regen3dConfigError):
            Regen3dSettings(**wrong)  # type: ignore[arg-type]
    with pytest.raises(Regen3dConfigError, match=r"ending in \.png"):
        owned_values(Regen3dSettings(), "photo.jpeg")
    made = yaml.safe_load(with_owned("a: 1\nseed: 3\n", owned_values(Regen3dSettings(seed=7), "x.png"), "config"))
    assert (made["a"], made["seed"], made["conda_env"]) == (1, 7, None)
    for text in ("- a", "a: [", ""):
        with pytest.raises(Regen3dConfigError, match="config: not"):
            with_owned(text, {}, "config")


def program(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_in_a_container(tmp_path: Path, image: Path, closed_tree: tuple[Path, Truth]) -> None:
    """The engine is a script that runs the command where the mount points; what it was asked is written down."""
    checkout = make_checkout(tmp_path / "checkout", closed_tree[0])
    engine = program(
        tmp_path / "engine",
        f"""#!{sys.executable}
import subprocess, sys
open({str(tmp_path / "asked")!r}, "a").write(repr(sys.argv[1:]) + "\\n")
if sys.argv[1] == "run":
    mount = sys.argv[sys.argv.index("-v") + 1].split(":")[0]
    start = sys.argv.index("an/image:1") + 1
    sys.exit(subprocess.run([sys.executable, *sys.argv[start + 1:]], cwd=mount).returncode)
""",
    )
    inside = ContainerCheckout(checkout, image="an/image:1", engine=engine)
    Regen3dRunner(inside, Regen3dSettings(labels=LABELS), seconds=60).run("native", image, tmp_path / "kept")
    asked = (tmp_path / "asked").read_text()
    assert "'--gpus', 'all', '-e', 'GOOGLE_API_KEY'" in asked
    assert "not-a-real-key" not in asked
    assert f"{checkout}:/3d-re-gen" in asked
    with pytest.raises(Regen3dRunError, match="the name of a container image"):
        ContainerCheckout(checkout)


def test_a_container_that_takes_too_long_is_killed_by_name(tmp_path: Path, closed_tree: tuple[Path, Truth]) -> None:
    checkout = make_checkout(tmp_path / "checkout", closed_tree[0])
    engine = program(
        tmp_path / "engine", f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n[ "$1" = run ] && exec sleep 30\nexit 0\n'
    )
    inside = ContainerCheckout(checkout, image="an/image:1", engine=engine, name="this-job")
    with pytest.raises(Regen3dRunError, match="took longer"):
        inside.run(["-p", "1"], tmp_path / "log", 1.0)
    assert (tmp_path / "asked").read_text().splitlines()[-1] == "kill this-job"


@pytest.fixture
def ssh(tmp_path: Path) -> tuple[str, ...]:
    """An ssh that runs the command in a shell here, so that its quoting, tar stream and lock are real."""
    return (program(tmp_path / "ssh", '#!/bin/sh\nshift\nexec sh -c "$*"\n'),)


def test_on_another_machine(tmp_path: Path, image: Path, closed_tree: tuple[Path, Truth], ssh: tuple[str, ...]) -> None:
    checkout = make_checkout(tmp_path / "a checkout's folder", closed_tree[0])
    before = (checkout / "src/config.yaml").read_text()
    stale = checkout / "output/glb/book__(1, 2).glb"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"somebody's")
    there = RemoteCheckout("host", str(checkout), command=PYTHON, ssh=ssh)
    complete = Regen3dRunner(there, Regen3dSettings(labels=LABELS), seconds=60).run("native", image, tmp_path / "kept")
    assert len(complete.objects) == 5
    assert (checkout / "src/config.yaml").read_text() == before
    assert (checkout / "output.earlier-1").is_dir()
    assert not (checkout / "output").exists()
    assert not (checkout / ".blueprint.lock").exists()
    with (
        there.hold(),
        pytest.raises(Regen3dRunError, match="another job runs there; remove it if none does"),
        there.hold(),
    ):
        pass


def test_another_machine_that_cannot_be_reached(tmp_path: Path) -> None:
    there = RemoteCheckout("host", "/somewhere", ssh=(str(tmp_path / "no-ssh"),))
    with pytest.raises(Regen3dRunError, match="host: cannot be reached"):
        there.read("src/config.yaml")
    with pytest.raises(Regen3dRunError, match=r"host '-oProxyCommand=x': a name, an address or user@name"):
        RemoteCheckout("-oProxyCommand=x", "/somewhere")


def test_links_in_a_collected_tree_are_not_followed(
    tmp_path: Path, closed_tree: tuple[Path, Truth], ssh: tuple[str, ...]
) -> None:
    checkout = make_checkout(tmp_path / "checkout", closed_tree[0])
    (tmp_path / "secret").write_text("secret")
    (checkout / "output").mkdir()
    (checkout / "output/link").symlink_to(tmp_path / "secret")
    LocalCheckout(checkout, PYTHON).collect(tmp_path / "kept")
    assert os.path.islink(tmp_path / "kept/output/link")  # noqa: PTH114
    with pytest.raises(Regen3dRunError, match="did not arrive whole"):
        RemoteCheckout("host", str(checkout), ssh=ssh).collect(tmp_path / "far")
