"""Where the cameras are and how they see, read off the simulated world; `meta/calibration.json` of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.base import Matrix4
from blueprint_assets.contracts.dataset_calibration import CameraSet, DatasetCalibration
from blueprint_assets.contracts.encoded_episode import Calibration, EncodedEpisode

if TYPE_CHECKING:
    import mujoco

Array = NDArray[np.float64]

CALIBRATION_PATH = "meta/calibration.json"
WORLD = "world"
OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0])
"""MuJoCo's cameras are OpenGL's: x right, y up, looking along -z; OpenCV's have y down and look along z."""


class CalibrationError(ValueError):
    """A camera's calibration cannot be told. The message names the camera."""


def calibration(model: mujoco.MjModel, camera: str, width: int, height: int) -> Calibration:
    """The calibration of a fixed camera for pictures of a size, pixels.

    MuJoCo's field of view is the vertical one and pixels are square: f = (height / 2) / tan(fovy / 2), in both directions;
    the principal point is the picture's centre.

    Raises:
        CalibrationError: no such camera, or one with a lens model of its own or that follows something.
    """
    import mujoco

    index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA.value, camera)
    if index < 0:
        known = ", ".join(model.camera(i).name for i in range(model.ncam))
        raise CalibrationError(f"no camera called {camera!r}; there are {known}")
    if model.cam_sensorsize[index].any() or model.cam_mode[index] != mujoco.mjtCamLight.mjCAMLIGHT_FIXED:
        raise CalibrationError(f"camera {camera!r} is no fixed pinhole camera given by its field of view")
    focal = height / 2 / float(np.tan(np.radians(model.cam_fovy[index]) / 2))
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, model.cam_quat[index])
    pose = np.eye(4)
    pose[:3, :3] = rotation.reshape(3, 3) @ OPENCV_FROM_OPENGL
    pose[:3, 3] = model.cam_pos[index]
    body = int(model.cam_bodyid[index])
    return Calibration(
        width=width,
        height=height,
        intrinsics=((focal, 0.0, width / 2), (0.0, focal, height / 2), (0.0, 0.0, 1.0)),
        parent=model.body(body).name if body else WORLD,
        parent_from_camera=_rows(pose),
    )


def rays(camera: Calibration) -> Array:
    """Per pixel the point at depth 1 that its centre sees, in the camera's frame, shape (height, width, 3)."""
    (fx, _, cx), (_, fy, cy), _ = camera.intrinsics
    x = (np.arange(camera.width) + 0.5 - cx) / fx
    y = (np.arange(camera.height) + 0.5 - cy) / fy
    return np.dstack([*np.meshgrid(x, y), np.ones((camera.height, camera.width))])


def dataset_calibration(documents: Sequence[EncodedEpisode]) -> DatasetCalibration | None:
    """The calibrations of a dataset's episodes, each once, with the episodes that it is of; None when none has any."""
    sets: list[tuple[dict[str, Calibration], list[str]]] = []
    places: dict[str, int] = {}
    for document in documents:
        if not document.calibration:
            continue
        key = "\n".join(f"{name} {camera.model_dump_json()}" for name, camera in document.calibration.items())
        if key not in places:
            places[key] = len(sets)
            sets.append((document.calibration, []))
        sets[places[key]][1].append(document.episode_uuid)
    if not sets:
        return None
    return DatasetCalibration(sets=tuple(CameraSet(cameras=cameras, episodes=tuple(names)) for cameras, names in sets))


def _rows(matrix: Array) -> Matrix4:
    a, b, c, d = (tuple(float(value) for value in row) for row in matrix)
    return a, b, c, d  # type: ignore[return-value]
