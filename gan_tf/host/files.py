"""Files that appear whole or not at all, and the one-line reasons when they cannot."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from gan_tf.host.errors import InputError


@contextlib.contextmanager
def published(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renames what was written there to `path`.

    Works for a file and for a new directory. A reader sees the old content or the
    new, never a part; after an error the old content stays and nothing is left over.
    """
    with temporary_beside(path) as temporary:
        yield temporary
        publish(temporary, path)


@contextlib.contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Yields a temporary path, for `publish`; removes what is still there at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The leading dot hides it from directory listings that look for numbered versions.
    name = os.fsdecode(os.fsencode(path.name)[:100])  # A system counts bytes.
    temporary = path.with_name(f".{name}.{secrets.token_hex(4)}.tmp")
    try:
        with naming(path):
            yield temporary
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):  # Its reason is not this one, on a read-only disk.
                temporary.unlink()


def publish(temporary: Path, path: Path) -> None:
    """Renames a temporary file or directory to `path`, once it is on the disk."""
    for file in [temporary] if temporary.is_file() else temporary.rglob("*"):
        if file.is_file():
            _sync(file)
    temporary.replace(path)
    _sync(path.parent)


def is_leftover(path: Path, name: str = ".+") -> bool:
    """Whether a path is what `published` leaves behind when it is killed.

    Args:
      path: the path.
      name: a regular expression of what it was to become.
    """
    return re.fullmatch(rf"\.(?:{name})\.[0-9a-f]{{8}}\.tmp", path.name) is not None


def remove_leftovers(directory: Path, name: str = ".+") -> None:
    """Removes the leftovers in a directory; see `is_leftover`.

    The caller must be the only one that publishes such names there.
    """
    for path in directory.glob(".*.tmp"):
        if not is_leftover(path, name):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path, others: str | None = None) -> Iterator[Callable[[], bool]]:
    """Holds a lock file for this process, once no other does.

    The system lets go of the lock when its process ends, however that ends. It yields a function
    that says whether the lock file is still at its place: where its directory was removed or
    renamed, another process may hold another one there.

    Args:
      path: the lock file; it stays.
      others: what another holder does, to be said while it is waited for; None is not to wait.

    Raises:
      BlockingIOError: another process holds it, and is not waited for.
    """
    import fcntl  # Linux alone has it; elsewhere a command says so before it comes here.

    path.parent.mkdir(parents=True, exist_ok=True)
    with _opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if others is None:
                raise
            print(f"Waiting for another process that {others} ...", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        held = os.fstat(file.fileno())

        def is_held() -> bool:
            try:
                return os.path.samestat(path.stat(), held)
            except OSError:
                return False

        holder = os.getpid()
        try:
            yield is_held
        finally:
            # A process that was forked meanwhile has the file open, too: closing is not enough, and
            # it must not let go of what is not its own.
            if os.getpid() == holder:
                fcntl.flock(file, fcntl.LOCK_UN)


def _opened(path: Path) -> IO[str]:
    """A lock file as it is: a run that has nothing to do writes nothing, and may be read-only."""
    try:
        return path.open("a")
    except OSError:
        if path.exists():
            return path.open()
        raise


def is_locked(path: Path) -> bool:
    """Whether some process holds a lock file; asking does not get in the way of one."""
    try:
        inode, held = path.stat().st_ino, Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return False
    return any(f":{inode} " in line and " FLOCK " in line for line in held.splitlines())


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Within it, a failure to write names `path`, and no temporary file."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # NumPy's, on a full disk, say no more than how much was written.
            raise OSError(errno.EIO, f"could not be written whole ({error})", str(path)) from None
        error.filename, error.filename2 = str(path), None
        raise


@contextlib.contextmanager
def tensorflow_writing(path: Path) -> Iterator[None]:
    """Within it, what TensorFlow cannot write is an OSError that names `path`, as in Python."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        reason = error.message.partition("; ")[2].splitlines() or ["cannot be written"]
        raise OSError(errno.EIO, reason[0].partition(" [Op")[0], str(path)) from None


def write_text(path: Path, text: str) -> None:
    """Publishes UTF-8 text at `path`."""
    with published(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def parse_json(text: str | bytes) -> Any:
    """Returns what JSON text says; ValueError if it is none, or nested deeper than anybody writes.
    A whole number that no float can hold is infinite."""
    try:
        return json.loads(
            text, parse_int=lambda digits: (int if len(digits) < 300 else float)(digits)
        )
    except RecursionError:
        raise ValueError("is nested too deep") from None


def by_step(directory: Path, suffix: str) -> dict[int, Path]:
    """Returns {step: path} of the files `step-N<suffix>` in a directory, the lowest step first."""
    found = {}
    for path in directory.glob(f"step-*{suffix}"):
        if match := re.fullmatch(r"step-(\d{8,9})", path.stem):
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def user_path(flag: str, text: str) -> Path:
    """Returns the path that a user typed, with `~` expanded; InputError names the flag."""
    if re.match(r"[a-z][a-z0-9+.-]+://", text, re.IGNORECASE):  # Else a folder named `gs:` it is.
        raise InputError(
            f"--{flag}={text}: must be a path on this machine; mount a bucket or another machine's "
            "folder, and name the place where it is mounted"
        )
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InputError(f"--{flag}={text}: there is no such home directory") from None


def seen_from_here(path: Path) -> Path:
    """Returns a path as its user types it: relative, if it lies below the working directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) and path != here else path


def tensorflow_path(flag: str, text: str) -> Path:
    """Returns the path of what TensorFlow will load, which takes some characters for patterns."""
    if set("[\\") & set(str(user_path(flag, text).absolute())):
        raise InputError(
            f"--{flag}={text}: must have no [ or \\, which TensorFlow cannot load from"
        )
    return user_path(flag, text)


def data_directory(given: str | None) -> Path:
    """Returns where prepared datasets are kept: as a user gave it, or where TFDS keeps them."""
    return user_path(
        "data_dir", given or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    )


def sha256(path: Path) -> str:
    """Returns the hexadecimal SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Waits until a file, or a directory's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
