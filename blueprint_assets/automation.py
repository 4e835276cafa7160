"""A picture or a text request that is dropped into the inbox becomes a scene, and the scene goes on to its dataset by itself.

The sensor only registers: it adds the partition and writes the intake. What is made when is said by the assets'
automation conditions, so that nothing is requested twice.
"""

import json
from typing import Any

import dagster as dg

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.partitions import scene_id_of, scenes
from blueprint_assets.stage1.intake import (
    IMAGE_SUFFIXES,
    LICENSE_SUFFIX,
    IntakeError,
    free_scene_id,
    read_license,
    register,
    register_variants,
)
from blueprint_assets.stage1.text import REQUEST_SUFFIXES, RequestError
from resources.storage import store_root

MASK_SUFFIX = "_mask.png"
"""`photo.jpg` may come with its instance mask, `photo_mask.png`."""
LICENSED = " license "
"""In a picture's stamp, before that of its `.license` file."""


@dg.sensor(
    name="photo_inbox",
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    asset_selection=dg.AssetSelection.assets("source"),
    description="Registers new pictures and text requests of the inbox as scenes.",
)
def photo_inbox(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Registers each new or changed picture or request once; the cursor remembers name, size and time of what was seen.

    A request that cannot be used is looked at again when its file changes: it would be refused the same way.
    """
    root = store_root()
    seen: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
    listing = list_inbox(f"{root.rstrip('/')}/inbox")
    fresh = {uri: stamp for uri, stamp in listing.items() if seen.get(uri) != stamp and not uri.endswith(MASK_SUFFIX)}
    if not fresh:
        return dg.SkipReason(f"no new picture and no new request in {root}/inbox")
    added = []
    for uri in sorted(fresh):
        try:
            added += _register(root, uri, listing)
        except (ContractError, RequestError) as error:
            context.log.error(f"{uri}: not registered: {error}")
        except (IntakeError, OSError) as error:
            context.log.error(f"{uri}: not registered: {error}")
            listing.pop(uri)  # looked at again at the next tick
    return dg.SensorResult(
        dynamic_partitions_requests=[scenes.build_add_request(sorted(set(added)))] if added else [],
        cursor=json.dumps(listing, sort_keys=True),
    )


def _register(root: str, uri: str, listing: dict[str, str]) -> list[str]:
    """Registers a picture or request under its name, or under its name and content when the name is taken by another one;
    returns the scenes, one for each variant."""
    license, attribution = read_license(uri + LICENSE_SUFFIX) if LICENSED in listing[uri] else (None, None)
    if uri.lower().endswith(REQUEST_SUFFIXES):
        return register_variants(root, uri, scene_id_of(uri), license, attribution)
    mask = uri.rsplit(".", 1)[0] + MASK_SUFFIX
    scene_id = free_scene_id(root, scene_id_of(uri), uri)
    register(root, scene_id, uri, mask if mask in listing else None, license, attribution)
    return [scene_id]


def list_inbox(uri: str) -> dict[str, str]:
    """Pictures and requests below a folder or prefix: uri -> a stamp that changes when the file, or the `.license` file beside
    it, does. A folder that is not there is empty."""
    import fsspec

    filesystem, path = fsspec.core.url_to_fs(uri)
    if not filesystem.exists(path):
        return {}
    found = filesystem.find(path, detail=True)
    listed = {}
    for name, info in sorted(found.items()):
        if name.lower().endswith((*IMAGE_SUFFIXES, *REQUEST_SUFFIXES)):
            license = found.get(name + LICENSE_SUFFIX)
            stamp = _stamp(info) + (f"{LICENSED}{_stamp(license)}" if license else "")
            listed[filesystem.unstrip_protocol(name)] = stamp
    return listed


def _stamp(info: dict[str, Any]) -> str:
    changed = info.get("mtime") or info.get("updated") or info.get("created") or ""
    return f"{info.get('size')}@{changed}"


automation_sensor = dg.AutomationConditionSensorDefinition(
    name="carry_scenes_on",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=15,
    description="Makes what a registered scene still lacks, gate by gate.",
)
