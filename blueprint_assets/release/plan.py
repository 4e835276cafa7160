"""What a release will hold, decided before anything is written: which scenes, which of their episodes, in which split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from blueprint_assets.contracts.encoded_episode import EncodedEpisode
from blueprint_assets.contracts.release import (
    SPLITS,
    InputLicence,
    LeftOut,
    Release,
    ReleasedEpisode,
    ReleasedScene,
    ReleaseLicence,
    Rules,
    Split,
    SplitFigures,
)
from io_managers.record import CommitRecord, digest

from .balance import chosen, level
from .identity import group_name, groups, keys_of, same_place
from .licence import derive
from .sources import Candidate, StoredEpisode
from .splits import assign, bridges

MAX_SCENE_SHARE = 0.25
"""No scene holds a greater part of a release: what a policy learns from one photograph's furniture stays a minority."""
FRACTIONS: dict[Split, float] = {"train": 0.8, "val": 0.1, "test": 0.1}
ROBOTS = {"franka_panda": ("Apache-2.0", "Franka Emika GmbH (robot description), MuJoCo Menagerie (MJCF model)")}
"""Robot -> (licence, whom to name) of the model that is seen in every picture: `resources/simulator/robots`."""


class ReleaseError(ValueError):
    """A release cannot be made, or one on disk is not what it should be. The message says why and what to do."""


@dataclass(frozen=True)
class Plan:
    """A release before it has a version. `records` and `units` say where its episodes are: scene -> the commit, and
    (scene, uuid) -> the folder in it and the episode's document."""

    rules: Rules
    licence: ReleaseLicence
    splits: dict[Split, SplitFigures]
    scenes: tuple[ReleasedScene, ...]
    left_out: tuple[LeftOut, ...]
    fps: int
    robot: str
    records: dict[str, CommitRecord]
    units: dict[tuple[str, str], str]
    documents: dict[tuple[str, str], EncodedEpisode]

    def content_sha256(self, code_version: str) -> str:
        """The same for a release that would hold the same. What was left out does not enter it."""
        return digest(
            {
                "code_version": code_version,
                "rules": self.rules.model_dump(mode="json"),
                "licence": self.licence.model_dump(mode="json"),
                "scenes": [scene.model_dump(mode="json") for scene in self.scenes],
            }
        )


def make_plan(
    found: Sequence[Candidate],
    left_out: Sequence[LeftOut],
    earlier: Sequence[Release],
    barred: Mapping[str, str],
    rules: Rules,
) -> Plan:
    """Decides what a release holds. Deterministic in its arguments.

    Args:
        found: the scenes that may be released.
        left_out: those that may not.
        earlier: the releases that there are, the latest last: what was in a split stays there.
        barred: content key -> the scene whose retraction bars it.
        rules: share limit and split fractions.

    Raises:
        ReleaseError: no scene may be released.
        BalanceError: too few scenes for the share limit.
        LicenceError: no licence keeps those of all inputs.
    """
    out = {item.scene_id: item.reason for item in left_out}
    keys = {candidate.scene_id: candidate.keys for candidate in found}
    for scene_id, own in keys.items():
        if by := sorted({barred[key] for key in own if key in barred}):
            out[scene_id] = f"retracted: it has the photograph or the scene file of {', '.join(by)}"
    history = {key: scene.split for release in earlier for scene in release.scenes for key in keys_of(scene)}
    out |= bridges({scene_id: own for scene_id, own in keys.items() if scene_id not in out}, history)
    staying = [candidate for candidate in found if candidate.scene_id not in out]
    out |= _of_another_kind(staying)
    offered = _without_twins([candidate for candidate in staying if candidate.scene_id not in out])
    if not any(offered.values()):
        reasons = (
            "; ".join(f"{scene_id}: {reason}" for scene_id, reason in sorted(out.items())) or "there are no scenes"
        )
        raise ReleaseError(f"no scene may be released: {reasons}")
    taken = _balanced(offered, keys, rules.max_scene_share)
    for scene_id in offered.keys() - taken.keys():
        out[scene_id] = (
            "every episode that it could give is in the release already, or is one too many of its photograph"
        )
    assignment = assign(
        {scene_id: keys[scene_id] for scene_id in taken},
        {scene_id: len(episodes) for scene_id, episodes in taken.items()},
        history,
        rules.fractions,
    )
    candidates = {candidate.scene_id: candidate for candidate in found}
    named = {scene_id: group_name(frozenset().union(*(keys[name] for name in group)))
             for group in assignment.groups for scene_id in group}  # fmt: skip
    scenes = _released(candidates, taken, assignment.splits, named)
    first = next(iter(taken.values()))[0].document
    stored = {(s, episode.document.episode_uuid): episode for s, episodes in taken.items() for episode in episodes}
    return Plan(
        rules=rules,
        licence=derive([*_robot_licence(first.robot), *(i for s in scenes for i in candidates[s.scene_id].licences())]),
        splits={split: _figures(split, scenes, first.fps, assignment.empty.get(split)) for split in SPLITS},
        scenes=scenes,
        left_out=tuple(LeftOut(scene_id=scene_id, reason=reason) for scene_id, reason in sorted(out.items())),
        fps=first.fps,
        robot=first.robot,
        records={scene_id: candidates[scene_id].record for scene_id in taken},
        units={key: episode.unit for key, episode in stored.items()},
        documents={key: episode.document for key, episode in stored.items()},
    )


