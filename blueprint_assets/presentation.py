"""A commit's small metadata as the asset page shows it: figures, the table of objects, a picture.

Markdown shows inline only below 1,000 characters, so a picture is a URL of the read-only preview server that
`blueprint ui` starts, beside the file's path.
"""

from __future__ import annotations

from typing import Any, cast

import dagster as dg

from io_managers.record import CommitRecord

PREVIEW_PORT = 3031
INLINE_MARKDOWN_LIMIT = 1000
"""dagster-webserver 1.13: longer Markdown is hidden behind a button."""


def preview_url(scene_id: str, path: str, version: str, folder: str = "scenes") -> str:
    """Where the preview server shows a file of a scene (or, in the folder `releases`, of a release); the version keeps
    browsers from showing an old one."""
    return f"http://127.0.0.1:{PREVIEW_PORT}/{folder}/{scene_id}/{path}?v={version[:12]}"


def present(root: str, record: CommitRecord) -> dict[str, Any]:
    """Dagster metadata of a commit (the IO manager adds its id, size and time).

    In `record.metadata`, `preview` is a picture's path and `table` a list of rows (string to number or string); every
    other entry is a figure or a text.
    """
    shown: dict[str, Any] = {}
    for key, value in record.metadata.items():
        if key == "preview":
            url = preview_url(record.scene_id, str(value), record.commit_id)
            shown["preview"] = dg.MetadataValue.md(f"![preview]({url})")
            shown["preview_file"] = dg.MetadataValue.path(f"{root}/scenes/{record.scene_id}/{value}")
        elif key == "table":
            shown["objects"] = dg.MetadataValue.table([dg.TableRecord(row) for row in cast("list[Any]", value)])
        else:
            shown[key] = value
    return shown
