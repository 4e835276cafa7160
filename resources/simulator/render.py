"""Pictures of a world: an offscreen OpenGL renderer on Mesa's EGL or OSMesa, chosen here and nowhere else.

Shadows and multisampling are off: with them a frame costs twenty times as much on a CPU (measured). Depth comes out of the
same pass as the colours; the picture of which thing is where (segmentation) takes a second one, without light.
"""

from __future__ import annotations

import atexit
import ctypes
import ctypes.util
import functools
import os
import sys
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .labels import Labels

if TYPE_CHECKING:
    from .world import World

Image = NDArray[np.uint8]
Depth = NDArray[np.float32]
Backend = Literal["egl", "osmesa"]

REMEDY = "apt-get install -y libegl1 libgl1-mesa-dri   (or: apt-get install -y libosmesa6)"
VISIBLE_GROUPS = (0, 1, 2)
"""Collision hulls and guides are in group 3, helpers above it."""

_EGL_PLATFORM_DEVICE = 0x313F


class RenderError(RuntimeError):
    """No picture can be made: no OpenGL on this machine, or no such camera. The message says what to do."""


def available_backend() -> Backend | None:
    """The OpenGL that this machine can render with, or None. Asks the libraries themselves; imports nothing heavy."""
    if _egl_works():
        return "egl"
    return "osmesa" if _osmesa_library() else None


def _egl_works() -> bool:
    """Whether EGL is there and a device of its own initializes: a library without a driver answers, but has none."""
    try:
        egl = ctypes.CDLL("libEGL.so.1")
        ctypes.CDLL("libGL.so.1")
    except OSError:
        return False
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    addresses = [egl.eglGetProcAddress(name) for name in (b"eglQueryDevicesEXT", b"eglGetPlatformDisplayEXT")]
    if not all(addresses):
        return False
    query = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int))(addresses[0])
    display_of = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p)(addresses[1])
    count = ctypes.c_int(0)
    devices = (ctypes.c_void_p * 16)()
    if not query(16, devices, ctypes.byref(count)):
        return False
    for device in devices[: count.value]:
        display = display_of(_EGL_PLATFORM_DEVICE, device, None)
        if display and egl.eglInitialize(ctypes.c_void_p(display), None, None):
            return True
    return False


def _osmesa_library() -> str | None:
    for name in ("libOSMesa.so.8", "libOSMesa.so.6", ctypes.util.find_library("OSMesa")):
        try:
            if name:
                ctypes.CDLL(name)
                return name
        except OSError:
            continue
    return None


@functools.cache
def select_backend() -> Backend:
    """Settles for the whole process which OpenGL is used, before anything of it is loaded.

    MuJoCo's library and PyOpenGL each read their own environment variable, once; both are set to the same here, so a
    child process chooses alike.

    Raises:
        RenderError: this machine has no OpenGL that works without a display.
    """
    backend = available_backend()
    if backend is None:
        raise RenderError(f"no offscreen OpenGL on this machine (neither EGL nor OSMesa); as root: {REMEDY}")
    loaded = os.environ.get("PYOPENGL_PLATFORM", backend)
    if "OpenGL" in sys.modules and loaded != backend:
        raise RenderError(
            f"PyOpenGL is already loaded for {loaded!r}, but {backend!r} is what works here; use a new process"
        )
    os.environ["MUJOCO_GL"] = os.environ["PYOPENGL_PLATFORM"] = backend
    return backend


def _gl_context(width: int, height: int) -> Any:
    backend = select_backend()
    try:
        if backend == "egl":
            from mujoco.egl import GLContext
        else:
            from mujoco.osmesa import GLContext
        return GLContext(width, height)
    except Exception as error:  # PyOpenGL raises AttributeError, ImportError or its own, as the fault may be
        raise RenderError(f"{backend} is installed but makes no OpenGL context ({error}); as root: {REMEDY}") from error


@dataclass(frozen=True)
class View:
    """What a camera sees at one moment.

    `image`: (height, width, 3), RGB. `world_from_camera`: 4x4, metres, the camera's axes x right, y down, z forward.
    `depth`: (height, width), metres along the optical axis; where nothing is, the sky's, over 20 m. `segmentation`:
    (height, width), numbers as in `Labels`. None: not asked for.
    """

    image: Image
    world_from_camera: NDArray[np.float64]
    depth: Depth | None = None
    segmentation: Image | None = None


