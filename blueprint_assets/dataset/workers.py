"""Worker processes that this process owns: started, watched and ended here.

Each worker answers one task at a time over its own pipe. A worker that dies is noticed at once; a worker whose owner
dies reads the end of its pipe and leaves, so nothing is orphaned. (concurrent.futures' workers hold both ends of their
queue and outlive a killed owner.)
"""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TypeVar

from io_managers.errors import StoreBusyError, StoreFullError

Task = TypeVar("Task")
Result = TypeVar("Result")


class WorkerError(RuntimeError):
    """A worker died, or its work raised an error. The message says which task, and how it ended."""


def map_in_workers(
    work: Callable[[Task], Result], tasks: Sequence[Task], workers: int, name: Callable[[Task], str] = str
) -> Iterator[tuple[int, Result]]:
    """Runs `work` over `tasks` in at most `workers` processes; yields (index of the task, result) as they finish.

    `work` and the tasks travel by pickle between our own processes. `name` is what an error calls a task. With `workers`
    0 everything happens in this process, in order, and an error of `work` arrives as it is.

    Raises:
        WorkerError: a worker was killed or crashed, or `work` raised. The other workers are ended.
        OSError, StoreFullError, StoreBusyError: `work` raised one: a full disk is the machine's fault, not the work's.
    """
    if workers == 0:
        yield from ((index, work(task)) for index, task in enumerate(tasks))
        return
    # A fresh interpreter: a fork would carry over OpenGL contexts, threads and locks of this process.
    context = multiprocessing.get_context("spawn")
    waiting = list(range(len(tasks)))[::-1]
    running: dict[Connection, tuple[SpawnProcess, int]] = {}
    processes: list[SpawnProcess] = []
    try:
        for _ in range(min(workers, len(tasks))):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, work), daemon=False)
            process.start()
            theirs.close()
            processes.append(process)
            running[ours] = (process, waiting.pop())
            _send(ours, running[ours][1], tasks, process, name)
        while running:
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                process, index = running[ready]
                try:
                    result, error = ready.recv()
                except (EOFError, ConnectionResetError):
                    process.join(timeout=10)
                    raise WorkerError(
                        f"the worker process died while it worked on {name(tasks[index])} "
                        f"({_ending(process.exitcode)}); when it was killed for memory, use fewer workers"
                    ) from None
                if isinstance(error, Exception):
                    raise error
                if error is not None:
                    raise WorkerError(f"{name(tasks[index])}: {error}")
                yield index, result
                if waiting:
                    running[ready] = (process, waiting.pop())
                    _send(ready, running[ready][1], tasks, process, name)
                else:
                    del running[ready]
                    ready.close()
    finally:
        for connection in running:
            connection.close()
        for process in processes:
            process.join(timeout=0 if running else 10)
            if process.is_alive():
                process.terminate()
                process.join(timeout=10)
            if process.is_alive():
                process.kill()
                process.join()


def _send(
    to: Connection, index: int, tasks: Sequence[Task], process: SpawnProcess, name: Callable[[Task], str]
) -> None:
    try:
        to.send(tasks[index])
    except (BrokenPipeError, ConnectionResetError):
        process.join(timeout=10)
        raise WorkerError(
            f"the worker process for {name(tasks[index])} is gone ({_ending(process.exitcode)}); when it was killed for memory, "
            "use fewer workers"
        ) from None


def _ending(code: int | None) -> str:
    if code is None:
        return "not ended yet"
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _serve(connection: Connection, work: Callable[[Task], Result]) -> None:
    # Ctrl-C reaches every process of the terminal; the owner decides what happens to its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            answer: tuple[Result | None, str | Exception | None] = (work(task), None)
        except (StoreFullError, StoreBusyError) as error:
            answer = (None, error)
        except OSError as error:  # rebuilt, because a library's own kind of it may not travel
            answer = (None, OSError(error.errno, error.strerror or str(error), error.filename))
        except Exception:  # whatever it is, the owner raises it again with this traceback
            answer = (None, traceback.format_exc())
        connection.send(answer)
