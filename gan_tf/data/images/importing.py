"""From people's own pictures to a cache.

    DATA_DIR/gan_tf/images/<name>-<12 digits of its digest>/    as `cache` has it, and imported.json

The digest is that of the arrays and of the classes' names: a folder and its ZIP archive have the
same. A source that changed gives another cache, and the old one stays for the runs that use it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from gan_tf.data import cache
from gan_tf.data.cache import Split
from gan_tf.data.images import decoding, index, kinds, making, quiet, record
from gan_tf.data.images.arrays import Arrays
from gan_tf.data.images.index import Came, Kept
from gan_tf.data.images.opening import Material, material, safe_name
from gan_tf.data.images.sources import Source, read, shown
from gan_tf.data.images.splitting import Splits
from gan_tf.data.images.wanted import METHODS, Wanted
from gan_tf.host import files
from gan_tf.host.errors import InputError


class Imported(NamedTuple):
    """Where imported images are.

    Attributes:
      name: after the source.
      digest: of the arrays and the classes' names; with the name it finds them again.
      directory: where they are kept.
      changed: how the source differs from its last import; empty if it does not.
    """

    name: str
    digest: str
    directory: Path
    changed: str


def import_images(
    source: Path | Arrays, wanted: Wanted, data_dir: Path, verify: bool = False
) -> Imported:
    """Returns where the images of a source are, imported now unless that was done.

    Args:
      source: a folder, a ZIP archive, a file of NumPy's or of IDX; or arrays in memory.
      wanted: what decides the arrays besides.
      data_dir: TFDS's own directory; the caches lie in it.
      verify: compare every byte of the cache with its digest.

    Raises:
      InputError: the source holds fewer than two images that can be read, or labels for some alone;
        or the cache is damaged.
      OSError: the cache cannot be written.
    """
    if data_dir.exists() and not data_dir.is_dir():
        raise InputError(f"--data_dir={data_dir}: is a file, not a directory")
    given, place = material(source), _place(data_dir)
    if place.resolve().is_relative_to(given.told):  # Each import would change its own source.
        raise InputError(f"--data_dir={data_dir}: must not lie in --images={source}")
    path = _index(place, given, wanted)
    came, changed = _fresh(path, given, place), ""
    if came is None:
        with files.locked(place / "import.lock", "imports pictures"):
            files.remove_leftovers(place)
            files.remove_leftovers(path.parent)
            came = _fresh(path, given, place)  # Another process may just have done it.
            if came is None:
                came, changed = _import(given, wanted, place, path)
    open_imported(came.name, came.digest, data_dir, verify)
    return Imported(came.name, came.digest, _directory(place, came), changed)


def open_imported(name: str, digest: str, data_dir: Path, verify: bool = False) -> dict[str, Split]:
    """Returns the splits `train` and `test` of an earlier import, without a look at its source.

    Raises:
      InputError: it is gone, or damaged.
    """
    found = directory(name, digest, data_dir)
    if name != safe_name(name) or not found.is_dir():
        raise InputError(
            f"{found}: these images are not there; import the same ones again with gan_tf.train "
            "--images, or say with --data_dir where they are"
        )
    if record.read(found)["digest"] != digest:
        raise InputError(f"{found} holds other images: remove it and import again")
    return cache.read(found, verify)


def changes(source: Path, wanted: Wanted, data_dir: Path, digest: str | None = None) -> str:
    """Says how a source differs from its last import, by names, sizes and times alone.

    Args:
      source: see `import_images`.
      wanted: with what it was imported.
      data_dir: where the caches are.
      digest: of the import to compare with, if another one may have come since.

    Returns:
      Such as "3 added, 1 removed"; empty if nothing differs, or nothing is known of an import.
    """
    try:
        given = material(source)
    except InputError:
        return f"{source} is gone"
    place = _place(data_dir)
    # A run may have begun with what an older version imported.
    paths = [_index(place, given, wanted, method) for method in METHODS]
    path = next(filter(index.last, paths), paths[0])
    came = index.last(path)
    if came is None:  # Not imported by this path; a link may lead elsewhere now.
        return "" if digest is None else "it leads to pictures that were not imported yet"
    told = str(index.differences(path, given.listing()) or "")
    return told or "imported anew since" * (digest not in (None, came.digest))


def directory(name: str, digest: str, data_dir: Path) -> Path:
    """Returns where imported images are kept, by the name and the digest that they got."""
    return _directory(_place(data_dir), Came(name, digest))


def last(source: Path, wanted: Wanted, data_dir: Path) -> Came | None:
    """Returns what came of the last import of a source, whatever the source holds now; None if
    there was none, or it is gone."""
    try:
        came = index.last(_index(_place(data_dir), material(source), wanted))
    except InputError:
        return None
    return came if came and _directory(_place(data_dir), came).is_dir() else None


def holds(directory: Path, data_dir: Path) -> bool:
    """Whether a directory is that of all imports, or lies in it."""
    return directory.is_relative_to(_place(data_dir))


def _place(data_dir: Path) -> Path:
    return data_dir / "gan_tf" / "images"


def _index(place: Path, given: Material, wanted: Wanted, method: int = METHODS[0]) -> Path:
    return place / "sources" / f"{wanted.digest(given.told, method)[:32]}.gz"


def _directory(place: Path, came: Came) -> Path:
    return place / f"{came.name}-{came.digest[:12]}"


def _fresh(path: Path, given: Material, place: Path) -> Came | None:
    """Returns what came of the last import, if it is there, the source is as it was, and what was
    left out cannot be read today either."""
    came = index.last(path)
    if came is None or not _directory(place, came).is_dir():
        return None
    found = index.differences(path, given.listing())
    left_out = came.left_out
    if left_out is None:
        left_out = record.read(_directory(place, came)).get("left_out", {})
    changed = found is None or any(found)
    return None if changed or _can_be_read_by_now(given, left_out) else came


def _can_be_read_by_now(given: Material, left_out: Mapping[str, str]) -> bool:
    """Whether a file that was left out need not be any more, though it looks as it did."""
    if any(map(kinds.can_be_read_by_now, left_out.values())):
        return True
    passing = [name for name, reason in left_out.items() if decoding.may_pass(reason)]
    source = given.content() if passing else None
    if source is None or isinstance(source, Arrays):
        return False
    return any(_can_be_read(source, name) for name in passing)


def _can_be_read(source: Source, name: str) -> bool:
    try:
        return bool(read(source, name))
    except decoding.LeftOutError:
        return False


def _import(given: Material, wanted: Wanted, place: Path, path: Path) -> tuple[Came, str]:
    """Imports a source; returns what came of it, and how it differs from the last time."""
    start = time.monotonic()
    with contextlib.closing(Kept(place, given.listing())) as kept, quiet.reading():
        changed = str(index.differences(path, kept) or "")
        made = making.prepare(given, kept, wanted)
        print(f"Importing {shown(given.given)} (once) ...", file=sys.stderr, flush=True)
        with files.temporary_beside(place / given.name) as temporary:
            splits = Splits(wanted.held_out)
            # Closed here, and not by one of the threads that make the images.
            with contextlib.closing(made.images()) as images:
                digests = cache.write_into(temporary, given.name, splits.parts(images))
            classes = list(made.record.labels.classes)
            digest = hashlib.sha256(json.dumps([classes, digests]).encode()).hexdigest()
            made.record.numbers, made.record.counts = splits.numbers, splits.labels
            came = Came(given.name, digest, made.record.survey.left_out)
            directory = _directory(place, came)
            if directory.is_dir():  # The same images, from elsewhere.
                made.record.write(directory, digest)
            else:
                made.record.write(temporary, digest)
                files.publish(temporary, directory)
        kept.publish(path, came)
    made.record.tell(directory, time.monotonic() - start)
    return came, changed
