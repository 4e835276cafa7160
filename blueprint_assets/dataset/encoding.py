"""What a worker does with a recorded episode: its states rendered, every camera encoded as it goes, the unit kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from blueprint_assets.contracts.encoded_episode import Scalar
from io_managers.keep import discard, keep, workshop
from resources.simulator import CONTROL_HZ, JOINT_NAMES

from .acceptance import Candidate, PictureError, Watch
from .language import subtasks
from .mp4 import VideoError
from .rendering import Render
from .sidecars import EpisodeSidecars, Modality, SidecarError
from .unit import Description, Unit, UnitError, UnitWriter, read_unit
from .video import Codec

CAMERAS = ("scene", "wrist")
UNITS = "units"
REJECTED = "rejected"
REASON = "reason.txt"


@dataclass(frozen=True)
class Encoding:
    """Sent to each worker once. `kept/units/<uuid>` is where finished units are put, `kept/rejected/<uuid>` why one is not.

    `codec` None chooses by each camera's size. `modalities`: what a unit holds besides colour pictures.
    """

    render: Render
    kept: Path
    codec: Codec | None = None
    modalities: tuple[Modality, ...] = ()

    def __call__(self, task: tuple[Candidate, dict[str, Scalar]]) -> str | None:
        """Renders and encodes one episode; returns why it was rejected, or None.

        Raises:
            OSError: the disk refuses; nothing is kept of this episode.
        """
        candidate, provenance = task
        uuid = candidate.episode.episode_uuid
        with workshop(self.kept) as place:
            folder = place / uuid
            try:
                self._encode(folder, candidate, provenance)
            except (PictureError, SidecarError, UnitError, VideoError) as error:
                # The folder's name is another one in every run; a reason is for good.
                reason = str(error).replace(f"{place}/", "")
                folder.mkdir()
                (folder / REASON).write_text(reason, encoding="utf-8")
                keep(folder, self.kept / REJECTED / uuid)
                return reason
            keep(folder, self.kept / UNITS / uuid)
        return None

    def left_behind(self, task: tuple[Candidate, dict[str, Scalar]]) -> tuple[bool, str | None]:
        """Whether an interrupted run has finished this episode already, and why it rejected it, if it did.

        A unit that is damaged, or not of this recording, is thrown away.
        """
        candidate, provenance = task
        uuid = candidate.episode.episode_uuid
        reason = self.kept / REJECTED / uuid / REASON
        if reason.is_file():
            return True, reason.read_text(encoding="utf-8")
        folder = self.kept / UNITS / uuid
        if not folder.exists():
            return False, None
        try:
            if _is_of(read_unit(folder), self._description(candidate, provenance)):
                return True, None
        except UnitError:
            pass  # made again, as if it had never been there
        discard(self.kept, folder)
        return False, None

    def _encode(self, folder: Path, candidate: Candidate, provenance: dict[str, Scalar]) -> None:
        """Takes the episode state by state, every camera at once, so that it is never in memory as a whole."""
        state, action = candidate.state, candidate.action
        description = replace(
            self._description(candidate, provenance),
            calibration=self.render.calibrations(CAMERAS),
            subtasks=subtasks(candidate.episode),
        )
        watches = {camera: Watch(camera, state) for camera in CAMERAS}
        frames = 0
        with UnitWriter(folder, fps=round(CONTROL_HZ), codec=self.codec) as writer:
            names = self.render.labels() if {"segmentation", "point_cloud"} & set(self.modalities) else ()
            sidecars = EpisodeSidecars(writer, self.modalities, names, description.calibration or {})
            for views in self.render.views(candidate.states, CAMERAS, self.modalities):
                if frames < len(state):
                    for camera, view in views.items():
                        watches[camera].see(view.image)
                    depth = {c: v.depth for c, v in views.items() if "depth" in self.modalities and v.depth is not None}
                    images = {camera: view.image for camera, view in views.items()}
                    writer.add(images, state[frames], action[frames], depth)
                    sidecars.add(views)
                frames += 1
            if frames != len(state):
                raise UnitError(f"{folder}: the cameras gave {frames} frames but there are {len(state)} rows")
            sidecars.finish()
            writer.finish(description)

    def _description(self, candidate: Candidate, provenance: dict[str, Scalar]) -> Description:
        episode = candidate.episode
        return Description(episode.task_name, episode.success, episode.provenance.robot, JOINT_NAMES, provenance)


def _is_of(unit: Unit, expected: Description) -> bool:
    document = unit.document
    return (document.task, document.success, document.robot, document.provenance) == (
        expected.task,
        expected.success,
        expected.robot,
        dict(expected.provenance),
    )
