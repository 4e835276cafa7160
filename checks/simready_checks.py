"""Gates behind the sim-ready assets and the composed scene. Judges from outside: OpenUSD, the asset validator, MuJoCo."""

from __future__ import annotations

from pathlib import Path

from blueprint_assets.contracts.scene_layout import SceneLayout
from blueprint_assets.contracts.simready_physics import SimreadyPhysics
from blueprint_assets.scene.assets import scene_layout, scene_usd, simready_assets
from checks import thresholds
from checks.verdict import Number, Verdict, failed, gate, not_applicable, passed

SCENE = "usd/scene.usda"


@gate(simready_assets)
def physics_is_plausible(scene: Path) -> Verdict:
    """Mass, friction and the collision hulls' volume of every object are within their limits."""
    physics = SimreadyPhysics.read(scene / "assets/simready_physics.json")
    limits = {
        "mass_kg": thresholds.MASS_KG,
        "static_friction": thresholds.FRICTION,
        "dynamic_friction": thresholds.FRICTION,
        "hull_volume_ratio": thresholds.HULL_VOLUME_RATIO,
    }
    wrong = []
    for item in physics.objects:
        figures = {
            "mass_kg": item.mass_kg,
            "static_friction": item.static_friction,
            "dynamic_friction": item.dynamic_friction,
            "hull_volume_ratio": item.collision.volume_ratio,
        }
        wrong += [
            f"{item.id}: {name} {value:.4g} (limits {limits[name][0]} to {limits[name][1]})"
            for name, value in figures.items()
            if not limits[name][0] <= value <= limits[name][1]
        ]
    said = {name: f"{low} to {high}" for name, (low, high) in limits.items()}
    measured = {"objects": len(physics.objects), "wrong": len(wrong)}
    if wrong:
        return failed("; ".join(wrong[:5]), measured, said)
    return passed(f"{len(physics.objects)} objects within limits", measured, said)


@gate(simready_assets)
def assets_open_in_openusd(scene: Path) -> Verdict:
    """Each simready.usda opens by itself, has a default prim, metres, Z-up, and refers to nothing outside the scene."""
    from resources.simulator.usd_stage import UsdError, open_contained

    physics = SimreadyPhysics.read(scene / "assets/simready_physics.json")
    wrong = []
    for item in physics.objects:
        try:
            open_contained(scene / item.usd, scene)
        except UsdError as error:
            wrong.append(str(error))
    measured = {"assets": len(physics.objects), "wrong": len(wrong)}
    return failed("; ".join(wrong[:5]), measured) if wrong else passed(f"{len(physics.objects)} assets open", measured)


@gate(scene_usd, simready_assets)
def scene_opens_in_openusd(scene: Path) -> Verdict:
    """The composed stage opens with every reference resolved and nothing outside the scene."""
    from blueprint_assets.scene.settle import opened_prims

    prims = opened_prims(scene / SCENE, scene)
    return passed(f"{prims} prims", {"prims": prims})


@gate(scene_usd, simready_assets)
def asset_validator_finds_no_error(scene: Path) -> Verdict:
    """omniverse-asset-validator reports no error; its warnings are counted."""
    from blueprint_assets.scene.settle import validate

    findings = validate(scene / SCENE)
    measured = {"errors": len(findings.errors), "warnings": len(findings.warnings)}
    if findings.errors:
        return failed("; ".join(findings.errors[:3]), measured, {"errors": 0})
    return passed(f"0 errors, {len(findings.warnings)} warnings", measured, {"errors": 0})


@gate(scene_usd, simready_assets)
def objects_settle(scene: Path) -> Verdict:
    """In MuJoCo, for two simulated seconds: no object drifts, sinks or starts inside another beyond the limits."""
    from blueprint_assets.scene.affordances import MOVABLE
    from blueprint_assets.scene.settle import settle

    roles = {item.sim_role for item in SimreadyPhysics.read(scene / "assets/simready_physics.json").objects}
    if roles.isdisjoint(MOVABLE):
        return not_applicable(f"all objects are {', '.join(sorted(roles))}, and stay where they are")
    report = settle(scene / SCENE, scene, thresholds.SETTLE_SECONDS)
    wrong = [
        f"{item.object_id} {what} {value * 100:.1f} cm (limit {limit * 100:.1f} cm)"
        for item in report.objects
        for what, value, limit in (
            ("drifted", item.drift_m, thresholds.MAX_DRIFT_M),
            ("sank", item.sink_m, thresholds.MAX_SINK_M),
        )
        if value >= limit
    ]
    if report.initial_penetration_m > thresholds.MAX_OVERLAP_M:
        wrong.append(f"objects start {report.initial_penetration_m * 1000:.1f} mm inside each other")
    measured = {
        "largest_drift_m": max(item.drift_m for item in report.objects),
        "largest_sink_m": max(item.sink_m for item in report.objects),
        "start_overlap_m": report.initial_penetration_m,
        "mujoco_warnings": report.warnings,
    }
    limits = {
        "largest_drift_m": thresholds.MAX_DRIFT_M,
        "largest_sink_m": thresholds.MAX_SINK_M,
        "start_overlap_m": thresholds.MAX_OVERLAP_M,
        "mujoco_warnings": 0,
    }
    if wrong or report.warnings:
        return failed("; ".join(wrong) or f"{report.warnings} MuJoCo warnings", measured, limits)
    return passed(f"{len(report.objects)} objects at rest", measured, limits)


@gate(scene_usd, scene_layout, simready_assets, blocking=False)
def objects_are_where_the_picture_shows_them(scene: Path) -> Verdict:
    """No object fell over or slid when the scene was composed: its place in the USD is its place in the layout."""
    import numpy as np
    from pxr import UsdGeom

    from resources.simulator.usd_stage import open_contained

    layout = SceneLayout.read(scene / "layout/scene_layout_scaled.json")
    stage = open_contained(scene / SCENE, scene)
    moved = {}
    for item in layout.objects:
        prim = stage.GetPrimAtPath(f"/World/Objects/{item.id}")
        if not prim:
            return failed(f"{item.id} of the layout is not in the scene")
        placed = UsdGeom.XformCache().GetLocalToWorldTransform(prim).ExtractTranslation()
        moved[item.id] = float(np.linalg.norm(np.asarray(placed) - item.position))
    worst = max(moved, key=lambda key: moved[key])
    measured: dict[str, Number] = {"largest_move_m": moved[worst], "object": worst}
    limits = {"largest_move_m": thresholds.MAX_MOVED_M}
    fallen = [f"{name} by {way * 100:.0f} cm" for name, way in moved.items() if way >= thresholds.MAX_MOVED_M]
    if fallen:
        return failed(f"could not stand as the picture shows it: {', '.join(fallen)}", measured, limits)
    return passed(f"largest move {moved[worst] * 1000:.1f} mm", measured, limits)


ALL = [
    physics_is_plausible,
    assets_open_in_openusd,
    scene_opens_in_openusd,
    asset_validator_finds_no_error,
    objects_settle,
    objects_are_where_the_picture_shows_them,
]
