"""`blueprint run`: a photograph, words or a reconstruction to a dataset, through the same job that the UI launches."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.markup import escape

from blueprint_assets.commands.display import RunDisplay, own_console, table
from blueprint_assets.commands.instance import open_instance, prepare
from blueprint_assets.commands.one_object import one_object
from blueprint_assets.contracts.source import Format

if TYPE_CHECKING:
    import dagster as dg

    from blueprint_assets.commands.given import Options


OUTCOMES = ("passed", "failed", "warned", "not_applicable")
Modality = Literal["depth", "segmentation", "point_cloud", "language"]


@dataclass
class Run:
    """Turn a photograph, a text request or another system's reconstruction into a scene, simulated episodes and a LeRobot
    dataset.

        blueprint run photo.jpg
        blueprint run photo.jpg --known-size mug.height=9.5cm
        blueprint run --prompt "a mug left of a kettle on a table" --variants 3
        blueprint run request.json
        blueprint run REGEN_FOLDER --format regen3d --photo photo.jpg
        blueprint run scene.glb --known-size table=1.2

    Exit code 0 only if every dataset was committed and every blocking check passed (with --episodes 0: the scenes).
    """

    source: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="INPUT")] = None
    """A photograph (JPEG, PNG, WebP, BMP or TIFF, up to 50 megapixels); a text request (.json: scene_request_v1, .txt: the
    words alone); or, with --format, what another system made."""
    prompt: str | None = None
    """Instead of a file: what should be there, in words. Nouns that are not known are listed, not replaced."""
    mask: Path | None = None
    """Instance mask of the photograph, of the same size: one grey value or palette index per object, 0 = background."""
    format: Format | None = None
    """Who made the reconstruction: regen3d, sam3d, embodiedgen, scenesmith, sage (a folder), glb (one file with a node per
    object; the default for .glb), stage1 (posed meshes in our own layout). Only the files that its reader reads are kept."""
    photo: Path | None = None
    """The photograph that another system's reconstruction was made from: shown beside the scene."""
    scene_id: str | None = None
    """Name of the scene; made from the file's name, the request or the words if left out."""
    known_size: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """NAME=LENGTH, repeatable: a size that you measured decides the scene's scale. NAME is an object or a category, LENGTH
    its longest side (object_01=0.10, mug=95mm), or NAME.height, .width, .depth that side. Left out: those of the scene's
    last run."""
    forget_known_sizes: bool = False
    """Use none of the sizes of the scene's last run: only those that are given now, or none."""
    variants: int | None = None
    """How many scenes to make of a text request, each arranged by a seed of its own; the request's own number if left out.
    The first is named like the scene, the next <scene>-v2, <scene>-v3, …"""
    license: str | None = None
    """Licence of what is given: an SPDX id (CC-BY-4.0, CC0-1.0, …) or free text. A file PHOTO.license beside the
    photograph does the same. A release states what its inputs allow; what nobody said is stated as unknown."""
    attribution: str | None = None
    """Whom to name as its author, as the licence demands it."""
    root: Path = Path("blueprint-data")
    """Where scenes, datasets and the Dagster instance are kept."""
    episodes: int = 10
    """Successful episodes to record in every scene; 0 stops after the scene."""
    seed: int | None = None
    """Seed of object placement, grasp choice and planning, and of a text request's first variant: the same seed gives the
    same scene and episodes. Left out: 0, or the request's own."""
    codec: Literal["auto", "h264", "av1"] = "auto"
    """Of the dataset's videos. auto: h264 for pictures of at most 256 pixels a side, AV1 for larger ones."""
    image_size: tuple[int, int] = (256, 256)
    """Width and height of the cameras' pictures, pixels, both even."""
    add: Annotated[tuple[Modality, ...], tyro.conf.arg(name="with")] = ()
    """What episodes hold besides colour: depth, segmentation, point_cloud; language adds LeRobot 0.6's language columns."""
    json: bool = False
    """Print one JSON object as the last line of standard output; of several variants: {"success", "scenes": [one each]}."""


