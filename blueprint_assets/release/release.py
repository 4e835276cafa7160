"""Writes a release: one LeRobot dataset per split, assembled by packet copy, with card, document, statement and checksums.

    releases/<version>/train/ val/ test/        each a complete LeRobot v3.0 dataset
    releases/<version>/README.md                the card
    releases/<version>/release.json             what it holds, by which rules, from where
    releases/<version>/provenance.intoto.json   statement about every file but itself and SHA256SUMS
    releases/<version>/pictures/scenes.png
    releases/<version>/SHA256SUMS               every file but itself; `sha256sum -c` reads it

It is written beside its place, made durable and renamed: a process killed at any instant leaves the releases that there
were, whole.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from blueprint_assets.code_commit import code_commit
from blueprint_assets.contracts.release import SPLITS, Release, ReleasedScene, Rules, Split
from blueprint_assets.dataset.card import dataset_card
from blueprint_assets.dataset.checksums import checksums, write_checksums, write_listed
from blueprint_assets.dataset.lerobot import assemble
from blueprint_assets.dataset.unit import Unit
from blueprint_assets.dataset.video import Image, decode
from io_managers.digest import hash_file
from io_managers.durable import publish
from io_managers.errors import explained
from io_managers.store import SceneStore
from resources.observability import Progress, ProgressSink, silent

from .card import PICTURE, release_card
from .catalogue import DOCUMENT, MAKING, barred_keys, check_version, next_version, published, retractions, writing
from .pictures import shown, write_scene_sheet
from .plan import Plan, make_plan
from .sources import GateWords, candidates
from .statement import statement

CARD, STATEMENT = "README.md", "provenance.intoto.json"


@dataclass(frozen=True)
class Outcome:
    """`folder` holds the release. `written` is False when the latest one holds the same already."""

    folder: Path
    release: Release
    written: bool


def plan_release(store: SceneStore, unpassed: GateWords, rules: Rules) -> Plan:
    """What a release would hold now. Reads only.

    Raises:
        ReleaseError, BalanceError, LicenceError: no release can be made by these rules.
    """
    found, left_out = candidates(store, unpassed)
    earlier = [item.document for item in published(store.root)]
    barred = {key: item.scene_id for item in retractions(store.root) for key in barred_keys(item)}
    return make_plan(found, left_out, earlier, barred, rules)


def make_release(
    store: SceneStore,
    unpassed: GateWords,
    rules: Rules,
    code_version: str,
    version: str | None = None,
    progress: ProgressSink = silent,
) -> Outcome:
    """Writes the next release, unless the latest one holds the same. `version` None counts: v1, v2, …

    Raises:
        ReleaseBusyError: another process is writing a release or a retraction.
        ReleaseError, BalanceError, LicenceError: no release can be made by these rules, or `version` is taken.
        StoreError: content of the store is damaged, or the disk is full.
        DatasetError, VideoError: episodes do not fit together.
    """
    with writing(store.root) as folder:
        if version is not None:
            check_version(version, folder)
        progress(Progress(0, None, "looking at scenes and their gates"))
        plan = plan_release(store, unpassed, rules)
        releases = published(store.root)
        latest = releases[-1] if releases else None
        content = plan.content_sha256(code_version)
        if latest is not None and latest.document.content_sha256 == content and not latest.retracted:
            return Outcome(latest.folder, latest.document, written=False)
        number = latest.document.number + 1 if latest else 1
        release = Release(
            version=version or next_version(number, folder),
            number=number,
            previous=latest.document.version if latest else None,
            content_sha256=content,
            code_version=code_version,
            code_commit=code_commit(),
            fps=plan.fps,
            robot=plan.robot,
            rules=plan.rules,
            licence=plan.licence,
            splits=plan.splits,
            scenes=plan.scenes,
            left_out=plan.left_out,
        )
        making = folder / f"{MAKING}{release.version}"
        try:
            with explained("writing a release", making):
                making.mkdir()
                _write(store, plan, release, making, progress)
                publish(making, folder / release.version)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        return Outcome(folder / release.version, release, written=True)


def _write(store: SceneStore, plan: Plan, release: Release, out: Path, progress: ProgressSink) -> None:
    tiles: dict[str, Image] = {}
    example: Unit | None = None
    wanted = {scene.scene_id for scene in shown(release.scenes)}
    total = sum(figures.episodes for figures in release.splits.values())
    done = 0
    for split in SPLITS:
        scenes = release.in_split(split)
        if not scenes:
            continue
        progress(Progress(done, total, f"copying the packets of {split}"))
        with store.staging() as area:
            units = [unit for scene in scenes for unit in _checked_out(store, plan, scene, area / scene.scene_id)]
            assemble(units, out / split)
            card = dataset_card([unit.document for unit in units], _title(release, split), release.licence)
            write_listed(out / split, CARD, card)
            first = {str(unit.folder.relative_to(area).parts[0]): unit for unit in reversed(units)}
            tiles |= {scene_id: _picture(unit) for scene_id, unit in first.items() if scene_id in wanted}
            example = example or units[0]
        done += release.splits[split].episodes
    assert example is not None
    progress(Progress(done, total, "card, statement and checksums"))
    write_scene_sheet([(scene, tiles[scene.scene_id]) for scene in shown(release.scenes)], out / PICTURE)
    release.write(out / DOCUMENT)
    (out / CARD).write_text(release_card(release, example.document), encoding="utf-8")
    files = checksums(out)
    made = json.dumps(statement(release, files), indent=2, ensure_ascii=False) + "\n"
    (out / STATEMENT).write_text(made, encoding="utf-8")
    files[STATEMENT] = hash_file(out / STATEMENT)
    write_checksums(out, files)
    for path in out.rglob("*"):
        if path.is_file():
            path.chmod(0o444)


def _checked_out(store: SceneStore, plan: Plan, scene: ReleasedScene, into: Path) -> list[Unit]:
    """The scene's episodes, copied out of the store and verified against the commit; the packets when they are joined."""
    folders = {episode.episode_uuid: plan.units[scene.scene_id, episode.episode_uuid] for episode in scene.episodes}
    store.checkout(scene.scene_id, [plan.records[scene.scene_id]], into, below=set(folders.values()))
    return [Unit(into / folder, plan.documents[scene.scene_id, uuid]) for uuid, folder in folders.items()]


def _picture(unit: Unit) -> Image:
    """The first frame of the first colour camera."""
    stream = next(name for name, video in unit.document.streams.items() if video.depth is None)
    return next(decode(unit.segment(stream)))


def _title(release: Release, split: Split) -> str:
    return f"Simulated manipulation episodes, release {release.version}, {split}"
