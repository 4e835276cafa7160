"""The embedded simulator as a process of its own: MuJoCo behind `geniesim.GenieSimService`.

    python -m resources.simulator.server --scene-usd … --scene-root … --task-config … --recordings-root … --port 0

It listens on 127.0.0.1 only, answers one call at a time, and lets time pass only in SetJointPosition and Reset. When it
can be called it prints one line of JSON, {"port", "pid", "simulator"}, and writes it to --ready-file if given. It stops on
SIGTERM, on SendCommand(EXIT), and with --exit-with-stdin when its standard input ends, which happens when its parent dies.
Exit codes: 0 stopped, 1 the scene cannot be simulated, 2 wrong arguments or a port that is taken.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import mujoco

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.task_config import RobotConfig, TaskConfig

from .protocol import geniesim_pb2_grpc
from .service import SimulatorService
from .simulation import PhysicsError, Simulation
from .usd_stage import UsdError
from .world import WorldError, build_world

HOST = "127.0.0.1"
GRACE_SECONDS = 2.0
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Four pictures of 1280x960 are 15 MB; gRPC's default limit is 4 MB."""

log = logging.getLogger("simulator")


def main(arguments: list[str] | None = None) -> int:
    """Runs the server until it is told to stop. Returns the exit code."""
    options = _parse(arguments)
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s")
    log.setLevel(logging.INFO)
    # By default MuJoCo writes its warnings to a file in the working directory.
    mujoco.set_mju_user_warning(lambda text: log.warning("MuJoCo: %s", text))
    stop = threading.Event()
    if options.exit_with_stdin:
        threading.Thread(target=_wait_for_stdin, args=(stop,), daemon=True).start()
    # One worker: calls are serialised, and OpenGL belongs to one thread.
    server = grpc.server(
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="simulator"),
        options=(
            ("grpc.so_reuseport", 0),  # else a second server would silently share the port
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ),
    )
    try:
        port = server.add_insecure_port(f"{HOST}:{options.port}")
    except RuntimeError:
        port = 0
    if not port:
        log.error(
            "port %d of %s is taken: stop what listens there, or give --port 0 for a free one", options.port, HOST
        )
        return 2
    try:
        robot = _robot(options)
        simulation = Simulation(build_world(options.scene_usd, options.scene_root, robot))
    except (ContractError, UsdError, WorldError, PhysicsError) as error:
        log.error("%s: cannot be simulated: %s", options.scene_usd, error)
        return 1
    service = SimulatorService(simulation, options.scene_usd, options.recordings_root, options.image_size, stop)
    geniesim_pb2_grpc.add_GenieSimServiceServicer_to_server(service, server)  # type: ignore[no-untyped-call]
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server.start()
    _announce(port, simulation.name, options.ready_file)
    log.info("%s on %s:%d, %d objects", simulation.name, HOST, port, len(simulation.world.object_ids))
    stop.wait()
    server.stop(GRACE_SECONDS).wait()
    log.info("stopped")
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m resources.simulator.server", description="The embedded simulator.")
    parser.add_argument("--scene-usd", type=Path, required=True, help="the scene, USD")
    parser.add_argument("--scene-root", type=Path, required=True, help="nothing outside this folder is read")
    robot = parser.add_mutually_exclusive_group(required=True)
    robot.add_argument("--task-config", type=Path, help="task_config.json, whose robot_config is used")
    robot.add_argument("--robot", help="a robot_config as JSON text")
    parser.add_argument(
        "--recordings-root", type=Path, required=True, help="recordings are written inside this folder only"
    )
    parser.add_argument("--port", type=_port, default=0, help="0: any free one")
    parser.add_argument("--ready-file", type=Path, help="written when the server can be called")
    parser.add_argument("--image-size", type=_size, default=(256, 256), metavar="WIDTHxHEIGHT")
    parser.add_argument("--exit-with-stdin", action="store_true", help="stop when standard input ends")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"{value} is not a port: 0 to 65535")
    return value


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 256x256")
    return int(width), int(height)


def _robot(options: argparse.Namespace) -> RobotConfig:
    if options.task_config:
        return TaskConfig.read(options.task_config).robot_config
    try:
        value = json.loads(options.robot)
    except json.JSONDecodeError as error:
        raise ContractError(f"--robot: not JSON: {error}") from None
    return RobotConfig.parse(value, "--robot")


def _announce(port: int, name: str, ready_file: Path | None) -> None:
    line = json.dumps({"port": port, "pid": os.getpid(), "simulator": name})
    if ready_file:
        partial = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
        partial.write_text(line + "\n", encoding="utf-8")
        partial.replace(ready_file)
    print(line, flush=True)


def _wait_for_stdin(stop: threading.Event) -> None:
    # Not through sys.stdin: a thread that waits inside it makes the interpreter abort when the process ends.
    while os.read(0, 4096):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
