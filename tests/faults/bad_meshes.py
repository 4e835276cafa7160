"""Makes one folder for each of the 24 ways in which a mesh file can be wrong, loads and cares for each, and prints what
happened as JSON. `test_bad_mesh.py` runs it in a process of its own, with 2 GB of memory and every opened file recorded.

python tests/faults/bad_meshes.py FOLDER
"""

from __future__ import annotations

import base64
import json
import resource
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SECRET = "secret.bin"
CORNERS = np.array([[x, y, z] for x in (0, 0.1) for y in (0, 0.1) for z in (0, 0.1)], dtype="<f4")
FACES = np.array(list("013032467475045051237276026064157173"), dtype="<u4").reshape(-1, 3)
Document = dict[str, Any]


def document(vertices: Any = CORNERS, faces: Any = FACES) -> tuple[Document, bytes]:
    """A glTF document of one mesh and its binary part: vertices, then faces."""
    points, corners = np.asarray(vertices, dtype="<f4"), np.asarray(faces, dtype="<u4")
    binary = points.tobytes() + corners.tobytes()
    views = [
        {"buffer": 0, "byteOffset": 0, "byteLength": points.nbytes},
        {"buffer": 0, "byteOffset": points.nbytes, "byteLength": corners.nbytes},
    ]
    accessors = [
        {"bufferView": 0, "componentType": 5126, "count": len(points), "type": "VEC3"},
        {"bufferView": 1, "componentType": 5125, "count": corners.size, "type": "SCALAR"},
    ]
    made: Document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "box"}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(binary)}],
    }
    return made, binary


