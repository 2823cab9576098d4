"""Checkpoints: one file holds every variable of a run, under its name.

A checkpoint is an uncompressed NumPy archive, `<run_dir>/checkpoints/step-00001000.npz`,
followed by the SHA-256 of its bytes. The digest is verified before anything is read, and
nothing is ever unpickled; `np.load` opens the file as it would any other archive.
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gan_tf.errors import InputError
from gan_tf.files import by_step, published

Arrays = Mapping[str, npt.NDArray[np.generic]]

ATTEMPT = "attempt"  # The array that says which attempt of its run a checkpoint is of.

_DIGEST_BYTES = hashlib.sha256().digest_size


def save(directory: Path, step: int, arrays: Arrays, keep: int) -> Path:
    """Publishes a checkpoint and removes all but the newest `keep`; returns its path."""
    path = directory / f"step-{step:08d}.npz"
    write(path, arrays)
    for old in list(paths(directory).values())[:-keep]:
        old.unlink(missing_ok=True)
    return path


def write(path: Path, arrays: Arrays) -> None:
    """Publishes arrays under their names as one file that `load` verifies."""
    with published(path) as temporary, temporary.open("wb") as file:
        archive = io.BytesIO()
        np.savez(archive, **arrays)  # type: ignore[arg-type]
        file.write(archive.getbuffer())
        file.write(hashlib.sha256(archive.getbuffer()).digest())


def paths(directory: Path) -> dict[int, Path]:
    """Returns {step: path} of the checkpoints in a directory, oldest first."""
    return by_step(directory, ".npz")


def load(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Returns the arrays of a checkpoint; InputError if it was truncated or altered."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    archive, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.sha256(archive).digest() != digest:
        raise InputError(f"{path} was truncated or altered")
    try:
        with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
            return dict(arrays)
    except (ValueError, EOFError) as error:
        raise InputError(f"{path}: must hold plain arrays, nothing pickled ({error})") from None


def load_newest(directory: Path) -> tuple[int, dict[str, npt.NDArray[np.generic]]] | None:
    """Returns the newest sound checkpoint's step and arrays; None where there is none at all.

    A damaged checkpoint is named on standard error and the one before it is taken.
    """
    damaged = []
    for step, path in reversed(paths(directory).items()):
        try:
            arrays = load(path)
        except InputError as error:
            damaged.append(str(error))
            continue
        for each in damaged:
            print(f"warning: {each}; going back to {path.name}", file=sys.stderr)
        return step, arrays
    if damaged:
        raise InputError(
            f"{directory}: every checkpoint was truncated or altered; another --run_dir begins anew"
        )
    return None
