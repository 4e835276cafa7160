"""The backends that a configuration chooses."""

from __future__ import annotations

from pathlib import Path

import pytest

from blueprint_assets.backends import Reconstruction
from resources.reconstruction.regen3d.checkout import ContainerCheckout, LocalCheckout, Regen3dRunError, RemoteCheckout
from resources.reconstruction.regen3d.config import Regen3dConfigError
from resources.reconstruction.regen3d.runner import Regen3dRunner


def chosen(**settings: object) -> Regen3dRunner:
    backend = Reconstruction(backend="regen3d", **settings).open()  # type: ignore[arg-type]
    assert isinstance(backend, Regen3dRunner)
    return backend


def test_the_embedded_one_is_the_default_and_depends_on_nothing_else() -> None:
    assert Reconstruction().open().backend == "embedded"
    assert Reconstruction().settings() == {}


def test_3d_re_gen_runs_here_in_a_container_or_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text("")
    here = chosen(checkout=str(tmp_path))
    assert type(here.checkout) is LocalCheckout
    assert here.settings.gemini
    boxed = chosen(checkout=str(tmp_path), image="regen:1", labels=["mug"], gemini=False)
    assert isinstance(boxed.checkout, ContainerCheckout)
    assert (boxed.checkout.image, boxed.settings.labels, boxed.settings.gemini) == ("regen:1", ("mug",), False)
    far = chosen(checkout="/srv/3D-RE-GEN", host="gpu-1")
    assert isinstance(far.checkout, RemoteCheckout)
    assert (far.checkout.host, far.checkout.root) == ("gpu-1", "/srv/3D-RE-GEN")


def test_settings_that_cannot_work_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Regen3dRunError, match=r"no run\.py"):
        chosen(checkout=str(tmp_path))
    (tmp_path / "run.py").write_text("")
    with pytest.raises(Regen3dConfigError, match="never places"):
        chosen(checkout=str(tmp_path), labels=["wallet"])