class Renderer:
    """Renders one world. The OpenGL context is bound only during a call, so any thread may call, one at a time.

    Use as a context manager, or call `close`; what is still open when the process ends is closed then.
    """

    def __init__(self, world: World, width: int = 256, height: int = 256) -> None:
        """Makes the OpenGL context and uploads the model.

        Args:
            world: what is rendered.
            width: pixels.
            height: pixels.

        Raises:
            RenderError: no OpenGL, or the size is over the world's offscreen buffer.
        """
        limits = world.model.vis.global_
        if not (0 < width <= limits.offwidth and 0 < height <= limits.offheight):
            raise RenderError(
                f"pictures of {width}x{height} are not possible: 1 to {limits.offwidth}x{limits.offheight}"
            )
        self._context: Any = _gl_context(width, height)
        # Only now: MuJoCo loads OpenGL's functions when its context is made, as MUJOCO_GL says.
        import mujoco

        self.world, self.width, self.height = world, width, height
        self.cameras = tuple(world.model.camera(i).name for i in range(world.model.ncam))
        with self._context.as_current():
            self._renderer: Any = mujoco.MjrContext(world.model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._renderer)
            self._renderer.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR.value
        # Registered after EGL's own exit handler, so run before it: contexts must go while their display is there.
        atexit.register(_close_referent, weakref.ref(self))
        self._scene = mujoco.MjvScene(world.model, maxgeom=world.model.ngeom + 200)
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            self._scene.flags[flag] = 0
        self._options = mujoco.MjvOption()
        self._options.geomgroup[:] = [int(group in VISIBLE_GROUPS) for group in range(len(self._options.geomgroup))]
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED.value
        self._data = mujoco.MjData(world.model)
        self._rect = mujoco.MjrRect(0, 0, width, height)

    @functools.cached_property
    def labels(self) -> Labels:
        """What the numbers in a segmentation are."""
        return Labels.of(self.world)

    def image(self, camera: str, qpos: ArrayLike) -> Image:
        """What `camera` sees when the world is at `qpos` (nq,). Shape (height, width, 3), RGB.

        Raises:
            RenderError: there is no such camera.
        """
        return self.view(camera, qpos).image

    def view(self, camera: str, qpos: ArrayLike, *, depth: bool = False, segmentation: bool = False) -> View:
        """What `camera` sees when the world is at `qpos` (nq,): colours and, where asked for, depth and segmentation.

        Raises:
            RenderError: there is no such camera.
        """
        import mujoco

        self._look(camera, qpos)
        colours = np.empty((self.height, self.width, 3), dtype=np.uint8)
        buffer = np.empty((self.height, self.width), dtype=np.float32) if depth else None
        with self._context.as_current():
            mujoco.mjr_render(self._rect, self._scene, self._renderer)
            mujoco.mjr_readPixels(colours, buffer, self._rect, self._renderer)
            numbers = self._numbers() if segmentation else None
        # OpenGL's first row is the lowest.
        return View(
            image=colours[::-1].copy(),
            world_from_camera=self._camera_pose(),
            depth=None if buffer is None else self._metres(buffer[::-1]),
            segmentation=None if numbers is None else self.labels.of_geom[numbers[::-1]],
        )

    def _look(self, camera: str, qpos: ArrayLike) -> None:
        """Puts the world at `qpos` and the viewer behind `camera`."""
        import mujoco

        if camera not in self.cameras:
            raise RenderError(f"no camera called {camera!r}; there are {', '.join(self.cameras)}")
        self._camera.fixedcamid = self.cameras.index(camera)
        model, data = self.world.model, self._data
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_camlight(model, data)
        mujoco.mjv_updateScene(
            model, data, self._options, None, self._camera, mujoco.mjtCatBit.mjCAT_ALL.value, self._scene
        )

    def _camera_pose(self) -> NDArray[np.float64]:
        camera = self._camera.fixedcamid
        pose = np.eye(4)
        # MuJoCo's cameras, like OpenGL's, have y up and look along -z.
        pose[:3, :3] = self._data.cam_xmat[camera].reshape(3, 3) * (1.0, -1.0, -1.0)
        pose[:3, 3] = self._data.cam_xpos[camera]
        return pose

    def _numbers(self) -> NDArray[np.intp]:
        """Renders the scene once more with each thing in a colour that is its number. Per pixel the geom, -1 for none."""
        import mujoco

        flags = (mujoco.mjtRndFlag.mjRND_SEGMENT, mujoco.mjtRndFlag.mjRND_IDCOLOR)
        for flag in flags:
            self._scene.flags[flag] = 1
        colours = np.empty((self.height, self.width, 3), dtype=np.uint8)
        mujoco.mjr_render(self._rect, self._scene, self._renderer)
        mujoco.mjr_readPixels(colours, None, self._rect, self._renderer)
        for flag in flags:
            self._scene.flags[flag] = 0
        # Red, green and blue are the lowest, middle and highest byte of 1 + the number; 0 is nothing.
        seen = colours.astype(np.intp) @ np.array([1, 256, 65536])
        geoms = np.full(self._scene.ngeom + 1, -1, dtype=np.intp)
        for item in self._scene.geoms[: self._scene.ngeom]:
            if item.objtype == mujoco.mjtObj.mjOBJ_GEOM and item.segid >= 0:
                geoms[item.segid + 1] = item.objid
        return np.asarray(geoms[seen])

    def _metres(self, buffer: Depth) -> Depth:
        """The depth buffer, 1 at the near plane and 0 at the far one, as distance along the optical axis.

        A perspective projection stores d = near (far - z) / (z (far - near)) (the OpenGL specification's glFrustum,
        reversed), so z = near far / (near + d (far - near)).
        """
        model = self.world.model
        near, far = (float(plane) * model.stat.extent for plane in (model.vis.map.znear, model.vis.map.zfar))
        return np.asarray(near * far / (near + buffer.astype(np.float64) * (far - near)), np.float32)

    def render_states(self, qpos: ArrayLike, camera: str) -> Iterator[Image]:
        """One picture per row of `qpos`, shape (frames, nq)."""
        for row in np.asarray(qpos, dtype=float):
            yield self.image(camera, row)

    def close(self) -> None:
        """Frees the OpenGL context. Calling it again does nothing."""
        if self._context is None:
            return
        with self._context.as_current():
            self._renderer.free()
        self._context.free()
        self._context = self._renderer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _close_referent(reference: weakref.ref[Renderer]) -> None:
    renderer = reference()
    if renderer is not None:
        renderer.close()
