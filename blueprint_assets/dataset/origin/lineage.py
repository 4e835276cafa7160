"""The way back from an episode through the store: which commits it was made from, and whether their files are still what
was committed. The store keeps current commits only; where one was replaced since, that is said.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.encoded_episode import EncodedEpisode
from blueprint_assets.contracts.geniesim_local import Episode
from blueprint_assets.contracts.scene_layout import ScaleReport
from blueprint_assets.contracts.scene_manifest import SceneManifest
from blueprint_assets.contracts.simready_physics import SimreadyPhysics
from blueprint_assets.contracts.source import Intake, Source
from blueprint_assets.contracts.task_config import TaskConfig
from io_managers.errors import CorruptArtifactError, StoreError
from io_managers.record import CommitRecord, CommittedFile
from io_managers.store import SceneStore

State = Literal["", "ok", "changed", "missing", "superseded", "re-encoded", "not here"]
WRONG: tuple[State, ...] = ("changed", "missing", "superseded")
"""States that say that something is no longer what the episode was made from."""


@dataclass(frozen=True)
class Node:
    """One line of the way back. `state` is empty for what is only told; `remark` says what is wrong, or not known.
    `kind`: an episode, what was measured on it, an asset of the store, a file of it, or what its documents tell.

    `re-encoded`: pictures that another tool encoded again. `superseded`: made from a commit that is no longer kept.
    `not here`: nothing to compare with at hand.
    """

    name: str
    state: State = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    remark: str = ""
    children: tuple[Node, ...] = ()
    kind: Literal["episode", "measured", "asset", "file", "told"] = "told"

    def walk(self) -> Iterator[Node]:
        """This node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def to_json(self) -> dict[str, Any]:
        """The tree as plain values."""
        below = [child.to_json() for child in self.children]
        return {
            "kind": self.kind,
            "name": self.name,
            "state": self.state,
            "facts": dict(self.facts),
            "remark": self.remark,
            "from": below,
        }


