"""Where an evaluation is to be written: what cannot be is refused before the minutes of work."""

from __future__ import annotations

import os
from pathlib import Path

from gan_tf.host.errors import InputError
from gan_tf.host.files import user_path

_ENDINGS = {"output": ".json", "copies": ".png", "classes": ".png"}


def checked(**given: str | None) -> dict[str, Path]:
    """Returns the paths of the flags of `_ENDINGS` that were given; InputError if one cannot be
    written, or two are the same."""
    found: dict[str, Path] = {}
    for flag, text in given.items():
        if not text:
            continue
        path, ending = user_path(flag, text), _ENDINGS[flag]
        if path.suffix.lower() != ending:
            raise InputError(f"--{flag}={path}: must be a path that ends in {ending}")
        if path.is_dir():
            raise InputError(f"--{flag}={path}: is a directory; it must be a file")
        _check_directory(flag, path)
        for other, taken in found.items():
            if path.resolve() == taken.resolve():
                raise InputError(f"--{flag}={path}: is where --{other} goes; give it another name")
        found[flag] = path
    return found


def _check_directory(flag: str, path: Path) -> None:
    """Raises InputError if nothing can be written beside `path`; its directory is made later."""
    there = next(each for each in path.absolute().parents if each.exists())
    if not there.is_dir():
        raise InputError(f"--{flag}={path}: {there.name} is a file; it must be a directory")
    if not os.access(there, os.W_OK | os.X_OK):  # A read-only disk says so here, too.
        raise InputError(
            f"--{flag}={path}: nothing can be written in {there}; choose another directory"
        )
