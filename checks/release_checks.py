"""Gates behind a release: measured on what was written, not on what was planned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from blueprint_assets.contracts.release import SPLITS, Release, Split
from blueprint_assets.release.assets import dataset_release
from checks.verdict import Verdict, failed, passed, store_gate, unmeasured

if TYPE_CHECKING:
    from blueprint_assets.dataset.review.judges import Judgement


def latest_release(root: str) -> tuple[Path, str] | None:
    """The folder and the content hash of a store's latest release."""
    from blueprint_assets.release.catalogue import published

    releases = published(root)
    return (releases[-1].folder, releases[-1].document.content_sha256) if releases else None


release_gate = store_gate(dataset_release, latest_release)


@release_gate
def release_is_what_was_written(folder: Path) -> Verdict:
    """Every file has the hash of SHA256SUMS and of the in-toto statement, none is missing, and none was added."""
    import json

    from blueprint_assets.dataset.checksums import CHECKSUMS, checksums, read_checksums
    from blueprint_assets.release.release import STATEMENT

    listed, found = read_checksums(folder), checksums(folder)
    wrong = [f"{path} changed" for path in listed if path in found and found[path] != listed[path]]
    wrong += [f"{path} is missing" for path in listed if path not in found]
    wrong += [f"{path} is not listed" for path in found if path not in listed]
    said = json.loads((folder / STATEMENT).read_text(encoding="utf-8"))
    subjects = {subject["name"]: subject["digest"]["sha256"] for subject in said["subject"]}
    if subjects != {path: sha256 for path, sha256 in listed.items() if path not in (STATEMENT, CHECKSUMS)}:
        wrong.append(f"the subjects of {STATEMENT} are not the files of {CHECKSUMS}")
    measured = {"files": len(found), "wrong": len(wrong)}
    if wrong:
        return failed("; ".join(wrong[:3]), measured, {"wrong": 0})
    return passed(f"{len(found)} files agree", measured, {"wrong": 0})


@release_gate
def release_splits_share_nothing(folder: Path) -> Verdict:
    """No photograph, scene file, mesh or episode stands in two splits, of this release or of an earlier one; each split's
    dataset holds exactly the episodes that the release lists for it."""
    from blueprint_assets.release.catalogue import published
    from blueprint_assets.release.identity import keys_of

    release = Release.read(folder / "release.json")
    wrong = [text for split in SPLITS for text in _not_as_listed(folder, release, split)]
    place: dict[str, tuple[str, Split]] = {}
    earlier = [item.document for item in published(folder.resolve().parent.parent)]
    for document in [*(item for item in earlier if item.number < release.number), release]:
        for scene in document.scenes:
            held = {
                *keys_of(scene),
                *(e.episode_uuid for e in scene.episodes),
                *(e.rows_sha256 for e in scene.episodes),
            }
            for key in sorted(held):
                version, split = place.setdefault(key, (document.version, scene.split))
                if split != scene.split:
                    wrong.append(f"{key[:24]}… of {scene.scene_id} is in {scene.split} and, in {version}, in {split}")
    groups = len({scene.group for scene in release.scenes})
    measured = {"scenes": len(release.scenes), "groups": groups, "leaks": len(wrong)}
    if wrong:
        return failed("; ".join(wrong[:3]), measured, {"leaks": 0})
    return passed(f"{groups} groups, each in one split", measured, {"leaks": 0})


@release_gate
def release_is_balanced(folder: Path) -> Verdict:
    """No scene has a greater share of the episodes than the release's rule allows."""
    release = Release.read(folder / "release.json")
    counts = {scene.scene_id: len(scene.episodes) for scene in release.scenes}
    most = max(counts, key=lambda scene_id: counts[scene_id])
    share = counts[most] / sum(counts.values())
    measured, limits = {"largest_share": round(share, 4)}, {"largest_share": release.rules.max_scene_share}
    if share > release.rules.max_scene_share + 1e-9:
        return failed(f"scene {most} has {share:.1%} of the episodes", measured, limits)
    return passed(f"the largest scene has {share:.1%}", measured, limits)


@release_gate
def release_holds_nothing_retracted(folder: Path) -> Verdict:
    """No scene of the release has been retracted, by the hash of its photograph or scene file."""
    from blueprint_assets.release.catalogue import concerning, retractions

    concerns = concerning(Release.read(folder / "release.json"), retractions(folder.resolve().parent.parent))
    if concerns:
        return failed("; ".join(f"{item.scene_id}: {item.reason}" for item in concerns), {"retracted": len(concerns)})
    return passed("nothing was retracted", {"retracted": 0})


@release_gate
def release_passes_lerobot_doctor(folder: Path) -> Verdict:
    """lerobot-doctor finds nothing failed in any split."""
    from blueprint_assets.dataset.review.judges import lerobot_doctor

    return _judged_by(folder, lerobot_doctor)


@release_gate
def release_passes_robovet(folder: Path) -> Verdict:
    """robovet finds nothing failed in any split."""
    from blueprint_assets.dataset.review.judges import robovet

    return _judged_by(folder, robovet)


def _judged_by(folder: Path, judge: Callable[[Path], Judgement]) -> Verdict:
    release = Release.read(folder / "release.json")
    judgements = {split: judge(folder / split) for split in SPLITS if release.splits[split].episodes}
    measured = {
        "passed": sum(judgement.passed for judgement in judgements.values()),
        "failed": sum(judgement.failed for judgement in judgements.values()),
        "warned": sum(judgement.warned for judgement in judgements.values()),
    }
    for outcome in ("failed", "unmeasured"):
        said = [f"{s}: {'; '.join(j.messages[:3])}" for s, j in judgements.items() if j.outcome == outcome]
        if said:
            text = "; ".join(said)
            return failed(text, measured, {"failed": 0}) if outcome == "failed" else unmeasured(text)
    names = {judgement.judge for judgement in judgements.values()}
    return passed(f"{', '.join(sorted(names))}: {measured['passed']} passed", measured, {"failed": 0})


def _not_as_listed(folder: Path, release: Release, split: Split) -> Iterator[str]:
    from blueprint_assets.dataset.reader import open_dataset

    listed = [episode.episode_uuid for scene in release.in_split(split) for episode in scene.episodes]
    if not listed:
        if (folder / split).exists():
            yield f"{split} has a folder, but the release lists no episode for it"
        return
    found = open_dataset(folder / split).uuids
    if found != listed:
        yield f"{split} holds {len(found)} episodes that are not the {len(listed)} listed ones, in their order"


ALL = [
    release_is_what_was_written,
    release_splits_share_nothing,
    release_is_balanced,
    release_holds_nothing_retracted,
    release_passes_lerobot_doctor,
    release_passes_robovet,
]
