"""Where a 3D-RE-GEN checkout is: on this machine, run as a command or in a container, or on another machine behind ssh.

A checkout has one configuration file, one `output` and one `tmp` folder, so one job at a time holds it.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol

from .tree import CONFIG, PLACED, PROCESSED

LOCK = ".blueprint.lock"
COLLECTED = ("output", PROCESSED, CONFIG)
"""What is copied out of a checkout after a run: its tree, the picture that its pixel numbers refer to, and the settings."""
SECRETS = ("GOOGLE_API_KEY",)
GRACE_S = 20.0
"""Between asking a process group to end and ending it."""


class Regen3dRunError(RuntimeError):
    """3D-RE-GEN could not be run, or left no whole result. The message names the step, the file or the log."""


class Checkout(Protocol):
    """A place with 3D-RE-GEN in it. Names are relative to it."""

    def hold(self) -> AbstractContextManager[None]:
        """Keeps other jobs out while a `with` block runs.

        Raises:
            Regen3dRunError: another job holds it.
        """
        ...

    def read(self, name: str) -> str:
        """A text file."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Writes a file, making the folders on the way."""
        ...

    def clear(self, names: Sequence[str]) -> None:
        """Removes files and folders, so that nothing of an earlier run can be taken for this one's."""
        ...

    def set_aside(self) -> None:
        """Moves an `output` with placed objects in it to `output.earlier-1`, -2, …: it was not collected, so it is somebody's."""
        ...

    def run(self, arguments: Sequence[str], log: Path, seconds: float) -> int:
        """Runs 3D-RE-GEN's `run.py` with `arguments`, its output into `log`; the exit code, which means nothing.

        Raises:
            Regen3dRunError: it cannot be started, or takes longer than `seconds`; it and its children are ended.
        """
        ...

    def collect(self, into: Path) -> None:
        """Copies what `COLLECTED` names into the folder `into`; what is not there is left out."""
        ...

    def commit(self) -> str | None:
        """The git commit of the checkout; None where it has none."""
        ...


