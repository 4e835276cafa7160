"""`geniesim/scene_graph.json`: objects as nodes, support and neighbourhood as edges.

Relation thresholds: contact within 5 cm vertically, `adjacent` within 15 cm horizontally (the published scene graph's).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Document, Quaternion, SceneId, Vector3


class NodePose(Document):
    """World frame: `position` in metres, `orientation` (w, x, y, z)."""

    position: Vector3
    orientation: Quaternion


class SceneGraphNode(Document):
    """`size`: world-aligned extents in metres; `usd_path` relative to the scene."""

    asset_id: str
    semantic: str
    size: Vector3
    pose: NodePose
    task_tag: tuple[str, ...]
    usd_path: str
    properties: dict[str, float | str | bool] = {}


class SceneGraphEdge(Document):
    source: str
    target: str
    relation: Literal["on", "in", "adjacent", "aligned", "stacked"]
    confidence: float = Field(ge=0, le=1)


class SceneGraph(Document):
    scene_id: SceneId
    coordinate_system: Literal["z_up"] = "z_up"
    meters_per_unit: float = Field(default=1.0, ge=1.0, le=1.0)
    nodes: tuple[SceneGraphNode, ...] = Field(min_length=1)
    edges: tuple[SceneGraphEdge, ...]
