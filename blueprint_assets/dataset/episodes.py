"""Takes a simulator run's recordings over: reviewed, rendered from their recorded states, encoded once.

episodes/geniesim_{job_id}/units/<uuid>/…        one unit per accepted episode
episodes/geniesim_{job_id}/import_manifest.json  every recording, accepted or not, with the reason
episodes/geniesim_{job_id}/contact_sheet.png     first and last picture of the accepted ones
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from blueprint_assets.contracts.geniesim_local import Episode, EpisodeIndexEntry, LocalDatasetInfo
from blueprint_assets.contracts.import_manifest import (
    EpisodeCounts,
    ImportedEpisode,
    ImportedFile,
    ImportManifest,
    QualitySummary,
)
from blueprint_assets.contracts.job import Job
from io_managers.digest import hash_file
from resources.observability import Progress, ProgressSink, silent
from resources.simulator import CONTROL_HZ

from .acceptance import Candidate, PictureError, review, watched
from .contact_sheet import write_contact_sheet
from .unit import Scalar, UnitError, read_unit, write_unit
from .video import Image, VideoError
from .workers import WorkerError, map_in_workers

Render = Callable[[Path, str], Iterator[Image]]
"""(states .npz, camera) -> one RGB picture per recorded state. It is sent to the worker processes once, by pickle."""

CAMERAS = ("scene", "wrist")
WORKERS = 2
"""Rendering takes most of the time and one core each."""


class EpisodeImportError(RuntimeError):
    """A run cannot be imported: its index is unreadable, or rendering broke down. The message names the remedy."""


def episodes_folder(job_id: str) -> str:
    """Where a job's episodes are, relative to the scene."""
    return f"episodes/geniesim_{job_id}"


@dataclass(frozen=True)
class _Encoding:
    """What a worker does with an episode. Sent to it once."""

    render: Render

    def __call__(self, task: tuple[Candidate, Path, dict[str, Scalar]]) -> str | None:
        """Renders and encodes one episode into its folder; returns why it was rejected, or None."""
        candidate, folder, provenance = task
        frames = {camera: watched(self.render(candidate.states, camera), camera, candidate.state) for camera in CAMERAS}
        try:
            write_unit(
                folder,
                frames=frames,
                state=candidate.state,
                action=candidate.action,
                task=candidate.episode.task_name,
                fps=round(CONTROL_HZ),
                success=candidate.episode.success,
                provenance=provenance,
            )
        except (PictureError, UnitError, VideoError) as error:
            return str(error)
        return None


def import_episodes(
    job_root: Path,
    out: Path,
    render: Render,
    progress: ProgressSink = silent,
    *,
    workers: int = WORKERS,
) -> ImportManifest:
    """Imports the run that `job_root/geniesim/job.json` names from `job_root/geniesim_local/{run_id}/`.

    `out` is laid out like the scene: `episodes/geniesim_{job_id}/…` is made below it. The result does not depend on
    the number of workers.

    Raises:
        EpisodeImportError: the run's documents are missing or contradict each other, or rendering failed.
        ContractError: job.json or dataset_info.json breaks its contract.
    """
    job = Job.read(job_root / "geniesim" / "job.json")
    run = job_root / "geniesim_local" / job.run_id
    info = LocalDatasetInfo.read(run / "metadata" / "dataset_info.json")
    if (info.scene_id, info.run_id) != (job.scene_id, job.run_id):
        raise EpisodeImportError(
            f"{run}: dataset_info.json is of scene {info.scene_id}, run {info.run_id}, but job.json names scene "
            f"{job.scene_id}, run {job.run_id}; run the job again"
        )
    folder = out / episodes_folder(job.job_id)
    units = folder / "units"
    if units.exists():
        raise EpisodeImportError(f"{units}: exists already; import into an empty folder")
    units.mkdir(parents=True)

    index = _read_index(run / "metadata" / "episodes.jsonl")
    scene = job_root / "usd" / "scene.usda"
    scene_sha256 = hash_file(scene) if scene.is_file() else None
    imported: dict[str, ImportedEpisode] = {}
    candidates: list[Candidate] = []
    seen: dict[str, str] = {}
    for name in sorted({path.stem for path in (run / "recordings").glob("*.json")} | set(index)):
        recording = run / "recordings" / f"{name}.json"
        episode, candidate, reason = review(recording, index.get(name), scene_sha256, CONTROL_HZ)
        if episode is not None and reason is None:
            if episode.scene_id != job.scene_id:
                reason = f"recorded for scene {episode.scene_id}, not {job.scene_id}"
            elif episode.episode_uuid in seen:
                reason = f"the same episode as {seen[episode.episode_uuid]} (uuid {episode.episode_uuid})"
            else:
                seen[episode.episode_uuid] = name
        if candidate is not None and reason is None:
            candidates.append(candidate)
        imported[name] = _entry(name, episode, reason)

    _encode_all(candidates, units, info, _Encoding(render), workers, imported, progress)
    accepted = [item for item in imported.values() if item.accepted]
    made = [read_unit(folder / str(item.unit)) for item in accepted]
    if made:
        write_contact_sheet(made, folder / "contact_sheet.png")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = ImportManifest(
        scene_id=job.scene_id,
        run_id=job.run_id,
        job_id=job.job_id,
        status="completed" if accepted else "failed",
        episodes=EpisodeCounts(
            downloaded=len(imported), passed_validation=len(accepted), rejected=len(imported) - len(accepted)
        ),
        imported=tuple(imported.values()),
        quality=QualitySummary(
            average_score=sum(item.quality_score for item in accepted) / len(accepted) if accepted else 0.0
        ),
        file_inventory=tuple(
            ImportedFile(path=str(p.relative_to(folder)), size_bytes=p.stat().st_size, sha256=hash_file(p))
            for p in files
        ),
    )
    manifest.write(folder / "import_manifest.json")
    return manifest


