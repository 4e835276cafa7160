"""Runs 3D-RE-GEN on a photograph and judges what it leaves: a GPU job of some twenty minutes, in a checkout of its own.

Its driver stops at the first failing step and still exits with 0, so a run is a success when the expected files exist.
It has not been run on the real thing here (no GPU, paid image model, weights under their own licences): everything that
it relies on was read in 3D-RE-GEN's code and is tested against a stand-in that behaves as that code does.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.source import Source
from resources.observability import Progress, ProgressSink

from . import Regen3dReconstructor
from .checkout import SECRETS, Checkout, Regen3dRunError
from .completion import Regen3dComplete
from .config import Regen3dSettings, owned_values, with_owned
from .tree import CAMERA, CANONICAL, COMPLETE, CONFIG, FULL_SIZE, IGNORED, PLACED

STEPS = (1, 2, 3, 4, 5, 6, 7)
"""Without 8, which renders pictures that nobody here reads (and needs Blender), and 9, which compares with a truth."""
EXPECTED = (
    ("1 (segmentation)", f"{FULL_SIZE}/*.png"),
    ("3 (image to mesh)", f"{CANONICAL}/*/*.glb"),
    ("4 (camera)", CAMERA),
    ("6 (pose)", f"{PLACED}/*.glb"),
)
"""Which step leaves which file; a missing one names the step that failed. The floor plane is not among them: where no floor
is detected (a table top close up), step 6 places objects without it, and the reader estimates it."""
LOG = "regen3d.log"
_FAILED = re.compile(r"^\s*(?:❌ Failed to run|⚠️\s+Missing Python executable for) .*", re.MULTILINE)


@dataclass
class Regen3dRunner:
    """Implements `resources.reconstruction.Reconstructor`: runs 3D-RE-GEN, keeps its tree, reads it.

    `keep` is where a scene's tree is kept, in a folder of its name; None keeps none, and a failed run's log goes with it.
    """

    checkout: Checkout
    settings: Regen3dSettings = field(default_factory=Regen3dSettings)
    keep: Path | None = None
    seconds: float = 7200.0
    backend: str = "3d-re-gen"

    def reconstruct(self, source: Source, scene_root: Path, stage1: Path, progress: ProgressSink) -> SceneInfo:
        """Fills `stage1`; see the protocol.

        Raises:
            Regen3dRunError: it could not be run, took too long, or did not leave what it should.
            Regen3dConfigError: a setting that it would fail on.
            NativeOutputError: its output cannot be read.
        """
        with tempfile.TemporaryDirectory(prefix="blueprint-regen3d-") as scratch:
            folder = Path(scratch) / "tree" if self.keep is None else self.keep / source.scene_id
            progress(Progress(0, None, "3D-RE-GEN runs; about 20 minutes on one large GPU"))
            self.run(source.scene_id, scene_root / source.picture()[0], folder)
            return Regen3dReconstructor(folder).reconstruct(source, scene_root, stage1, progress)

    def run(self, scene_id: str, image: Path, folder: Path) -> Regen3dComplete:
        """Runs 3D-RE-GEN on `image` and puts its tree, its log and the completion marker into `folder`, which is replaced.

        Raises:
            Regen3dRunError: as in `reconstruct`; the log is in `folder` then.
            Regen3dConfigError: a setting that it would fail on.
        """
        if self.settings.gemini and not any(os.environ.get(name) for name in SECRETS) and _is_here(self.checkout):
            raise Regen3dRunError(
                "GOOGLE_API_KEY is not set: 3D-RE-GEN completes hidden parts with Google's image model; set it, or use "
                "Regen3dSettings(gemini=False)"
            )
        name = f"blueprint_{scene_id}{image.suffix.lower()}"
        values = owned_values(self.settings, name)
        data = image.read_bytes()
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        log = folder / LOG
        with self.checkout.hold():
            original = self.checkout.read(CONFIG)
            self.checkout.set_aside()
            self.checkout.clear(("output", "tmp"))
            self.checkout.write("tmp/.keep", b"")  # step 1 copies into it without making it
            self.checkout.write(f"input_images/{name}", data)
            self.checkout.write(CONFIG, with_owned(original, values, CONFIG).encode())
            try:
                code = self.checkout.run(["-p", *(str(step) for step in STEPS)], log, self.seconds)
                self.checkout.collect(folder)
                self.checkout.clear(("output", "tmp"))  # it is ours now
            finally:
                self.checkout.write(CONFIG, original.encode())
                self.checkout.clear((f"input_images/{name}",))
            commit = self.checkout.commit()
        complete = _judge(folder, scene_id, commit, hashlib.sha256(data).hexdigest(), log, code)
        complete.write(folder / COMPLETE)
        return complete


def _judge(folder: Path, scene_id: str, commit: str | None, image: str, log: Path, code: int) -> Regen3dComplete:
    """Whether a run left what it should.

    Raises:
        Regen3dRunError: a file is missing; the message names the step and what the log says of it.
    """
    text = log.read_text(encoding="utf-8", errors="replace")
    failures = tuple(line.strip() for line in _FAILED.findall(text))
    for step, pattern in EXPECTED:
        if not any(path.is_file() for path in folder.glob(pattern)):
            said = failures[-1] if failures else "its log reports no failure"
            raise Regen3dRunError(
                f"3D-RE-GEN left no {pattern}, which step {step} writes (exit code {code}, which is 0 even on failure): "
                f"{said}; its log: {log}"
            )
    placed = sorted(path.stem for path in (folder / PLACED).glob("*.glb"))
    for each in placed:
        if not (folder / CANONICAL / each / f"{each}.glb").is_file():
            raise Regen3dRunError(f"3D-RE-GEN placed {each} but left no {CANONICAL}/{each}/{each}.glb; its log: {log}")
    detected = sorted(path.stem for path in (folder / FULL_SIZE).glob("*.png"))
    lost = [each for each in detected if each not in placed and not any(word in each for word in IGNORED)]
    return Regen3dComplete(
        scene_id=scene_id,
        commit=commit,
        image_sha256=image,
        objects=tuple(placed),
        not_placed=tuple(lost),
        warnings=failures,
    )


def _is_here(checkout: Checkout) -> bool:
    """Whether the run takes its secrets from this machine."""
    from .checkout import LocalCheckout

    return isinstance(checkout, LocalCheckout)
