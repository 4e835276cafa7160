"""`--json`: one JSON object on standard output and nothing else, however the command ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

INTERRUPTED = "interrupted; what was committed stays"


@contextmanager
def one_object(
    wanted: bool, refused: Callable[[str], dict[str, Any]] = lambda reason: {"error": reason}
) -> Iterator[None]:
    """What is printed in the block goes to standard error; if the block is refused or interrupted, `refused` makes the object
    that says why. The caller prints the object of success after the block. Does nothing unless `wanted`.
    """
    if not wanted:
        yield
        return
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (ValueError, RuntimeError, OSError, KeyboardInterrupt) as error:
        print(json.dumps(refused(str(error) or INTERRUPTED)), flush=True)
        raise