@dataclass
class LocalCheckout:
    """A checkout on this machine. `command` starts its Python; the default is what its installation guide makes."""

    root: Path
    command: tuple[str, ...] = ("mamba", "run", "-p", "./venv_py310", "python")

    def __post_init__(self) -> None:
        if not (self.root / "run.py").is_file():
            raise Regen3dRunError(f"{self.root}: no run.py; give the folder of a 3D-RE-GEN checkout")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """See `Checkout`. The lock is the kernel's: it ends with the process that holds it."""
        descriptor = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Regen3dRunError(
                    f"{self.root}: another job runs there; wait for it, or use one checkout per job"
                ) from None
            yield
        finally:
            os.close(descriptor)

    def read(self, name: str) -> str:
        """See `Checkout`."""
        return (self.root / name).read_text(encoding="utf-8")

    def write(self, name: str, data: bytes) -> None:
        """See `Checkout`."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def clear(self, names: Sequence[str]) -> None:
        """See `Checkout`."""
        for name in names:
            path = self.root / name
            if path.is_symlink() or path.is_file():
                path.unlink()
            elif path.is_dir():
                shutil.rmtree(path)

    def set_aside(self) -> None:
        """See `Checkout`."""
        if not any((self.root / PLACED).glob("*.glb")):
            return
        number = next(n for n in count(1) if not (self.root / f"output.earlier-{n}").exists())
        (self.root / "output").rename(self.root / f"output.earlier-{number}")

    def run(self, arguments: Sequence[str], log: Path, seconds: float) -> int:
        """See `Checkout`."""
        return run_logged([*self.command, "run.py", *arguments], log, seconds, cwd=self.root)

    def collect(self, into: Path) -> None:
        """See `Checkout`. Links are not followed: what they lead to is not the checkout's."""
        for name in COLLECTED:
            source, target = self.root / name, into / name
            if source.is_dir() and not source.is_symlink():
                shutil.copytree(source, target, symlinks=True)
            elif source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)

    def commit(self) -> str | None:
        """See `Checkout`."""
        if not (self.root / ".git").exists():
            return None
        command = ["git", "-C", str(self.root), "rev-parse", "HEAD"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None  # no git here: nobody can say
        return done.stdout.strip() if done.returncode == 0 else None


@dataclass
class ContainerCheckout(LocalCheckout):
    """A checkout on this machine whose Python and models are in a container image; the checkout is mounted into it.

    `name` is the container's, by which it is ended when it takes too long.
    """

    image: str = ""
    engine: str = "docker"
    name: str = "blueprint-regen3d"
    command: tuple[str, ...] = ("python",)
    options: tuple[str, ...] = ("--gpus", "all")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.image:
            raise Regen3dRunError("image: the name of a container image with 3D-RE-GEN's environment")

    def run(self, arguments: Sequence[str], log: Path, seconds: float) -> int:
        """See `Checkout`. Secrets go in by name, never on the command line."""
        root = str(self.root.resolve())
        secrets = [part for secret in SECRETS for part in ("-e", secret)]
        command = [self.engine, "run", "--rm", "--name", self.name, *self.options, *secrets]
        command += ["-v", f"{root}:/3d-re-gen", "-w", "/3d-re-gen", self.image, *self.command, "run.py", *arguments]
        try:
            return run_logged(command, log, seconds, cwd=self.root)
        except Regen3dRunError:
            # Ending the client leaves the container running.
            subprocess.run([self.engine, "kill", self.name], capture_output=True, timeout=60, check=False)
            raise


@dataclass
class RemoteCheckout:
    """A checkout on another machine. `root` is its path there; `ssh` reaches the host without a question.

    Its secrets are that machine's own: nothing of ours is sent.
    """

    host: str
    root: str
    command: tuple[str, ...] = ("mamba", "run", "-p", "./venv_py310", "python")
    ssh: tuple[str, ...] = ("ssh", "-o", "BatchMode=yes")

    def __post_init__(self) -> None:
        if self.host.startswith("-") or not self.host:
            raise Regen3dRunError(f"host {self.host!r}: a name, an address or user@name")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """See `Checkout`. The lock is a folder on the other machine; a machine that died holding it needs it removed."""
        lock = f"{self.root}/{LOCK}"
        if self._there(f"mkdir {shlex.quote(lock)}", check=False).returncode != 0:
            raise Regen3dRunError(f"{self.host}:{lock} exists: another job runs there; remove it if none does")
        try:
            yield
        finally:
            self._there(f"rmdir {shlex.quote(lock)}")

    def read(self, name: str) -> str:
        """See `Checkout`."""
        return self._there(f"cat {self._path(name)}").stdout.decode("utf-8")

    def write(self, name: str, data: bytes) -> None:
        """See `Checkout`."""
        folder = shlex.quote(f"{self.root}/{name}".rpartition("/")[0])
        self._there(f"mkdir -p {folder} && cat > {self._path(name)}", data)

    def clear(self, names: Sequence[str]) -> None:
        """See `Checkout`."""
        self._there("rm -rf -- " + " ".join(self._path(name) for name in names))

    def set_aside(self) -> None:
        """See `Checkout`."""
        self._there(
            f"cd {shlex.quote(self.root)} && if ls {PLACED}/*.glb >/dev/null 2>&1; then n=1; "
            "while [ -e output.earlier-$n ]; do n=$((n+1)); done; mv output output.earlier-$n; fi"
        )

    def run(self, arguments: Sequence[str], log: Path, seconds: float) -> int:
        """See `Checkout`. `timeout` on the other machine ends it there; ours is the longer one."""
        inner = shlex.join([*self.command, "run.py", *arguments])
        there = f"cd {shlex.quote(self.root)} && timeout -k {GRACE_S:g} {seconds:g} {inner}"
        return run_logged([*self.ssh, self.host, there], log, seconds + 2 * GRACE_S, cwd=Path.cwd())

    def collect(self, into: Path) -> None:
        """See `Checkout`. It comes as a tar stream, unpacked with the filter that refuses links and paths outside."""
        import io
        import tarfile

        listed = " ".join(shlex.quote(name) for name in COLLECTED)
        data = self._there(f"cd {shlex.quote(self.root)} && ls -d {listed} 2>/dev/null | tar -cf - -T -").stdout
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                archive.extractall(into, filter="data")
        except tarfile.TarError as error:
            raise Regen3dRunError(f"{self.host}:{self.root}: its output did not arrive whole: {error}") from error

    def commit(self) -> str | None:
        """See `Checkout`."""
        done = self._there(f"git -C {shlex.quote(self.root)} rev-parse HEAD", check=False)
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def _path(self, name: str) -> str:
        return shlex.quote(f"{self.root}/{name}")

    def _there(
        self, command: str, data: bytes | None = None, *, check: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            done = subprocess.run(
                [*self.ssh, self.host, command], input=data, capture_output=True, timeout=3600, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Regen3dRunError(f"{self.host}: cannot be reached: {error}") from error
        if check and done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise Regen3dRunError(f"{self.host}: {command.split()[0]} failed ({done.returncode}): {said[:400]}")
        return done


def run_logged(command: Sequence[str], log: Path, seconds: float, cwd: Path) -> int:
    """Runs a command with no input and its output in `log`; its exit code.

    Raises:
        Regen3dRunError: it cannot be started, or takes longer than `seconds`: then it and its children have been ended.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=cwd, start_new_session=True
            )
        except OSError as error:
            raise Regen3dRunError(f"{command[0]}: cannot be started: {error}") from error
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Regen3dRunError(f"3D-RE-GEN took longer than {seconds:g} s and was ended; its log: {log}") from None
        finally:
            if process.poll() is None:
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
