"""Loaded networks, one of each per process, with settings that keep results the same from run to run."""

from __future__ import annotations

import os
from functools import cache as remembered
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resources.vision.weights import WeightsError, require

THREADS = min(2, os.cpu_count() or 1)
_loading = Lock()


def run_onnx(model: str, file: str, inputs: dict[str, NDArray[Any]], cache: Path | None = None) -> list[NDArray[Any]]:
    """All outputs of an ONNX model for `inputs`.

    Raises:
        WeightsError: the weights are not there or damaged, or onnxruntime is not installed.
    """
    with _loading:
        session = _onnx(require(model, cache) / file)
    outputs: list[NDArray[Any]] = session.run(None, inputs)
    return outputs


@remembered
def _onnx(path: Path) -> Any:
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise WeightsError("onnxruntime is not installed; pip install onnxruntime") from error
    options = ort.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    # The arena keeps its buffers (0.1 GB: every input has one size); without it a third of the time goes into fetching pages.
    options.enable_cpu_mem_arena = True
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")  # weights outside of it
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads sleep
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def pixels(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture itself, if it is one.

    Raises:
        ValueError: not (height, width, 3) of uint8, or empty.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise ValueError(
            f"rgb has shape {rgb.shape} and type {rgb.dtype}; wanted (height, width, 3) of uint8, not empty"
        )
    return rgb
