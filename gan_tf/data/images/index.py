"""What a source looked like when it was imported, so that the next start only looks at names.

    DATA_DIR/gan_tf/images/sources/<digest of source and wish>.gz

holds a line of what came of it, and a line for each file: name, size, modification time, problem.
Both sides of a comparison are sorted streams, so it needs no memory for the names.
"""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple

from gan_tf.data.images.sources import IGNORED, Entry
from gan_tf.host.files import naming, published

_DAMAGED = (OSError, EOFError, ValueError, TypeError, zlib.error)


class Came(NamedTuple):
    """What came of an import.

    Attributes:
      name: of the images.
      digest: of the arrays.
      left_out: why each file was that was left out, by its name; None of version 0.2.0's imports.
    """

    name: str
    digest: str
    left_out: Mapping[str, str] | None = None


class Differences(NamedTuple):
    """How many files differ between two listings."""

    added: int = 0
    removed: int = 0
    changed: int = 0

    def __str__(self) -> str:
        told = (f"{number:,} {what}" for what, number in self._asdict().items() if number)
        return ", ".join(told)


class Kept:
    """A listing on the disk, which goes when this object does, however the process ends."""

    def __init__(self, place: Path, entries: Iterable[Entry]) -> None:
        """Writes the entries down."""
        place.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=place)  # noqa: SIM115
        packed = gzip.GzipFile(fileobj=self._file, mode="wb", compresslevel=1)
        with naming(place), packed:
            for entry in entries:
                packed.write(json.dumps(entry).encode() + b"\n")

    def __iter__(self) -> Iterator[Entry]:
        """Yields them again; one loop at a time."""
        self._file.seek(0)
        with gzip.GzipFile(fileobj=self._file) as lines:
            for line in lines:
                yield Entry(*json.loads(line))

    def close(self) -> None:
        """Lets go of it."""
        self._file.close()

    def publish(self, path: Path, came: Came) -> None:
        """Keeps the listing for good, and what came of it."""
        self._file.seek(0)
        with published(path) as temporary, temporary.open("wb") as file:
            file.write(gzip.compress(json.dumps(came).encode() + b"\n", mtime=0))
            shutil.copyfileobj(self._file, file)  # Packed files in a row are one.


def last(path: Path) -> Came | None:
    """Returns what came of the last import; None if there was none."""
    try:
        with gzip.open(path) as lines:
            return Came(*json.loads(lines.readline()))
    except _DAMAGED:
        return None


def differences(path: Path, now: Iterable[Entry]) -> Differences | None:
    """Compares a source with what it was at its last import; None if that is not known."""
    try:
        with gzip.open(path) as lines:
            if not lines.readline():
                return None
            return _compare((Entry(*json.loads(line)) for line in lines), now)
    except _DAMAGED:
        return None


def _compare(before: Iterable[Entry], now: Iterable[Entry]) -> Differences:
    added = removed = changed = 0
    olds, news = ((entry for entry in side if entry.problem != IGNORED) for side in (before, now))
    old, new = next(olds, None), next(news, None)
    while old or new:
        if old is None or (new and new.name < old.name):
            added, new = added + 1, next(news, None)
        elif new is None or old.name < new.name:
            removed, old = removed + 1, next(olds, None)
        else:
            changed += old != new
            old, new = next(olds, None), next(news, None)
    return Differences(added, removed, changed)