def glb(made: Document, binary: bytes) -> bytes:
    """The two in one file."""
    text = json.dumps(made).encode()
    text += b" " * (-len(text) % 4)
    binary += bytes(-len(binary) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def _glb(change: Callable[[Document], object] | None = None, vertices: Any = CORNERS, faces: Any = FACES) -> bytes:
    made, binary = document(vertices, faces)
    if change is not None:
        change(made)
    return glb(made, binary)


def _with(value: float) -> Any:
    vertices = CORNERS.copy()
    vertices[3, 1] = value
    return vertices


def _external(folder: Path, uri: str) -> Path:
    made, binary = document()
    made["buffers"][0]["uri"] = uri
    (folder.parent / SECRET).write_bytes(binary)
    path = folder / "mesh.gltf"
    path.write_text(json.dumps(made))
    return path


def _missing_texture(made: Document) -> None:
    made["images"] = [{"uri": "wood.png"}]
    made["textures"] = [{"source": 0}]
    made["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
    made["meshes"][0]["primitives"][0]["material"] = 0


def _bomb(folder: Path) -> Path:
    made, _ = document()
    path = folder / "mesh.gltf"
    made["buffers"][0] = {"byteLength": 300 * 2**20, "uri": "data:application/octet-stream;base64,@"}
    before, after = json.dumps(made).split("@")
    with path.open("w") as file:
        file.write(before)
        for _ in range(300):
            file.write(base64.b64encode(bytes(2**20 - 1)).decode())
        file.write(after)
    return path


def _five_million(folder: Path) -> Path:
    made, binary = document()
    made["accessors"][1]["count"] = 15_000_000
    made["bufferViews"][1]["byteLength"] = 60_000_000
    made["buffers"][0]["byteLength"] = CORNERS.nbytes + 60_000_000
    return _written(folder, glb(made, binary + bytes(60_000_000 - FACES.nbytes)))


def _written(folder: Path, data: bytes) -> Path:
    path = folder / "mesh.glb"
    path.write_bytes(data)
    return path


def _two_names(made: Document) -> None:
    made["nodes"] = [{"mesh": 0, "name": "box"}, {"mesh": 0, "name": "box", "translation": [1, 0, 0]}]
    made["scenes"][0]["nodes"] = [0, 1]


CASES: dict[str, Callable[[Path], Path]] = {
    "nan": lambda f: _written(f, _glb(vertices=_with(np.nan))),
    "inf": lambda f: _written(f, _glb(vertices=_with(np.inf))),
    "index_out_of_range": lambda f: _written(f, _glb(faces=np.vstack([FACES, [[0, 1, 8]]]))),
    "node_cycle": lambda f: _written(
        f, _glb(lambda m: m.update(nodes=[{"mesh": 0, "children": [1]}, {"children": [0]}]))
    ),
    "zero_scale": lambda f: _written(f, _glb(lambda m: m["nodes"][0].update(scale=[1, 0, 1]))),
    "negative_scale": lambda f: _written(f, _glb(lambda m: m["nodes"][0].update(scale=[-1, 1, 1]))),
    "lying_length": lambda f: _written(f, (lambda d: d[:8] + struct.pack("<I", len(d) + 64) + d[12:])(_glb())),
    "truncated": lambda f: _written(f, _glb()[:-60]),
    "count_2_31": lambda f: _written(f, _glb(lambda m: m["accessors"][0].update(count=2**31))),
    "uri_up": lambda f: _external(f, f"../{SECRET}"),
    "uri_absolute": lambda f: _external(f, str((f.parent / SECRET).resolve())),
    "uri_http": lambda f: _external(f, "http://127.0.0.1:9/mesh.bin"),
    "data_uri_bomb": _bomb,
    "zero_faces": lambda f: _written(f, _glb(lambda m: m["meshes"][0]["primitives"][0].update(mode=0))),
    "five_million_faces": _five_million,
    "non_manifold": lambda f: _written(f, _glb(faces=np.vstack([FACES, [[0, 3, 5], [0, 3, 6]]]))),
    "flipped": lambda f: _written(f, _glb(faces=FACES[:, ::-1])),
    "duplicate_names": lambda f: _written(f, _glb(_two_names)),
    "millimetres": lambda f: _written(f, _glb(vertices=CORNERS * 1000)),
    "a_million_metres": lambda f: _written(f, _glb(vertices=CORNERS * 1e7)),
    "a_nanometre": lambda f: _written(f, _glb(vertices=CORNERS * 1e-8)),
    "draco": lambda f: _written(
        f,
        _glb(
            lambda m: m["meshes"][0]["primitives"][0].update(
                extensions={"KHR_draco_mesh_compression": {"bufferView": 0, "attributes": {"POSITION": 0}}}
            )
        ),
    ),
    "flat": lambda f: _written(f, _glb(vertices=CORNERS * [1, 1, 0])),
    "missing_texture": lambda f: _written(f, _glb(_missing_texture)),
}


def main() -> None:
    """Runs every case; one JSON object on standard output."""
    from blueprint_assets.geometry.mesh import MeshError, read_mesh
    from blueprint_assets.geometry.mesh_care import care_for

    root = Path(sys.argv[1])
    paths = {}
    for name, make in CASES.items():
        (root / name / "mesh").mkdir(parents=True)
        paths[name] = make(root / name / "mesh")
    care_for(read_mesh(_written(root, _glb()), root).mesh)  # imports are not a case's time
    resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))
    opened: list[str] = []

    def record(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("open", "socket.connect", "subprocess.Popen"):
            opened.append(f"{event} {arguments[0]}")

    sys.addaudithook(record)
    report = {}
    for name, path in paths.items():
        opened.clear()
        start = time.perf_counter()
        result: dict[str, Any] = {"error": None}
        try:
            read = read_mesh(path, path.parent)
            result["notes"] = read.notes
            result["read"] = {
                "faces": len(read.mesh.faces),
                "volume": float(read.mesh.volume),
                "size": read.mesh.extents.tolist(),
            }
            made, care = care_for(read.mesh)
            result["cared"] = {
                "watertight": bool(made.is_watertight),
                "volume": float(made.volume),
                "steps": care.steps,
            }
        except MeshError as error:
            result["error"] = str(error)
        except BaseException as error:
            result["other"] = repr(error)
        result["seconds"] = time.perf_counter() - start
        result["opened"] = [
            item for item in opened if item.startswith("socket") or str(root) in item or "passwd" in item
        ]
        report[name] = result
    print(json.dumps({"cases": report, "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
    main()
