"""Takes a simulator run's recordings over: reviewed, rendered from their recorded states, encoded once.

episodes/geniesim_{job_id}/units/<uuid>/…        one unit per accepted episode
episodes/geniesim_{job_id}/import_manifest.json  every recording, accepted or not, with the reason
episodes/geniesim_{job_id}/contact_sheet.png     what the accepted ones look like, and how many of each task succeeded
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import ValidationError

from blueprint_assets.contracts.geniesim_local import Episode, EpisodeIndexEntry, LocalDatasetInfo
from blueprint_assets.contracts.import_manifest import (
    EpisodeCounts,
    ImportedEpisode,
    ImportedFile,
    ImportManifest,
    QualitySummary,
    episodes_folder,
)
from blueprint_assets.contracts.job import Job
from io_managers.digest import hash_file
from io_managers.keep import take
from resources.observability import Progress, ProgressSink, silent
from resources.simulator import CONTROL_HZ

from .acceptance import Candidate, review
from .encoding import UNITS, Encoding
from .origin.provenance import episode_provenance
from .picture_page import write_picture_page
from .rendering import Render
from .sidecars import Modality
from .unit import read_unit
from .video import Codec
from .workers import WorkerError, map_in_workers

WORKERS = 2
"""Rendering takes most of the time and one core each."""


class EpisodeImportError(RuntimeError):
    """A run cannot be imported: its index is unreadable, or rendering broke down. The message names the remedy."""


def import_episodes(
    job_root: Path,
    out: Path,
    render: Render,
    progress: ProgressSink = silent,
    *,
    workers: int = WORKERS,
    codec: Codec | None = None,
    modalities: Collection[Modality] = (),
    kept: Path | None = None,
) -> ImportManifest:
    """Imports the run that `job_root/geniesim/job.json` names from `job_root/geniesim_local/{run_id}/`.

    Args:
        job_root: laid out like the scene.
        out: laid out like the scene; `episodes/geniesim_{job_id}/…` is made below it.
        render: gives the pictures.
        progress: told after every episode.
        workers: how many processes render and encode; the result does not depend on it.
        codec: None chooses by the pictures' size.
        modalities: what every episode holds besides colour pictures.
        kept: a folder, on the same disk as `out`, that outlives an interrupted import: finished units are put there, and
            taken from there when they are found whole. It must be of this job, renderer, codec and modalities. None: a
            folder inside `out` that does not outlive it.

    Raises:
        EpisodeImportError: the run's documents are missing or contradict each other, or rendering failed.
        ContractError: job.json or dataset_info.json breaks its contract.
        OSError: the disk is full, say; what was finished stays in `kept`.
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
    units = folder / UNITS
    if units.exists():
        raise EpisodeImportError(f"{units}: exists already; import into an empty folder")
    units.mkdir(parents=True)

    index = _read_index(run / "metadata" / "episodes.jsonl")
    scene = job_root / "usd" / "scene.usda"
    scene_sha256 = hash_file(scene) if scene.is_file() else None
    imported: dict[str, ImportedEpisode] = {}
    candidates: list[Candidate] = []
    seen: dict[str, str] = {}
    attempts: Counter[str] = Counter()
    for name in sorted({path.stem for path in (run / "recordings").glob("*.json")} | set(index)):
        recording = run / "recordings" / f"{name}.json"
        episode, candidate, reason = review(recording, index.get(name), scene_sha256, CONTROL_HZ)
        if episode is not None:
            attempts[episode.task_name] += 1
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

    with ExitStack() as stack:
        if kept is None:
            kept = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=out, prefix=".units-")))
        _encode_all(candidates, info, Encoding(render, kept, codec, tuple(modalities)), workers, imported, progress)
        accepted = [item for item in imported.values() if item.accepted]
        for item in accepted:
            take(kept / str(item.unit), folder / str(item.unit))
    made = [read_unit(folder / str(item.unit)) for item in accepted]
    if made:
        write_picture_page(made, folder / "contact_sheet.png", title=f"Scene {job.scene_id}", attempts=attempts)
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
    candidates: Sequence[Candidate],
    info: LocalDatasetInfo,
    encoding: Encoding,
    workers: int,
    imported: dict[str, ImportedEpisode],
    progress: ProgressSink,
) -> None:
    """Puts a unit of every candidate into the kept folder, or the reason why there is none into `imported`."""
    tasks = []
    taken_over = 0
    for candidate in candidates:
        episode = candidate.episode
        task = (candidate, episode_provenance(episode, info))
        found, reason = encoding.left_behind(task)
        if found:
            taken_over += 1
            imported[episode.episode_id] = _entry(episode.episode_id, episode, reason)
        else:
            tasks.append(task)
    over = f" ({taken_over} taken over from an interrupted run)" if taken_over else ""
    progress(Progress(taken_over, len(candidates), f"rendering and encoding episodes{over}"))
    try:
        finished = map_in_workers(encoding, tasks, workers, lambda task: task[0].episode.episode_id)
        for done, (position, reason) in enumerate(finished, start=taken_over + 1):
            episode = tasks[position][0].episode
            imported[episode.episode_id] = _entry(episode.episode_id, episode, reason)
            progress(Progress(done, len(candidates), f"{episode.episode_id}: {reason or 'encoded'}{over}"))
    except WorkerError as error:
        raise EpisodeImportError(f"rendering episodes failed: {error}") from error


def _entry(name: str, episode: Episode | None, reason: str | None) -> ImportedEpisode:
    uuid = episode.episode_uuid if episode else ""
    return ImportedEpisode(
        episode_id=name,
        episode_uuid=uuid,
        task_type=episode.task_type if episode else None,
        accepted=reason is None,
        reason=reason,
        unit=f"{UNITS}/{uuid}" if reason is None else None,
        frames=len(episode.frames) if episode else 0,
        quality_score=episode.quality_score if episode else 0.0,
    )


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
