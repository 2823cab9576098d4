"""Files that appear whole or not at all, and the one-line reasons when they cannot."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from gan_tf.errors import InputError


@contextlib.contextmanager
def published(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renames what was written there to `path`.

    Works for a file and for a new directory. A reader sees the old content or the
    new, never a part; after an error the old content stays and nothing is left over.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The leading dot hides it from directory listings that look for numbered versions.
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        for file in [temporary] if temporary.is_file() else temporary.rglob("*"):
            if file.is_file():
                _sync(file)
        temporary.replace(path)
        _sync(path.parent)
    except BaseException:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Publishes UTF-8 text at `path`."""
    with published(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def user_path(flag: str, text: str) -> Path:
    """Returns the path that a user typed, with `~` expanded; InputError names the flag."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InputError(f"--{flag}={text}: there is no such home directory") from None


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
    """Has a file or a directory's entries on the disk before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
