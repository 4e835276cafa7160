"""The process that is measured: one photograph to a metric scene, with the pipeline's own functions and nothing else loaded.

python tests/benchmarks/scene_score/pipeline.py PHOTO SCENE_FOLDER [MASK]
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))


def reconstruct(photo: Path, mask: Path | None, root: Path) -> None:
    """The pipeline's own functions, in order, on one photograph; `root` becomes a scene folder."""
    from blueprint_assets.contracts.source import Intake
    from blueprint_assets.scene.layout import lay_out_scene
    from blueprint_assets.scene.manifest import build_manifest
    from blueprint_assets.stage1.intake import sha256_of
    from blueprint_assets.stage1.posed import demand_sound
    from blueprint_assets.stage1.source import prepare_source
    from resources.observability import silent
    from resources.reconstruction.embedded import EmbeddedReconstructor

    intake = Intake(
        scene_id=root.name.lower(),
        image_uri=str(photo),
        image_sha256=sha256_of(str(photo)),
        mask_uri=str(mask) if mask else None,
        mask_sha256=sha256_of(str(mask)) if mask else None,
        received_at="2026-01-01T00:00:00+00:00",
    )
    source = prepare_source(intake, photo, mask, root)
    EmbeddedReconstructor().reconstruct(source, root, root / "stage1", silent)
    build_manifest(root / "stage1", demand_sound(root / "stage1"), root)
    lay_out_scene(root, root)


if __name__ == "__main__":
    photo, root, *mask = (Path(argument) for argument in sys.argv[1:])
    reconstruct(photo, mask[0] if mask else None, root)
