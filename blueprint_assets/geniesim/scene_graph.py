"""The scene as a graph: objects and surfaces as nodes, what stands on and beside what as edges. Written and read here."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from blueprint_assets.contracts.scene_graph import NodePose, SceneGraph, SceneGraphEdge, SceneGraphNode
from blueprint_assets.contracts.scene_layout import LayoutObject, SceneLayout
from blueprint_assets.contracts.scene_manifest import SceneManifest
from blueprint_assets.contracts.simready_physics import SimreadyPhysics
from blueprint_assets.contracts.task_config import SuggestedTask
from blueprint_assets.tasks.scene import Surface

SURFACE = "support_surface"
PART_OF = "part_of"
CONTACT_GAP = 0.05
NEIGHBOUR_GAP = 0.15
"""The published scene graph's thresholds: `on` within 5 cm vertically, `adjacent` within 15 cm horizontally, metres."""
SCENE_FILE = "usd/scene.usda"


def build_scene_graph(
    layout: SceneLayout, manifest: SceneManifest, physics: SimreadyPhysics, tasks: tuple[SuggestedTask, ...]
) -> SceneGraph:
    """Nodes in the layout's order, surfaces last. An edge's confidence falls from 1 at no gap to 0 at its threshold."""
    known = {item.id: item for item in manifest.objects}
    facts = {item.id: item for item in physics.objects}
    nodes = []
    for item in layout.objects:
        properties: dict[str, float | str | bool] = {"sim_role": known[item.id].sim_role}
        if item.id in facts:
            fact = facts[item.id]
            properties |= {
                "mass_kg": fact.mass_kg,
                "dynamic_friction": fact.dynamic_friction,
                "material": fact.material,
            }
        nodes.append(
            SceneGraphNode(
                asset_id=item.id,
                semantic=known[item.id].category,
                size=item.size,
                pose=NodePose(position=item.position, orientation=item.rotation_quaternion),
                task_tag=tuple(sorted({task.task_type for task in tasks if task.target_object == item.id})),
                usd_path=facts[item.id].usd if item.id in facts else SCENE_FILE,
                properties=properties,
            )
        )
    for surface in layout.support_surfaces:
        nodes.append(
            SceneGraphNode(
                asset_id=surface.id,
                semantic=SURFACE,
                size=(*surface.size, 0.0),
                pose=NodePose(position=(*surface.center, surface.height), orientation=(1.0, 0.0, 0.0, 0.0)),
                task_tag=(),
                usd_path=SCENE_FILE,
                properties={} if surface.part_of is None else {PART_OF: surface.part_of},
            )
        )
    return SceneGraph(scene_id=layout.scene_id, nodes=tuple(nodes), edges=(*_supports(layout), *_neighbours(layout)))


def graph_surfaces(graph: SceneGraph) -> tuple[Surface, ...]:
    """The support surfaces among the nodes."""
    found = []
    for node in graph.nodes:
        if node.semantic == SURFACE:
            center, half = np.array(node.pose.position[:2]), np.array(node.size[:2]) / 2
            part_of = node.properties.get(PART_OF)
            height = node.pose.position[2]
            found.append(
                Surface(node.asset_id, center - half, center + half, height, str(part_of) if part_of else None)
            )
    return tuple(found)


def graph_supports(graph: SceneGraph) -> dict[str, str]:
    """Object id -> the surface or object it stands on."""
    return {edge.source: edge.target for edge in graph.edges if edge.relation in ("on", "stacked")}


def _supports(layout: SceneLayout) -> list[SceneGraphEdge]:
    tops: Mapping[str, float] = {surface.id: surface.height for surface in layout.support_surfaces}
    objects = {item.id: item for item in layout.objects}
    edges = []
    for item in layout.objects:
        if item.support in tops:
            edges.append(SceneGraphEdge(source=item.id, target=item.support, relation="on", confidence=1.0))
        elif item.support in objects:
            apart = _horizontal_gap(item, objects[item.support])
            confidence = max(0.0, 1.0 - apart / CONTACT_GAP)
            edges.append(SceneGraphEdge(source=item.id, target=item.support, relation="stacked", confidence=confidence))
    return edges


def _neighbours(layout: SceneLayout) -> list[SceneGraphEdge]:
    edges = []
    for index, one in enumerate(layout.objects):
        for other in layout.objects[index + 1 :]:
            apart = _horizontal_gap(one, other)
            if apart < NEIGHBOUR_GAP and one.support == other.support:
                confidence = round(1.0 - apart / NEIGHBOUR_GAP, 6)
                edge = SceneGraphEdge(source=one.id, target=other.id, relation="adjacent", confidence=confidence)
                edges.append(edge)
    return edges


def _horizontal_gap(one: LayoutObject, other: LayoutObject) -> float:
    """Between the boxes around two objects seen from above, metres; 0 when they overlap."""
    apart = np.abs(np.subtract(one.position[:2], other.position[:2])) - np.add(one.size[:2], other.size[:2]) / 2
    return float(np.linalg.norm(np.maximum(apart, 0.0)))
