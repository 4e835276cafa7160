"""A read-only web server for a store's pictures and reports, so that asset pages can show them. Loopback only."""

from __future__ import annotations

import threading
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

SHOWN = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".mp4": "video/mp4",
    ".json": "application/json",
}
FOLDERS = ("scenes", "releases")


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args: object, root: Path) -> None:
        self.root = root.resolve()
        super().__init__(*args, directory=str(root))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self._allowed():
            super().do_GET()

    def do_HEAD(self) -> None:
        if self._allowed():
            super().do_HEAD()

    def _allowed(self) -> bool:
        """Only known kinds of files, only of scenes and releases, no listings, nothing reached through a link."""
        relative = unquote(urlsplit(self.path).path).lstrip("/")
        target = (self.root / relative).resolve()
        inside = any(target.is_relative_to(self.root / folder) for folder in FOLDERS)
        allowed = inside and target.suffix.lower() in SHOWN and target.is_file()
        if not allowed:
            self.send_error(HTTPStatus.NOT_FOUND)
        return allowed

    def guess_type(self, path: object) -> str:
        return SHOWN[Path(str(path)).suffix.lower()]

    def log_message(self, format: str, *args: object) -> None:
        """A preview that was looked at is not worth a line."""


class PreviewServer:
    """Serves while it exists. `port` 0 takes a free one; `url` says which.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, root: Path, port: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, root=root))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
