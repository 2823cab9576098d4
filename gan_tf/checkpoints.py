"""Checkpoints: one file holds every variable of a run, under its name.

A checkpoint is an uncompressed NumPy archive, `<run_dir>/checkpoints/step-00001000.npz`.
Its zip container carries a checksum a variable, which is verified when it is read, and
nothing in it is ever unpickled.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gan_tf.errors import InputError
from gan_tf.files import published

Arrays = Mapping[str, npt.NDArray[np.generic]]


def save(directory: Path, step: int, arrays: Arrays, keep: int) -> Path:
    """Publishes a checkpoint and removes all but the newest `keep`; returns its path."""
    path = directory / f"step-{step:08d}.npz"
    with published(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    for old in list(paths(directory).values())[:-keep]:
        old.unlink()
    return path


def paths(directory: Path) -> dict[int, Path]:
    """Returns {step: path} of the checkpoints in a directory, oldest first."""
    found = {}
    for path in directory.glob("step-*.npz"):
        if match := re.fullmatch(r"step-(\d{8,})\.npz", path.name):
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def load(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Returns the arrays of a checkpoint; InputError if it was truncated or altered."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} was truncated or altered ({error})") from None


def load_newest(directory: Path) -> tuple[int, dict[str, npt.NDArray[np.generic]]] | None:
    """Returns the newest sound checkpoint's step and arrays; None where there is none at all.

    A damaged checkpoint is named on standard error and the one before it is taken.
    """
    candidates = paths(directory)
    for step, path in reversed(candidates.items()):
        try:
            return step, load(path)
        except InputError as error:
            print(f"warning: {error}; going back to the one before", file=sys.stderr)
    if candidates:
        raise InputError(f"{directory}: every checkpoint was truncated or altered")
    return None