@dataclass
class Summary:
    """What a run made. `exit_code` is what the command returns."""

    scene_id: str
    root: str
    dataset: str | None
    episodes: dict[str, int]
    checks: dict[str, int]
    seconds: dict[str, float]
    success: bool
    failures: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 for success."""
        return 0 if self.success else 1

    def document(self) -> dict[str, Any]:
        """The JSON object that `--json` prints."""
        return {
            "scene_id": self.scene_id,
            "root": self.root,
            "dataset": self.dataset,
            "episodes": self.episodes,
            "checks": self.checks,
            "seconds": self.seconds,
            "success": self.success,
            "failures": self.failures,
        }


def run(options: Run) -> int:
    """Runs the command; returns its exit code."""
    console = own_console(sys.stderr if options.json else sys.stdout)
    with one_object(options.json, lambda reason: _nothing_made(options, reason).document()):
        summaries = materialize_scenes(options, console)
        for summary in summaries:
            report(summary, console)
    if options.json:
        documents = [summary.document() for summary in summaries]
        together = {"success": all(summary.success for summary in summaries), "scenes": documents}
        print(json.dumps(documents[0] if len(documents) == 1 else together), flush=True)
    return max(summary.exit_code for summary in summaries)


def _nothing_made(options: Run, reason: str) -> Summary:
    """What `--json` says of a run that was refused or interrupted."""
    return Summary(
        scene_id=options.scene_id or "",
        root=str(options.root.expanduser().absolute()),
        dataset=None,
        episodes={"attempted": 0, "succeeded": 0, "frames": 0},
        checks=dict.fromkeys(OUTCOMES, 0),
        seconds={"total": 0.0},
        success=False,
        failures=[reason],
    )


def materialize_scenes(options: Run, console: Console) -> list[Summary]:
    """Registers what was given and executes the job for every scene that is made from it, showing how far it is. A variant
    that fails does not keep the next ones from being made.

    Raises:
        ValueError: the input, the scene id or the root cannot be used; nothing was registered.
        KeyboardInterrupt: Ctrl-C or SIGTERM; what was committed stays.
    """
    from blueprint_assets.commands.given import read_given
    from blueprint_assets.scene.known_sizes import parse_known_sizes

    if options.episodes < 0 or (options.seed or 0) < 0:
        raise ValueError(f"--episodes {options.episodes} --seed {options.seed}: neither can be negative")
    width, height = options.image_size
    if width % 2 or height % 2 or not (16 <= width <= 1280 and 16 <= height <= 960):
        raise ValueError(f"--image-size {width} {height}: even numbers from 16 to 1280 and 16 to 960")
    run_config = _run_config(options, parse_known_sizes(options.known_size))
    given = read_given(_input(options))
    root = prepare(options.root)
    scene_ids = given.scene_ids(str(root))
    made = []
    for number, scene_id in enumerate(scene_ids):
        console.print(f"{given.name} -> scene {scene_id} in {root}", highlight=False, markup=False, soft_wrap=True)
        with _alone(root, scene_id, console):
            given.register(str(root), scene_ids, number)
            made.append(_materialize(options, run_config, scene_id, root, console))
    return made


def _materialize(options: Run, run_config: dict[str, Any], scene_id: str, root: Path, console: Console) -> Summary:
    """Adds the partition of a registered scene and executes the job."""
    import dagster as dg

    from blueprint_assets.definitions import SCENE_JOB, SCENES_TO_DATASETS_JOB, defs

    began = time.monotonic()
    display = RunDisplay(console)
    with open_instance() as instance:
        instance.add_dynamic_partitions("scenes", [scene_id])
        job = defs.resolve_job_def(SCENES_TO_DATASETS_JOB if options.episodes else SCENE_JOB)
        try:
            with display.shown():
                result = job.execute_in_process(
                    run_config=run_config,
                    partition_key=scene_id,
                    instance=instance,
                    raise_on_error=False,
                )
        except dg.DagsterExecutionInterruptedError:  # between two steps; inside one it becomes the step's failure
            raise KeyboardInterrupt from None
    if any(_interrupted(event) for event in result.all_events):
        raise KeyboardInterrupt
    return _summarize(options, scene_id, root, result, display, time.monotonic() - began)


def _input(options: Run) -> Options:
    from blueprint_assets.commands.given import Options

    return Options(
        source=options.source,
        prompt=options.prompt,
        mask=options.mask,
        format=options.format,
        photo=options.photo,
        scene_id=options.scene_id,
        license=options.license,
        attribution=options.attribution,
        seed=options.seed,
        variants=options.variants,
    )


@contextmanager
def _alone(root: Path, scene_id: str, console: Console) -> Iterator[None]:
    """One `blueprint run` per scene at a time: two with other seeds would each go on with what the other made."""
    from io_managers.errors import StoreBusyError
    from io_managers.locks import file_lock

    path = root / ".dagster" / "scenes" / f"{scene_id}.lock"
    path.parent.mkdir(exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(path, exclusive=True, timeout=0.0))
        except StoreBusyError:
            console.print(f"another run makes scene {scene_id}; waiting until it has ended", highlight=False)
            held.enter_context(file_lock(path, exclusive=True, timeout=math.inf))
        yield


def _run_config(options: Run, known_sizes: dict[str, float]) -> dict[str, Any]:
    config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    ops: dict[str, dict[str, Any]] = {}
    if known_sizes or options.forget_known_sizes:
        ops["scene_manifest"] = {"known_sizes": known_sizes}
    if options.episodes:
        width, height = options.image_size
        held = {name: name in options.add for name in ("depth", "segmentation", "point_cloud")}
        ops |= {
            "geniesim_job": {"episodes": options.episodes, "seed": options.seed or 0},
            "episodes": {"codec": options.codec, "width": width, "height": height, **held},
            "lerobot_dataset": {"language": "language" in options.add},
        }
    if ops:
        config["ops"] = {name: {"config": values} for name, values in ops.items()}
    return config


def _summarize(
    options: Run, scene_id: str, root: Path, result: dg.ExecuteInProcessResult, display: RunDisplay, seconds: float
) -> Summary:
    from blueprint_assets.commands.status import committed_figures
    from checks.verdict import outcome_of

    checks = dict.fromkeys(OUTCOMES, 0)
    failures = []
    for evaluation in result.get_asset_check_evaluations():
        name = f"{evaluation.asset_key.path[-1]}/{evaluation.check_name}"
        if evaluation.passed:
            checks["not_applicable" if outcome_of(evaluation) == "not_applicable" else "passed"] += 1
        elif evaluation.blocking:
            checks["failed"] += 1
            failures.append(f"{name}: {evaluation.description}")
        else:
            checks["warned"] += 1
    for event in result.all_events:
        if event.is_step_failure and event.step_key not in {f.split("/")[0] for f in failures}:
            reason = _reason(event)
            if reason:
                failures.append(f"{event.step_key}: {reason}")
    # Figures of this run only: what an earlier run committed may still be there when this one failed.
    made = committed_figures(str(root), scene_id) if "geniesim_job" in display.finished else None
    dataset = made.dataset if made and result.success else None
    episodes = dict(made.episodes) if made else {"attempted": 0, "succeeded": 0, "frames": 0}
    if "lerobot_dataset" not in display.finished:
        episodes["frames"] = 0
    return Summary(
        scene_id=scene_id,
        root=str(root),
        dataset=dataset,
        episodes=episodes,
        checks=checks,
        seconds={**{k: round(v, 2) for k, v in display.seconds.items()}, "total": round(seconds, 2)},
        success=result.success and checks["failed"] == 0 and (dataset is not None or options.episodes == 0),
        failures=failures,
    )


def _interrupted(event: dg.DagsterEvent) -> bool:
    error = event.step_failure_data.error if event.is_step_failure else None
    return error is not None and error.cls_name == "DagsterExecutionInterruptedError"


def _reason(event: dg.DagsterEvent) -> str:
    """What a failed step said, without the traceback; a failed check says it itself."""
    data = event.step_failure_data
    if data.user_failure_data is not None:
        return data.user_failure_data.description or ""
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None or error.cls_name == "DagsterAssetCheckFailedError":
        return ""
    return error.message.strip()


def report(summary: Summary, console: Console) -> None:
    """What was made, in a table, and what failed, in sentences."""
    rows = [(name, f"{seconds:.1f}") for name, seconds in summary.seconds.items()]
    console.print(table(f"\nscene {summary.scene_id}", ("asset", "seconds"), rows))
    counts = ", ".join(f"{count} {outcome}" for outcome, count in summary.checks.items())
    console.print(f"checks   {counts}", highlight=False)
    if summary.episodes["attempted"]:
        console.print(
            f"episodes {summary.episodes['succeeded']} of {summary.episodes['attempted']} attempts succeeded, "
            f"{summary.episodes['frames']} frames",
            highlight=False,
        )
    for failure in summary.failures:
        console.print(f"[red]failed[/]   {escape(failure)}", highlight=False, soft_wrap=True)
    scene = Path(summary.root) / "scenes" / summary.scene_id
    for label, path in (("dataset", summary.dataset), ("scene", scene if scene.exists() else None)):
        if path:
            console.print(f"{label:<8} {path}", highlight=False, markup=False, soft_wrap=True)
