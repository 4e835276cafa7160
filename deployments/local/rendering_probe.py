"""Says whether rendering works here: draws one picture with MuJoCo through the OpenGL that the simulator would choose.

Exit code 0 and one line when it does; 1 and the reason when not.
"""

from __future__ import annotations

import os
import subprocess
import sys

from resources.simulator.render import available_backend

DRAW = """
import mujoco
model = mujoco.MjModel.from_xml_string(
    '<mujoco><worldbody><light pos="0 0 2"/><geom size="0.5" rgba="1 0 0 1"/></worldbody></mujoco>')
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 32, 32) as renderer:
    from OpenGL.GL import GL_RENDERER, glGetString
    renderer.update_scene(data)
    red, green, blue = renderer.render().reshape(-1, 3).mean(0)
    assert red > 10 and red > 2 * max(green, blue), f"a red ball came out as {red:.0f} {green:.0f} {blue:.0f}"
    print(glGetString(GL_RENDERER).decode())
"""


def draw(backend: str) -> tuple[bool, str]:
    """Draws a red ball and looks at the pixels; returns whether that worked, and the renderer's name or the error.

    In a process of its own: MuJoCo binds to one backend when it is imported, and a broken driver can end the process.
    """
    environment = {**os.environ, "MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend}
    try:
        done = subprocess.run(
            [sys.executable, "-c", DRAW], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return False, "no picture within 60 s"
    said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return done.returncode == 0, said[-1] if said else f"ended with code {done.returncode}"


def main() -> int:
    """Prints what was found; returns the exit code."""
    backend = available_backend()
    if backend is None:
        print("rendering: neither EGL nor OSMesa gives an OpenGL context", file=sys.stderr)
        return 1
    works, said = draw(backend)
    print(f"rendering: {backend} ({said})" if works else f"rendering: {backend}: {said}", file=sys.stderr)
    return 0 if works else 1


if __name__ == "__main__":
    sys.exit(main())
