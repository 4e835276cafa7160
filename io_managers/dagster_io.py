"""The scene store inside Dagster: what travels between assets is a reference to a committed artifact.

An asset's body commits through the store and returns the ArtifactRef. The IO manager only checks that the reference is
true, and hands the next asset a reference to what is current.
"""

import dagster as dg

from resources.storage import store_root

from .errors import NotCommittedError, StoreError
from .record import ArtifactRef, CommitRecord
from .store import SceneStore


class SceneStoreResource(dg.ConfigurableResource[SceneStore]):
    """Where the scenes are kept: `root`, or, where that is empty, what the environment names at the time."""

    root: str = ""

    def open(self) -> SceneStore:
        """The store; each opening removes what dead processes left."""
        return SceneStore(self.root or store_root())


class SceneStoreIOManager(dg.ConfigurableIOManager):
    """Passes ArtifactRefs along. The partition key is the scene id, the asset's key is its name in the store."""

    store: dg.ResourceDependency[SceneStoreResource]

    def handle_output(self, context: dg.OutputContext, obj: ArtifactRef) -> None:
        """Checks that `obj` is this asset's current commit for this scene, and notes its size on the asset's page.

        Raises:
            StoreError: it is something else, or of another asset, scene or store.
            NotCommittedError: it is not current.
        """
        asset = _name(context.asset_key)
        if not isinstance(obj, ArtifactRef):
            raise StoreError(f"{asset}: returned {type(obj).__name__}; commit the files and return store.ref(record)")
        store = self.store.open()
        scene_id = context.asset_partition_key if context.has_asset_partitions else obj.scene_id
        if (obj.root, obj.scene_id, obj.asset) != (store.root, scene_id, asset):
            raise StoreError(
                f"{asset} of scene {scene_id} in {store.root}: returned a reference to {obj.asset} of scene "
                f"{obj.scene_id} in {obj.root}; return the reference of its own commit"
            )
        record = store.resolve(obj)
        context.add_output_metadata(
            {
                "commit": record.commit_id,
                "files": len(record.files),
                "bytes": record.total_bytes,
                "seconds": record.seconds,
                "backend": record.backend,
                "dagster/uri": store.url(record.scene_id),
            }
        )

    def load_input(self, context: dg.InputContext) -> ArtifactRef | dict[str, ArtifactRef]:
        """The upstream's current commit for the partition; a dict by scene for an asset that reads many.

        Raises:
            NotCommittedError: the upstream was never committed for a scene.
            StoreError: the upstream has no scenes.
        """
        asset = _name(context.asset_key)
        if not context.has_asset_partitions:
            raise StoreError(f"{asset}: is not partitioned by scene; open the store and read its commit instead")
        store = self.store.open()
        scenes = list(context.asset_partition_keys)
        refs = {scene_id: store.ref(_current(store, scene_id, asset)) for scene_id in scenes}
        return refs[scenes[0]] if context.has_partition_key and len(scenes) == 1 else refs


def _current(store: SceneStore, scene_id: str, asset: str) -> CommitRecord:
    record = store.current(scene_id, asset)
    if record is None:
        raise NotCommittedError(
            f"{asset} of scene {scene_id}: nothing is committed in {store.root}; materialize it for this scene first"
        )
    return record


def _name(key: dg.AssetKey) -> str:
    return "__".join(key.path)
