"""How near a reconstructed scene is to the truth: counts, boxes, surfaces, supports, scale; per object, per scene, overall.

Matched: box IoU over 0.1 or box centres within 10 cm, assigned one to one. ADD-S: mean distance from true surface points to the
predicted surface; ADD-S@0.1: below a tenth of the true diameter. Chamfer: mean of the two directed mean distances. F at a
distance: harmonic mean of the two shares of points within it. `*_all` and `add_s_01` count what was missed as nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from .alignment import Pairs, align, least_squares, similarity
from .solids import ASKED, Solid, box_iou, yaw_difference
from .vocabulary import same_category

Array = NDArray[np.float64]
Figures = dict[str, Any]

LEAST_IOU, NEAR_M = 0.1, 0.10
ADD_S_SHARE = 0.1
"""Of the diameter (Hinterstoisser et al. 2012)."""

MEANS = (
    "precision", "recall", "f1", "mean_iou", "mean_iou_all", "add_s_mm", "add_s_01", "chamfer_mm", "f_1cm", "f_2cm", "f_1cm_all",
    "f_2cm_all", "centre_mm", "yaw_err_deg", "support_err_mm", "support_err_rel_mm", "category_top1", "category_top1_all",
)  # fmt: skip


@dataclass(frozen=True)
class Scored:
    """The figures of one alignment, one row a matched object, and the pairs (predicted, true)."""

    figures: Figures
    rows: list[Figures]
    pairs: Pairs


def score_under(predicted: Sequence[Solid], true: Sequence[Solid], matrix: Array, surfaces: bool = True) -> Scored:
    """The figures under a given transform of the predicted world; `surfaces` = False leaves the slow ones out."""
    moved = [solid.moved(matrix) for solid in predicted]
    iou = np.array([[box_iou(a, b) for b in true] for a in moved]).reshape(len(moved), len(true))
    gap = np.array([[np.linalg.norm(a.centre - b.centre) for b in true] for a in moved]).reshape(iou.shape)
    fits = (iou > LEAST_IOU) | (gap < NEAR_M)
    chosen = zip(*linear_sum_assignment(np.where(fits, gap - 0.05 * iou, 10.0 + gap)), strict=True)
    pairs = [(int(i), int(j)) for i, j in chosen if fits[i, j]]
    rows = []
    for i, j in pairs:
        row = _object(moved[i], true[j], surfaces)
        rows.append(row | {"iou": float(iou[i, j]), "centre_mm": float(gap[i, j] * 1e3)})
    return Scored(_scene(rows, len(predicted), len(true), surfaces), rows, pairs)


def _object(found: Solid, true: Solid, surfaces: bool) -> Figures:
    row: Figures = {
        "pred": found.id,
        "true": true.id,
        "category_pred": found.category,
        "category_true": true.category,
        "category_ok": same_category(found.category, true.category),
        "height_ratio": found.height / true.height,
        "bottom_mm": float(found.low[2] - true.low[2]) * 1e3,
        "support": true.support,
    }
    if not surfaces:
        return row
    to_found, to_true = found.distance(true.samples[:ASKED]), true.distance(found.samples[:ASKED])
    row["add_s_mm"] = float(to_found.mean() * 1e3)
    row["diameter_mm"] = true.diameter * 1e3
    row["add_s_01"] = bool(to_found.mean() < ADD_S_SHARE * true.diameter)
    row["chamfer_mm"] = float(to_found.mean() + to_true.mean()) * 500
    for name, limit in (("f_1cm", 0.01), ("f_2cm", 0.02)):
        precision, recall = float((to_true < limit).mean()), float((to_found < limit).mean())
        row[name] = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    if true.shape == "box":
        row["yaw_err_deg"] = yaw_difference(found, true)
    return row


def _scene(rows: list[Figures], predicted: int, true: int, surfaces: bool) -> Figures:
    seated = [row for row in rows if row["support"] == "surface"] or rows
    offset = float(np.median([row["bottom_mm"] for row in seated])) if seated else 0.0
    for row in rows:
        row["bottom_rel_mm"] = row["bottom_mm"] - offset

    def mean(key: str) -> float | None:
        return _mean(row[key] for row in rows if key in row)

    def share(key: str) -> float:
        return float(sum(row[key] for row in rows)) / true

    heights = {"support_err": "bottom_mm", "support_err_rel": "bottom_rel_mm"}
    figures: Figures = {
        "n_pred": predicted, "n_true": true, "n_match": len(rows), **counts(len(rows), predicted, true),
        "mean_iou": mean("iou"), "mean_iou_all": share("iou"), "category_top1": mean("category_ok"),
        "category_top1_all": share("category_ok"), "centre_mm": mean("centre_mm"),
        "floating_or_sunk_10mm": sum(abs(row["bottom_rel_mm"]) > 10 for row in rows),
    }  # fmt: skip
    for name, key in heights.items():
        errors = [abs(row[key]) for row in rows]
        figures[f"{name}_mm"] = float(np.median(errors)) if errors else None
        figures[f"{name}_max_mm"] = max(errors, default=None)
    if surfaces:
        figures |= {key: mean(key) for key in ("add_s_mm", "chamfer_mm", "f_1cm", "f_2cm", "yaw_err_deg")}
        figures |= {"add_s_01": share("add_s_01"), "f_1cm_all": share("f_1cm"), "f_2cm_all": share("f_2cm")}
    return figures


def counts(matched: int, predicted: int, true: int) -> Figures:
    """Precision, recall and F1 of a count."""
    precision, recall = matched / predicted if predicted else 0.0, matched / true if true else 0.0
    total = precision + recall
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / total if total else 0.0}


def score_scene(predicted: Sequence[Solid], true: Sequence[Solid], unusable: int = 0) -> Figures:
    """One scene, aligned twice: `metric` (yaw, translation) and `similarity` (a scale as well).

    `unusable` predicted objects have no mesh; they count as found wrongly. `metric_scale_ratio` is predicted over true height,
    the median over the matched; `layout_scale_ratio` the same of the distances between objects.
    """
    if not predicted:
        nothing = score_under((), true, np.eye(4)).figures
        nothing["n_pred"] = unusable
        return {
            "metric": nothing,
            "similarity": dict(nothing),
            "objects": [],
            "metric_scale_ratio": None,
            "layout_scale_ratio": None,
        }
    free = align(predicted, true, True)
    loose = score_under(predicted, true, free.matrix)
    candidates = [align(predicted, true, False).matrix]
    if len(loose.pairs) >= 2:
        candidates.append(_same_pairs(predicted, true, loose.pairs))
    quick = [score_under(predicted, true, matrix, surfaces=False).figures for matrix in candidates]
    best = max(range(len(candidates)), key=lambda k: (quick[k]["n_match"], quick[k]["mean_iou_all"], -k))
    strict = score_under(predicted, true, candidates[best])
    for scored in (strict, loose):
        found = scored.figures["n_pred"] + unusable
        scored.figures.update({"n_pred": found, **counts(scored.figures["n_match"], found, len(true))})
    pairs = loose.pairs if len(loose.pairs) >= len(strict.pairs) else strict.pairs
    ratios = [predicted[i].height / true[j].height for i, j in pairs]
    return {
        "metric": strict.figures,
        "similarity": loose.figures,
        "objects": strict.rows,
        "metric_scale_ratio": float(np.median(ratios)) if ratios else None,
        "layout_scale_ratio": 1 / free.scale,
    }


def _same_pairs(predicted: Sequence[Solid], true: Sequence[Solid], pairs: Pairs) -> Array:
    """The metric transform that belongs to the pairs of the other alignment."""
    p, g = np.array([predicted[i].anchor for i, _ in pairs]), np.array([true[j].anchor for _, j in pairs])
    angle, _, shift = least_squares(p[:, :2], g[:, :2], False)
    return similarity(angle, 1.0, shift, float(np.median(g[:, 2] - p[:, 2])))


def overall(scenes: Mapping[str, Figures]) -> Figures:
    """Means over the scenes, and counts over all objects."""
    found: Figures = {"scenes": len(scenes)}
    for kind in ("metric", "similarity"):
        rows = [scene[kind] for scene in scenes.values()]
        totals = [sum(row[key] for row in rows) for key in ("n_match", "n_pred", "n_true")]
        found[kind] = {key: _mean(row.get(key) for row in rows) for key in MEANS} | {"pooled": counts(*totals)}
    for key in ("metric_scale_ratio", "layout_scale_ratio"):
        ratios = np.array([scene[key] for scene in scenes.values() if scene[key]])
        found[key] = {
            "median": float(np.median(ratios)),
            "mean_abs_log": float(np.abs(np.log(ratios)).mean()),
            "within_10pct": float((np.abs(ratios - 1) < 0.1).mean()),
            "within_15pct": float((np.abs(ratios - 1) < 0.15).mean()),
        } if len(ratios) else None  # fmt: skip
    return found


def _mean(values: Iterable[Any]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