class Lineage:
    """What the store knows about the origin of one episode."""

    def __init__(self, store: SceneStore, document: EncodedEpisode) -> None:
        self._store = store
        self._document = document
        self._scene_id = str(document.provenance.get("scene_id", ""))

    def node(self, first: str, commits: Mapping[str, str] | None = None) -> Node:
        """The tree from the asset `first` up to the photograph; `commits`: asset -> the commit that the episode is known to
        come from. Every asset stands once, below the last of those that were made from it.
        """
        named = {first: set[str]()} | {asset: {commit_id} for asset, commit_id in (commits or {}).items()}
        records: dict[str, CommitRecord | Node] = {}
        users: dict[str, set[str]] = {first: set()}
        waiting = [first]
        while waiting:
            asset = waiting.pop()
            if asset not in records:
                records[asset] = found = self._current(asset)
                for name, read in found.inputs.items() if isinstance(found, CommitRecord) else ():
                    named.setdefault(name, set()).add(read)
                    users.setdefault(name, set()).add(asset)
                    waiting.append(name)
        below: dict[str, list[str]] = {}
        for asset in records:
            if users[asset]:
                below.setdefault(max(users[asset], key=lambda user: (_depth(user, users), user)), []).append(asset)

        def build(asset: str) -> Node:
            made_from = tuple(build(name) for name in sorted(below.get(asset, ())))
            record = records[asset]
            if isinstance(record, Node):
                return record
            node = self._asset_node(record, named[asset])
            return replace(node, children=(*node.children, *made_from))

        return build(first)

    def _current(self, asset: str) -> CommitRecord | Node:
        try:
            record = self._store.current(self._scene_id, asset)
        except CorruptArtifactError as error:
            return Node(asset, "changed", remark=str(error), kind="asset")
        where = f"{self._store.root} has no commit of it for scene {self._scene_id}"
        return record if record is not None else Node(asset, "missing", remark=where, kind="asset")

    def _asset_node(self, record: CommitRecord, named: set[str]) -> Node:
        facts = {
            "commit": record.commit_id,
            "code version": record.code_version,
            "backend": record.backend,
            "tools": " ".join(f"{name} {version}" for name, version in record.tool_versions.items()),
            "made": record.started_at,
        }
        if record.inputs:
            facts["from"] = ", ".join(record.inputs)
        if record.config:
            facts["config"] = json.dumps(record.config)
        if record.seeds:
            facts["seeds"] = json.dumps(record.seeds)
        files = [self._file_node(record, file) for file in record.files if self._concerns(record.asset, file.path)]
        children = (*self._told(record), *files)
        other = sorted(named - {record.commit_id})
        if not other:
            return Node(record.asset, "ok" if named else "", facts, "", children, "asset")
        return Node(
            record.asset,
            "superseded",
            facts,
            f"made from commit {', '.join(other)}, which was replaced since: the store keeps current commits only, and what "
            "follows is about the current one",
            children,
            "asset",
        )

    def _concerns(self, asset: str, path: str) -> bool:
        """Whether a file has to do with this episode, and not only with others of its scene."""
        parts = path.split("/")
        if asset == "episodes" and "units" in parts:
            return self._document.episode_uuid in parts
        if asset == "geniesim_job" and "recordings" in parts:
            return parts[-1].split(".")[0] == self._document.provenance.get("episode_id")
        return True

    def _file_node(self, record: CommitRecord, file: CommittedFile) -> Node:
        facts = {"sha256": file.sha256, "bytes": str(file.size)}
        problems = self._store.problems(record, file)
        if problems:
            gone = all(problem.kind.endswith("missing") for problem in problems)
            said = "; ".join(f"{problem.kind}: {problem.detail}" for problem in problems)
            return Node(file.path, "missing" if gone else "changed", facts, said, kind="file")
        return self._against_episode(record, file, Node(file.path, "ok", facts, kind="file"))

    def _against_episode(self, record: CommitRecord, file: CommittedFile, node: Node) -> Node:
        """Compares a sound file with what the episode itself says about where it comes from."""
        told = self._document.provenance
        if file.path == "usd/scene.usda" and file.sha256 != (expected := str(told.get("scene_sha256"))):
            said = f"expected {expected}, in which the episode was recorded, found {file.sha256}"
            return replace(node, state="changed", remark=said)
        if file.path.endswith(".states.npz"):
            found, expected = self._state_hash(record, file.path), str(told.get("state_hash"))
            node = replace(node, facts={**node.facts, "state hash": found})
            if found != expected:
                return replace(node, state="changed", remark=f"state hash: expected {expected}, found {found}")
        if file.path.endswith(f"recordings/{told.get('episode_id')}.json"):
            uuid = self._read(record, file.path, Episode).episode_uuid
            if uuid != self._document.episode_uuid:
                return replace(node, state="changed", remark=f"holds episode {uuid}, not {self._document.episode_uuid}")
        return node

    def _state_hash(self, record: CommitRecord, path: str) -> str:
        from resources.simulator.recording import STATE_ARRAYS, load_states
        from resources.simulator.world import state_hash

        with tempfile.TemporaryDirectory(prefix="blueprint-trace-") as folder:
            copy = Path(folder) / "states.npz"
            copy.write_bytes(self._store.read(record, path))
            arrays = load_states(copy)
        return state_hash([arrays[name] for name in STATE_ARRAYS])

    # What the documents of an asset say, for people

    def _told(self, record: CommitRecord) -> Iterable[Node]:
        tell = {
            "source": self._input,
            "scene_manifest": self._things,
            "scene_layout": self._scale,
            "simready_assets": self._materials,
            "geniesim_export": self._task,
        }.get(record.asset)
        try:
            return tuple(tell(record)) if tell else ()
        except (StoreError, ContractError, json.JSONDecodeError):
            return ()  # the file's own line says what is wrong with it; or the commit has no such file

    def _input(self, record: CommitRecord) -> Iterator[Node]:
        source = self._read(record, "input/source.json", Source)
        facts = {"sha256": source.original_sha256}
        if source.mode == "posed_meshes":
            facts |= {"format": source.format or "", "files": str(len(source.files))}
        else:
            original = record.file(source.original or source.image or "")
            facts = {"sha256": original.sha256, "bytes": str(original.size)}
        if source.image is not None:
            facts["pixels"] = f"{source.width}x{source.height}"
        facts["received"] = source.received_at
        kind = {"image": "photo", "text": "text request", "posed_meshes": "reconstruction"}[source.mode]
        name = self._received_as(source)
        yield Node(
            f"{kind} {name or source.original}", "", facts, "" if name else "under which name it came is not kept"
        )

    def _received_as(self, source: Source) -> str:
        """The own name of the file or folder, if the store's register still knows about this content."""
        path = Path(self._store.root) / "intake" / f"{self._scene_id}.json"
        if not path.is_file():
            return ""
        try:
            intake, _ = Intake.read_foreign(path)
        except ContractError:
            return ""
        return (intake.uri or "typed words").rsplit("/", 1)[-1] if intake.identity == source.identity else ""

    def _things(self, record: CommitRecord) -> Iterator[Node]:
        for thing in self._read(record, "assets/scene_manifest.json", SceneManifest).objects:
            mesh = record.file(thing.asset.path)
            facts = {"name": thing.name, "mesh": mesh.path, "mesh sha256": mesh.sha256, "made by": thing.asset.source}
            yield Node(self._called(thing.id), "", facts)

    def _scale(self, record: CommitRecord) -> Iterator[Node]:
        report = self._read(record, "layout/scale_report.json", ScaleReport)
        facts = {"metres per unit": f"{report.factor:.6g}", "evidence": report.evidence}
        facts["confidence"] = f"{report.confidence:g}"
        yield Node(
            "scale", "", facts | {f"vote {vote.name}": f"{vote.factor:.4g} ({vote.evidence})" for vote in report.votes}
        )

    def _materials(self, record: CommitRecord) -> Iterator[Node]:
        for thing in self._read(record, "assets/simready_physics.json", SimreadyPhysics).objects:
            yield Node(
                self._called(thing.id),
                "",
                {
                    "material": f"{thing.material} ({thing.material_evidence})",
                    "density": f"{thing.density:g} kg/m3 x fill {thing.fill:g}",
                    "mass": f"{thing.mass_kg:.4g} kg ({thing.mass_evidence})",
                    "friction": f"{thing.static_friction:g}, moving {thing.dynamic_friction:g} ({thing.friction_evidence})",
                    "source": thing.source,
                },
            )

    def _task(self, record: CommitRecord) -> Iterator[Node]:
        for task in self._read(record, "geniesim/task_config.json", TaskConfig).suggested_tasks:
            if task.task_id == self._document.provenance.get("task_id"):
                facts = {"name": task.task_name, "type": task.task_type, "target": task.target_object}
                yield Node(f"task {task.task_id}", "", facts)

    def _called(self, object_id: str) -> str:
        return f"object {object_id}" + (
            ", the target" if object_id == self._document.provenance.get("target_object") else ""
        )

    def _read(self, record: CommitRecord, path: str, document: type[Any]) -> Any:
        return document.parse(json.loads(self._store.read(record, path)), f"{record.asset}/{path}")


def _depth(asset: str, users: Mapping[str, set[str]]) -> int:
    """The longest way from the first asset to this one."""
    return 1 + max((_depth(user, users) for user in users[asset]), default=0)
