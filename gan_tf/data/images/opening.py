"""What a path that a user gives is, by its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from gan_tf.data.images import arrays, idx, kinds
from gan_tf.data.images.arrays import Arrays
from gan_tf.data.images.sources import Archive, Entry, Folder, Source
from gan_tf.host.errors import InputError

_LONGEST = 60  # Characters of a name.


class Material(NamedTuple):
    """Something to import, not yet looked into.

    Attributes:
      told: what tells it from others: an absolute path, or a digest.
      given: what its user calls it.
      name: what its images are called.
      listing: yields what shows from outside that it changed.
      content: opens it.
    """

    told: str
    given: str
    name: str
    listing: Callable[[], Iterator[Entry]]
    content: Callable[[], Source | Arrays]


def material(source: Path | Arrays) -> Material:
    """Returns what a source is; InputError if there is nothing."""
    if isinstance(source, Arrays):
        told = f"array:{source.digest}"
        return Material(told, "an array", "array", lambda: iter(()), lambda: source)
    try:
        path = source.resolve()
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, RuntimeError, ValueError):  # The latter two: a circle of links, a NUL.
        is_folder = is_file = False
    if is_folder:
        folder = Folder(path)
        return Material(
            str(path), str(source), safe_name(path.name), folder.listing, lambda: folder
        )
    if not is_file:
        raise InputError(f"--images={source}: there is no such folder or file")
    # Where the user sees it: what a link leads to may have another name, and nothing beside it.
    here = source.absolute()
    beside = [name for name in idx.labels_beside(here.name) if here.with_name(name).is_file()]
    files = Folder(here.parent, [here.name, *beside])

    def content() -> Source | Arrays:
        try:
            with path.open("rb") as file:
                kind = kinds.kind(file.read(kinds.HEAD))
            if kind == "zip":
                return Archive(source)
            if kind == "npy":
                return arrays.load(source)
        except OSError as error:
            raise InputError(f"--images={source}: {error.strerror}") from None
        if kind in ("idx", "gzip"):
            return files
        raise InputError(
            f"--images={source}: must be a folder of pictures, a ZIP archive of them, a .npy file "
            f"or an IDX file; this is {'one picture' if kind == 'picture' else kind}"
        )

    name = safe_name(here.name.split(".")[0])
    return Material(str(path), str(source), name, files.listing, content)


def safe_name(text: str) -> str:
    """A name that is safe as a file's, after one that a user gave."""
    safe = "".join(each if each.isalnum() or each in "-_." else "_" for each in text)
    short = safe.strip("._-")[:_LONGEST].encode()[: 3 * _LONGEST].decode(errors="ignore")
    return short.rstrip("._-") or "images"
