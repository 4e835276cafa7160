from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueprint_assets.commands.preview_server import PreviewServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PreviewServer]:
    (tmp_path / "scenes" / "a").mkdir(parents=True)
    (tmp_path / "scenes" / "a" / "preview.png").write_bytes(b"png bytes")
    (tmp_path / "scenes" / "a" / "notes.txt").write_text("private")
    (tmp_path / "releases" / "v1").mkdir(parents=True)
    (tmp_path / "releases" / "v1" / "scenes.png").write_bytes(b"all scenes")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "scenes" / "a" / "link.png").symlink_to(tmp_path / "secret.png")
    running = PreviewServer(tmp_path, 0)
    yield running
    running.close()


def test_a_picture_is_served(server: PreviewServer) -> None:
    for path, content in (("scenes/a/preview.png", b"png bytes"), ("releases/v1/scenes.png", b"all scenes")):
        with urllib.request.urlopen(f"{server.url}/{path}?v=1") as answer:
            assert answer.read() == content
            assert answer.headers["Content-Type"] == "image/png"


@pytest.mark.parametrize(
    "path",
    ["/", "/scenes/", "/scenes/a", "/secret.png", "/scenes/../secret.png", "/scenes/%2e%2e/secret.png", "/scenes/a/link.png",
     "/releases/", "/releases/../secret.png", "/scenes/a/notes.txt", "/scenes/a/none.png"],
)  # fmt: skip
def test_nothing_else_is(server: PreviewServer, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(server.url + path)
    assert refused.value.code == 404


def test_nothing_can_be_written(server: PreviewServer) -> None:
    request = urllib.request.Request(f"{server.url}/scenes/a/preview.png", data=b"x", method="PUT")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 501