def _of_another_kind(found: Sequence[Candidate]) -> dict[str, str]:
    """Scenes whose episodes cannot stand in one dataset with most of the others: other cameras, codecs, rate or joints."""
    kinds: dict[str, list[Candidate]] = {}
    for candidate in found:
        formats = {_kind(episode) for episode in candidate.episodes}
        kinds.setdefault(" and ".join(sorted(formats)), []).append(candidate)
    if len(kinds) < 2:
        return {}
    most = max(kinds, key=lambda kind: (sum(len(c.episodes) for c in kinds[kind]), kind))
    return {
        candidate.scene_id: f"its episodes are of another kind ({kind}) than most ({most}); materialize `episodes` again"
        for kind, members in kinds.items()
        if kind != most
        for candidate in members
    }


def _kind(episode: StoredEpisode) -> str:
    document = episode.document
    streams = ", ".join(
        f"{name} {v.width}x{v.height} {v.codec} crf {v.crf} {v.preset}" for name, v in document.streams.items()
    )
    return f"{document.robot}, {len(document.joint_names)} joints, {document.fps} Hz, {streams}"


def _without_twins(found: Sequence[Candidate]) -> dict[str, list[StoredEpisode]]:
    """Scene -> its episodes; the same rows and pictures, or the same uuid, count once, in the first scene that has them."""
    seen: set[str] = set()
    offered: dict[str, list[StoredEpisode]] = {}
    for candidate in sorted(found, key=lambda candidate: candidate.scene_id):
        mine = offered[candidate.scene_id] = []
        for episode in candidate.episodes:
            document = episode.document
            content = digest([document.rows_sha256, *(v.packets_sha256 for v in document.streams.values())])
            if content not in seen and document.episode_uuid not in seen:
                mine.append(episode)
            seen |= {content, document.episode_uuid}
    return offered


def _balanced(
    offered: Mapping[str, list[StoredEpisode]], keys: Mapping[str, frozenset[str]], max_share: float
) -> dict[str, list[StoredEpisode]]:
    """Scene -> the episodes that stay. Scenes of one photograph or one scene file count as one scene."""
    places = groups({scene_id: same_place(keys[scene_id]) for scene_id in offered})
    available = [sum(len(offered[scene_id]) for scene_id in place) for place in places]
    cap = level(available, max_share)
    taken: dict[str, list[StoredEpisode]] = {}
    for place in places:
        tasks = {episode.document.episode_uuid: f"{scene_id} {episode.document.task}"
                 for scene_id in place for episode in offered[scene_id]}  # fmt: skip
        staying = chosen(tasks, cap)
        for scene_id in place:
            if mine := [episode for episode in offered[scene_id] if episode.document.episode_uuid in staying]:
                taken[scene_id] = mine
    return dict(sorted(taken.items()))


def _released(
    candidates: Mapping[str, Candidate],
    taken: Mapping[str, list[StoredEpisode]],
    splits: Mapping[str, Split],
    named: Mapping[str, str],
) -> tuple[ReleasedScene, ...]:
    place: Counter[Split] = Counter()
    scenes = []
    for scene_id, episodes in taken.items():
        candidate, split = candidates[scene_id], splits[scene_id]
        rejected = Counter(item.reason or "" for item in candidate.manifest.imported if not item.accepted)
        released = [
            ReleasedEpisode(
                index=place[split] + number,
                episode_uuid=episode.document.episode_uuid,
                task=episode.document.task,
                frames=episode.document.frames,
                rows_sha256=episode.document.rows_sha256,
                packets_sha256={name: v.packets_sha256 for name, v in episode.document.streams.items()},
            )
            for number, episode in enumerate(episodes)
        ]
        place[split] += len(released)
        scenes.append(
            ReleasedScene(
                scene_id=scene_id,
                split=split,
                group=named[scene_id],
                photo=candidate.photo,
                scene_sha256=candidate.scene_sha256,
                meshes=candidate.meshes,
                reconstruction=candidate.reconstruction,
                commits=candidate.commits,
                tasks=candidate.outcomes(episodes),
                rejected=dict(sorted(rejected.items())),
                episodes=tuple(released),
            )
        )
    return tuple(scenes)


def _robot_licence(robot: str) -> list[InputLicence]:
    stated, attribution = ROBOTS.get(robot, (None, None))
    return [InputLicence(what=f"model of the robot {robot}", stated=stated, attribution=attribution)]


def _figures(split: Split, scenes: Sequence[ReleasedScene], fps: int, empty_because: str | None) -> SplitFigures:
    mine = [scene for scene in scenes if scene.split == split]
    episodes = [episode for scene in mine for episode in scene.episodes]
    frames = sum(episode.frames for episode in episodes)
    return SplitFigures(
        scenes=len(mine),
        groups=len({scene.group for scene in mine}),
        episodes=len(episodes),
        frames=frames,
        seconds=round(frames / fps, 3),
        tasks=len({episode.task for episode in episodes}),
        empty_because=empty_because,
    )