def _encode_all(
    candidates: list[Candidate],
    units: Path,
    info: LocalDatasetInfo,
    encoding: _Encoding,
    workers: int,
    imported: dict[str, ImportedEpisode],
    progress: ProgressSink,
) -> None:
    tasks = [(c, units / c.episode.episode_uuid, _provenance(c.episode, info)) for c in candidates]
    progress(Progress(0, len(tasks), "rendering and encoding episodes"))
    try:
        finished = map_in_workers(encoding, tasks, workers, lambda task: task[0].episode.episode_id)
        for done, (position, reason) in enumerate(finished, start=1):
            episode = candidates[position].episode
            imported[episode.episode_id] = _entry(episode.episode_id, episode, reason)
            progress(Progress(done, len(tasks), f"{episode.episode_id}: {reason or 'encoded'}"))
    except WorkerError as error:
        raise EpisodeImportError(f"rendering episodes failed: {error}") from error


def _entry(name: str, episode: Episode | None, reason: str | None) -> ImportedEpisode:
    uuid = episode.episode_uuid if episode else ""
    return ImportedEpisode(
        episode_id=name,
        episode_uuid=uuid,
        accepted=reason is None,
        reason=reason,
        unit=f"units/{uuid}" if reason is None else None,
        frames=len(episode.frames) if episode else 0,
        quality_score=episode.quality_score if episode else 0.0,
    )


def _provenance(episode: Episode, info: LocalDatasetInfo) -> dict[str, Scalar]:
    ran = episode.provenance
    return {
        "episode_uuid": episode.episode_uuid,
        "episode_id": episode.episode_id,
        "quality_score": float(episode.quality_score),
        "seed": episode.seed,
        "scene_id": episode.scene_id,
        "task_id": episode.task_id,
        "task_type": episode.task_type,
        "target_object": episode.target_object,
        "robot": ran.robot,
        "simulator": ran.simulator,
        "planner": ran.planner,
        "physics_timestep": float(ran.physics_timestep),
        "control_hz": float(ran.control_hz),
        "scene_sha256": ran.scene_sha256,
        "state_hash": episode.state_hash,
        "code_commit": info.pipeline_commit,
        "run_id": info.run_id,
    }


def _read_index(path: Path) -> dict[str, EpisodeIndexEntry]:
    """Episode id -> its line of episodes.jsonl."""
    entries: dict[str, EpisodeIndexEntry] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EpisodeImportError(f"{path}: cannot be read: {error}; run the job again") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = EpisodeIndexEntry.model_validate(json.loads(line))
        except (json.JSONDecodeError, ValidationError) as error:
            raise EpisodeImportError(
                f"{path}, line {number}: not an episode entry: {error}; run the job again"
            ) from error
        if entry.episode_id in entries:
            raise EpisodeImportError(f"{path}, line {number}: {entry.episode_id} is listed twice; run the job again")
        entries[entry.episode_id] = entry
    return entries
