"""A release's README.md: what is in it, by which rules, under which licence, and what is known to be wanting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from blueprint_assets.contracts.encoded_episode import EncodedEpisode
from blueprint_assets.contracts.release import SPLITS, Release, ReleasedScene, Split, TaskOutcome
from blueprint_assets.dataset.card import front_matter, limits, table, what_is_in_it

from .identity import from_library
from .licence import terms_of

PICTURE = "pictures/scenes.png"


def release_card(release: Release, example: EncodedEpisode) -> str:
    """Markdown with the Hub's front matter. `example` is any of the release's episodes: they are all of one kind."""
    filled = [split for split in SPLITS if release.splits[split].episodes]
    configs = ["- config_name: default", "  data_files:"]
    for split in filled:
        configs += [f"  - split: {split}", f"    path: {split}/data/*/*.parquet"]
    episodes = sum(release.splits[split].episodes for split in filled)
    frames = sum(release.splits[split].frames for split in filled)
    lines = [
        *front_matter(configs, release.licence),
        "",
        f"# Simulated manipulation episodes, release {release.version}",
        "",
        f"{episodes} episodes of {len(release.scenes)} scene{'s' if len(release.scenes) != 1 else ''}, {frames} frames "
        f"({_duration(frames / release.fps)} at {release.fps} Hz), robot `{release.robot}`.",
        "Each split is a complete LeRobot v3.0 dataset of its own, so that training cannot see test.",
        "",
        f"![one picture a scene]({PICTURE})",
        "",
        *_splits(release),
        "",
        "## Success by task",
        "",
        *_success(release.scenes),
        "",
        "## Scenes",
        "",
        *_scenes(release.scenes),
        "",
        "## How it was made",
        "",
        *_rules(release),
        "",
        *what_is_in_it(example),
        "",
        "## Licence",
        "",
        *_licence(release),
        "",
        "## Known limits",
        "",
        *limits(),
        *_known_limits(release),
        "",
        "## Loading",
        "",
        "```python",
        "from lerobot.datasets.lerobot_dataset import LeRobotDataset",
        *(f'{split} = LeRobotDataset("{release.version}-{split}", root="{split}")' for split in filled),
        "```",
        "",
        "`sha256sum -c SHA256SUMS` checks every file. `provenance.intoto.json` is an in-toto statement (SLSA provenance v1)",
        "about them; it is not signed. `release.json` lists every episode with its scene, split and hashes.",
    ]
    return "\n".join(lines) + "\n"


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.2f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"


def _splits(release: Release) -> list[str]:
    rows = [
        (f"`{s}`", f.scenes, f.groups, f.episodes, f.frames, f"{f.seconds / 60:.1f}", f.tasks)
        for s in SPLITS
        if (f := release.splits[s]).episodes
    ]
    lines = table(("split", "scenes", "groups", "episodes", "frames", "minutes", "instructions"), rows)
    empty = [(split, release.splits[split].empty_because) for split in SPLITS if not release.splits[split].episodes]
    if empty:
        lines.append("")
        lines += [f"There is no `{split}`: {reason}." for split, reason in empty]
    return lines


def _success(scenes: Sequence[ReleasedScene]) -> list[str]:
    totals: dict[str, list[int]] = {}
    for scene in scenes:
        for kind, found in scene.tasks.items():
            total = totals.setdefault(kind, [0, 0, 0])
            for place, count in enumerate((found.recorded, found.accepted, found.released)):
                total[place] += count
    rows = [
        (kind, recorded, accepted, f"{accepted / recorded:.0%}" if recorded else "not recorded", taken)
        for kind, (recorded, accepted, taken) in sorted(totals.items())
    ]
    lines = table(("kind of task", "recorded", "accepted", "accepted share", "in this release"), rows)
    rejected: Counter[str] = Counter()
    for scene in scenes:
        rejected.update(scene.rejected)
    if rejected:
        lines += ["", *table(("why a recording was not accepted", "recordings"), rejected.most_common())]
    return lines


def _scenes(scenes: Sequence[ReleasedScene]) -> list[str]:
    total = sum(len(scene.episodes) for scene in scenes)
    rows = []
    for scene in scenes:
        found = TaskOutcome(
            recorded=sum(item.recorded for item in scene.tasks.values()),
            accepted=sum(item.accepted for item in scene.tasks.values()),
            released=len(scene.episodes),
        )
        rows.append(
            (
                scene.scene_id,
                scene.split,
                scene.group,
                found.released,
                f"{found.released / total:.1%}",
                f"{found.accepted}/{found.recorded}",
                sum(episode.frames for episode in scene.episodes),
                scene.photo.license or "not stated",
            )
        )
    head = ("scene", "split", "group", "episodes", "share", "accepted", "frames", "its input's licence")
    return table(head, rows)


def _shared_library(scenes: Sequence[ReleasedScene]) -> list[str]:
    """That shapes of the library occur in several scenes, where there are such scenes."""
    drawn = [scene for scene in scenes if from_library(scene.photo.mode, scene.reconstruction)]
    if not drawn:
        return []
    hashes = Counter(sha256 for scene in drawn for sha256 in set(scene.meshes.values()))
    several = sum(count > 1 for count in hashes.values())
    splits = {sha256: {scene.split for scene in drawn if sha256 in scene.meshes.values()} for sha256 in hashes}
    across = sum(len(found) > 1 for found in splits.values())
    return [
        f"- {len(drawn)} scenes were made from words out of one library of parametric shapes: {len(hashes)} meshes, of which",
        f"  {several} are in several scenes and {across} in more than one split. They are one group only where the request, the",
        "  scene file or all their meshes are the same: a test split of such scenes has new arrangements, not always new things.",
    ]


def _rules(release: Release) -> list[str]:
    fractions = ", ".join(f"{split} {release.rules.fractions[split]:.0%}" for split in SPLITS)
    return [
        "- Only scenes whose episodes and dataset are up to date and past every blocking check, about these very commits.",
        f"- No scene has more than {release.rules.max_scene_share:.0%} of the episodes. Every scene gives what it has, up to"
        " one level for all;",
        "  which episodes stay is decided by the hash of their uuid, tasks in turn. Scenes with the same photograph (file or",
        "  pixels) or the same scene file count as one, and an episode that is there twice counts once.",
        f"- Splits by scene, aiming at {fractions} of the episodes. Scenes that share a photograph, a scene file or an",
        "  object's mesh, by hash, are one group and stand in one split. What was in a split stays there in later releases.",
        *_shared_library(release.scenes),
        "- Videos are the packets that were encoded once, when the episodes were imported; nothing was encoded again.",
        f"- Code: {release.code_commit}.",
    ]


def _licence(release: Release) -> list[str]:
    licence = release.licence
    head = (
        [f"The dataset's licence is {licence.spdx}."] if licence.spdx else ["The dataset's licence is not determined:"]
    )
    lines = [*head, *(f"- {reason}" for reason in licence.reasons), ""]
    rows = [(item.what, item.stated or "not stated", item.attribution or "") for item in licence.inputs]
    lines += table(("input", "licence", "authors to name"), rows)
    unnamed = [i.what for i in licence.inputs if not i.attribution and (t := terms_of(i.stated)) and t.attribution]
    if unnamed:
        lines += [
            "",
            "Whose author must be named, but nobody said who it is; find out before you pass the dataset on:",
            "",
        ]
        lines += [f"- {what}" for what in unnamed]
    return lines


def _known_limits(release: Release) -> list[str]:
    lines = [
        "The demonstrations are a motion planner's, not a person's, and they are of one robot.",
        "Shared content is found by hash: two photographs of one place, or one that was cropped or saved anew, are not seen.",
        "The licence follows from what the inputs' owners stated, by a table; it is no legal advice.",
    ]
    held_out: tuple[Split, ...] = ("val", "test")
    few = [split for split in held_out if 0 < release.splits[split].groups < 3]
    if few:
        counts = ", ".join(f"{split}: {release.splits[split].groups}" for split in few)
        lines.append(f"Few groups of scenes are held out ({counts}), so figures on them vary much with the scene.")
    if release.left_out:
        lines += [
            f"{len(release.left_out)} scene{'s' if len(release.left_out) != 1 else ''} of the store left out:",
            "",
            *table(("scene", "why"), [(item.scene_id, item.reason) for item in release.left_out]),
        ]
    return lines
