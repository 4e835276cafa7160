"""All scenes' episodes as one dataset, on demand."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from blueprint_assets.code_version import code_version
from blueprint_assets.gates import gate_results
from blueprint_assets.presentation import preview_url
from blueprint_assets.stage import OWNERS
from io_managers.dagster_io import SceneStoreResource
from resources.node_shapes import op_tags, pool
from resources.observability import Progress, StageEvent, StageState, announce

if TYPE_CHECKING:
    from blueprint_assets.release.sources import GateWords

RELEASE_JOB = "release"
NAME = "dataset_release"
MUST_BE_GUARDED = ("episodes", "lerobot_dataset")


class ReleaseConfig(dg.Config):
    """`version` left out counts: v1, v2, … The fractions are what the splits aim at, in episodes; they add up to 1."""

    version: str | None = None
    max_scene_share: float = 0.25
    train: float = 0.8
    val: float = 0.1
    test: float = 0.1


def unpassed_gates(instance: dg.DagsterInstance) -> "GateWords":
    """(scene, asset -> commit) -> a sentence for every gate that has not passed about these commits: `sources.GateWords`.

    Raises:
        RuntimeError: the checks of episodes and datasets were not loaded, so that nobody could tell.
    """

    def words(scene_id: str, commits: Mapping[str, str]) -> list[str]:
        results = gate_results(instance, scene_id, commits)
        unguarded = [asset for asset in MUST_BE_GUARDED if asset not in {result.asset for result in results}]
        if unguarded:
            raise RuntimeError(
                f"no gate is known for {', '.join(unguarded)}: load the graph by blueprint_assets.definitions, which "
                "brings the checks"
            )
        return [f"{r.asset}/{r.check} {r.outcome}: {r.said}" for r in results if r.outcome != "passed"]

    return words


def release_code_version() -> str:
    """Of everything that decides what a release holds."""
    return code_version("blueprint_assets.release")


@dg.asset(
    name=NAME,
    group_name="dataset",
    kinds={"parquet", "video", "huggingface"},
    owners=OWNERS,
    code_version=release_code_version(),
    # References by dependency only: a scene that has no dataset is left out and said so, instead of failing the load.
    deps=[dg.AssetDep(asset, partition_mapping=dg.AllPartitionMapping()) for asset in MUST_BE_GUARDED],
    op_tags=op_tags("cpu"),
    pool=pool("cpu"),
    metadata={"paths": "releases/<version>/"},
)
def dataset_release(
    context: dg.AssetExecutionContext, config: ReleaseConfig, scene_store: SceneStoreResource
) -> dg.MaterializeResult[Any]:
    """Every scene that is up to date and past its gates, balanced and split by scene: a versioned, immutable release.

    Made on demand (this button, or `blueprint release`): a release is a decision, not a consequence of a new episode.
    """
    from blueprint_assets.contracts.release import Rules
    from blueprint_assets.release.card import PICTURE
    from blueprint_assets.release.release import make_release

    began = time.monotonic()

    def tell(state: StageState, progress: Progress | None = None) -> None:
        announce(StageEvent("", NAME, state, progress, time.monotonic() - began))

    tell("started")
    try:
        fractions = {"train": config.train, "val": config.val, "test": config.test}
        rules = Rules.parse({"max_scene_share": config.max_scene_share, "fractions": fractions}, "rules")
        made = make_release(
            scene_store.open(),
            unpassed_gates(context.instance),
            rules,
            release_code_version(),
            config.version,
            lambda step: tell("progress", step),
        )
    except (ValueError, RuntimeError, OSError) as error:
        tell("failed")
        raise dg.Failure(description=f"{type(error).__name__}: {error}", allow_retries=False) from error
    tell("committed" if made.written else "reused")
    release = made.release
    picture = preview_url(release.version, PICTURE, release.content_sha256, "releases")
    figures = [
        dg.TableRecord({"split": split, "scenes": f.scenes, "episodes": f.episodes, "frames": f.frames})
        for split, f in release.splits.items()
    ]
    return dg.MaterializeResult(
        data_version=dg.DataVersion(release.content_sha256),
        metadata={
            "preview": dg.MetadataValue.md(f"![scenes]({picture})"),
            "version": release.version,
            "written": made.written,
            "folder": dg.MetadataValue.path(str(made.folder)),
            "card": dg.MetadataValue.path(str(made.folder / "README.md")),
            "licence": release.licence.spdx or "not determined",
            "splits": dg.MetadataValue.table(figures),
            "left_out": len(release.left_out),
        },
    )
