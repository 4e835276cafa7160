"""What mesh care does to raw reconstructions: figures before and after, and seconds.

Prints a table and JSON; exit code 1 over a limit.

No raw output of a GPU system can be carried here, so meshes of that kind are made from clean ones: about 227,278 faces (as
many as a real SAM 3D Objects output has), noise, holes, doubled vertices, turned faces, floating scraps, colours at the
vertices; the same for the same seed. The clean mesh is the truth that volume and shape are compared with.

    python tests/benchmarks/mesh_care.py MESH.glb … [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import trimesh

RAW_FACES, SCRAP_FACES = 227_278, 8
LIMITS = {"faces": 20_000, "cpu_seconds": 10.0, "rss_gb": 2.0, "volume_error": 0.03, "mean_distance": 2e-3}
"""The last is a share of the longest side."""


@dataclass(frozen=True)
class Damage:
    """How a clean mesh is spoilt: `noise` and the `gap` between doubled vertices are shares of the longest side, `missing` is
    what `holes` holes take of the surface, the same share of a knife as of a ball."""

    noise: float
    holes: int
    missing: float
    loosened: float
    gap: float
    turned: float
    scraps: int


SHOWN = (
    "mesh", "raw_faces", "raw_open_edges", "raw_pieces", "method", "faces", "open_edges", "pieces", "volume_error",
    "mean_distance", "hausdorff", "cpu_seconds", "rss_gb", "passed", "error",
)  # fmt: skip
"""Of the table; the JSON has everything."""
MILD = Damage(noise=3e-4, holes=25, missing=0.02, loosened=0.1, gap=0.0, turned=0.02, scraps=40)
HARSH = Damage(noise=1.5e-3, holes=60, missing=0.12, loosened=0.3, gap=2e-3, turned=0.05, scraps=80)


def raw_mesh(clean: trimesh.Trimesh, damage: Damage, faces: int = RAW_FACES, seed: int = 0) -> trimesh.Trimesh:
    """A mesh as reconstruction systems leave them, from a clean one; the same for the same seed."""
    import fast_simplification
    import trimesh

    from blueprint_assets.geometry.nearest import NearestSurface
    from blueprint_assets.geometry.texture_transfer import Paint

    random = np.random.default_rng(seed)
    welded = clean.copy()
    welded.merge_vertices(merge_tex=True, merge_norm=True)
    extent = float(welded.extents.max())
    vertices, triangles = np.asarray(welded.vertices, dtype=float), np.asarray(welded.faces)
    faces = round((faces - SCRAP_FACES * damage.scraps) / (1 - damage.missing))
    while len(triangles) < faces:
        vertices, triangles = trimesh.remesh.subdivide(vertices, triangles)
    points, triangles = fast_simplification.simplify(
        ((vertices - vertices[0]) / extent).astype(np.float32), triangles.astype(np.int32), target_count=faces
    )
    vertices, triangles = np.asarray(points, dtype=float) * extent + vertices[0], np.asarray(triangles, dtype=np.int64)

    nearest = NearestSurface(np.asarray(clean.vertices), np.asarray(clean.faces), extent / 200)
    on, face, _ = nearest.find(vertices)
    paint = Paint(clean)
    colors = paint.at(face, on) if paint.varies else np.full((len(vertices), 3), 180, dtype=np.uint8)

    normals = trimesh.Trimesh(vertices, triangles, process=False).vertex_normals
    vertices = vertices + normals * random.normal(0, damage.noise * extent, (len(vertices), 1))
    centres = vertices[triangles].mean(axis=1)
    # Holes of different sizes, all made larger or smaller together until they take the share that is to be missing.
    reach = np.full(len(triangles), np.inf)
    for middle in centres[random.integers(0, len(centres), damage.holes)]:
        reach = np.minimum(reach, np.linalg.norm(centres - middle, axis=1) / random.uniform(0.2, 1))
    triangles = triangles[np.argsort(reach, kind="stable")[round(damage.missing * len(triangles)) :]]
    loose = random.random(len(triangles)) < damage.loosened
    corners = triangles[loose].reshape(-1)
    apart = random.normal(0, damage.gap * extent, (len(corners), 3)) if damage.gap else 0.0
    triangles[loose] = len(vertices) + np.arange(len(corners)).reshape(-1, 3)
    vertices = np.concatenate([vertices, vertices[corners] + apart])
    colors = np.concatenate([colors, colors[corners]])
    turned = random.random(len(triangles)) < damage.turned
    triangles[turned] = triangles[turned][:, ::-1]
    for _ in range(damage.scraps):
        place = clean.bounds[0] + random.uniform(-0.2, 1.2, 3) * clean.extents
        scrap = place + random.normal(0, 0.004 * extent, (6, 3))
        triangles = np.concatenate([triangles, len(vertices) + random.integers(0, 6, (SCRAP_FACES, 3))])
        vertices = np.concatenate([vertices, scrap])
        colors = np.concatenate([colors, np.zeros((6, 3), dtype=np.uint8)])
    return trimesh.Trimesh(vertices, triangles, vertex_colors=colors, process=False, validate=False)


def measure(name: str, clean: trimesh.Trimesh, damage: Damage, out: Path | None) -> dict[str, Any]:
    """One row: the raw mesh, what became of it, and how far it is from the clean one."""
    from blueprint_assets.geometry.mesh import MeshError, load_glb, save_glb
    from blueprint_assets.geometry.mesh_care import care_for
    from blueprint_assets.geometry.nearest import NearestSurface, sample

    raw = raw_mesh(clean, damage)
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        made, report = care_for(raw, max_faces=int(LIMITS["faces"]))
    except MeshError as error:
        return {"mesh": name, "raw_faces": len(raw.faces), "error": str(error), "passed": False}
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if out is not None:
        save_glb(raw, out / f"{name}_raw.glb")
        made = load_glb(save_glb(made, out / f"{name}.glb"))
    welded = made.copy()
    welded.merge_vertices(merge_tex=True, merge_norm=True)
    truth = clean.copy()
    truth.merge_vertices(merge_tex=True, merge_norm=True)
    extent = float(clean.extents.max())
    there = sample(np.asarray(truth.vertices), np.asarray(truth.faces), extent / 128)
    here = sample(np.asarray(welded.vertices), np.asarray(welded.faces), extent / 128)
    from_truth = NearestSurface(np.asarray(welded.vertices), np.asarray(welded.faces), extent / 128).find(there.points)[
        2
    ]
    to_truth = NearestSurface(np.asarray(truth.vertices), np.asarray(truth.faces), extent / 128).find(here.points)[2]
    mean = (np.average(from_truth, weights=there.weights) + np.average(to_truth, weights=here.weights)) / 2
    row = {
        "mesh": name,
        "method": report.method,
        "raw_faces": report.before.faces,
        "raw_vertices": report.before.vertices,
        "raw_open_edges": report.before.open_edges,
        "raw_pieces": report.before.pieces,
        "faces": len(made.faces),
        "open_edges": report.after.open_edges,
        "watertight": bool(welded.is_watertight and welded.is_volume),
        "pieces": report.after.pieces,
        "holes": report.holes,
        "dropped_pieces": report.dropped_pieces,
        "volume_error": abs(float(welded.volume) / float(truth.volume) - 1) if truth.is_watertight else None,
        "mean_distance": float(mean) / extent,
        "hausdorff": float(max(from_truth.max(), to_truth.max())) / extent,
        "painted": report.painted,
        "moved_mean": report.moved_mean / extent,
        "cpu_seconds": round(cpu, 2),
        "wall_seconds": round(wall, 2),
        "rss_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    row["passed"] = row["watertight"] and all(row[k] is None or row[k] <= limit for k, limit in LIMITS.items())  # type: ignore[operator]
    return row


def main() -> int:
    """Measures and prints."""
    from rich.console import Console
    from rich.table import Table

    from blueprint_assets.geometry.mesh import load_mesh

    parser = argparse.ArgumentParser(description=__doc__)
    own = sorted((Path(__file__).resolve().parents[2] / "fixtures/meshes").glob("*.glb"))
    parser.add_argument("meshes", type=Path, nargs="*", default=own, help="clean meshes: .glb, .gltf or .obj")
    parser.add_argument("--out", type=Path, help="folder for the raw and the cared-for meshes")
    options = parser.parse_args()
    rows = []
    for path in options.meshes:
        clean = load_mesh(path, path.parent)
        for kind, damage in (("mild", MILD), ("harsh", HARSH)):
            rows.append(measure(f"{path.stem}_{kind}", clean, damage, options.out))
    table = Table(title="mesh care")
    columns = [name for name in SHOWN if any(name in row for row in rows)]
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        cells = [row.get(column, "") for column in columns]
        table.add_row(*(f"{cell:.2g}" if isinstance(cell, float) else str(cell) for cell in cells))
    Console(width=220, file=sys.stderr).print(table)
    passed = all(row["passed"] for row in rows)
    print(json.dumps({"limits": LIMITS, "rows": rows, "passed": passed}))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
