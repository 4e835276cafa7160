"""Gates behind the imported episodes that only a simulator can give: what was done, judged again; what went through what; and
whether it happens again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blueprint_assets.dataset.assets import episodes
from blueprint_assets.geniesim.assets import geniesim_export, geniesim_job
from blueprint_assets.scene.assets import scene_usd, simready_assets
from checks import thresholds
from checks.verdict import Number, Verdict, failed, gate, passed, unmeasured

if TYPE_CHECKING:
    from blueprint_assets.dataset.review.physics import RecordedJob

NEEDS = (simready_assets, scene_usd, geniesim_export, geniesim_job)
NOTHING = "no episode was accepted, so there is nothing to measure"


@gate(episodes, *NEEDS)
def success_is_measured(scene: Path) -> Verdict:
    """The success predicate, computed again from every accepted episode's recorded frames, holds and gives the stored values;
    and the frames tell what the hashed states hold.
    """
    job = _job(scene)
    wrong: list[str] = []
    for item in job.taken:
        reason = job.frames_reason(item) or job.success_reason(item.episode)
        if reason:
            wrong.append(f"{item.episode.episode_id}: {reason}")
    measured = {"episodes": len(job.taken), "mismatches": len(wrong)}
    limits = {"mismatches": thresholds.MAX_SUCCESS_MISMATCHES}
    if not job.taken:
        return unmeasured(NOTHING)
    if len(wrong) > thresholds.MAX_SUCCESS_MISMATCHES:
        return failed("; ".join(wrong[:3]), measured, limits)
    return passed(f"{len(job.taken)} episodes judged again, with the stored values", measured, limits)


@gate(episodes, *NEEDS)
def nothing_penetrates(scene: Path) -> Verdict:
    """In no accepted episode do two things overlap deeper than the limit: measured again on the recorded states, and as the
    simulator logged it between them.
    """
    job = _job(scene)
    limit = thresholds.MAX_PENETRATION_M
    found = {item.episode.episode_id: job.deepest(item) for item in job.taken}
    if not found:
        return unmeasured(NOTHING)
    deep = {name: worst for name, worst in found.items() if worst.depth > limit}
    name, worst = max(found.items(), key=lambda entry: entry[1].depth)
    measured: dict[str, Number] = {
        "episodes": len(found),
        "too_deep": len(deep),
        "deepest_m": worst.depth,
        "where": f"{name}: {worst}",
    }
    limits = {"too_deep": 0, "deepest_m": limit}
    if deep:
        return failed("; ".join(f"{name}: {worst}" for name, worst in list(deep.items())[:3]), measured, limits)
    return passed(f"deepest in {len(found)} episodes: {worst}", measured, limits)


@gate(episodes, *NEEDS)
def replays_bit_by_bit(scene: Path) -> Verdict:
    """Accepted episodes, chosen by hash, simulated again in a fresh process from their seed and commands, give the recorded
    states and frames to the last bit. Recorded by another simulator or version, nothing was measured.
    """
    from blueprint_assets.dataset.review.replay import ReplayUnavailableError, chosen, replay_in_fresh_process

    job = _job(scene)
    picked = chosen(job.taken, thresholds.REPLAYED_EPISODES)
    if not picked:
        return unmeasured(NOTHING)
    try:
        replays = replay_in_fresh_process(job, picked)
    except ReplayUnavailableError as error:
        return unmeasured(str(error))
    wrong = [f"{item.episode_id}: {item.difference}" for item in replays if item.difference]
    measured = {"replayed": len(replays), "of": len(job.taken), "different": len(wrong)}
    limits = {"different": thresholds.MAX_REPLAY_DIFFERENCES}
    if len(wrong) > thresholds.MAX_REPLAY_DIFFERENCES:
        return failed("; ".join(wrong), measured, limits)
    names = ", ".join(item.episode_id for item in replays)
    return passed(f"{names}: states and frames equal bit by bit", measured, limits)


def _job(scene: Path) -> RecordedJob:
    from blueprint_assets.dataset.review.physics import RecordedJob

    return RecordedJob.of(scene)


ALL = [success_is_measured, nothing_penetrates, replays_bit_by_bit]
