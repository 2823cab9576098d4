"""The cache of a dataset: plain arrays on disk, mapped into memory, checked cheaply.

    DATA_DIR/gan_tf/<dataset>/{train,test,...}-{images,labels}.npy, cache.json

Each file is digested when it is written. A start compares its size and modification time, and
its digest only where those differ or the user asks for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gan_tf.data.growing import Growing
from gan_tf.data.rows import Rows
from gan_tf.host import memory
from gan_tf.host.errors import InputError
from gan_tf.host.files import published, sha256, write_text

ImageShape = tuple[int, int, int]

_LIST = "cache.json"
_LARGE = 2**30  # Bytes from which a digest takes long enough to say so.


class Split(NamedTuple):
    """A part of a dataset.

    Attributes:
      images: uint8 `[N, H, W, C]`.
      labels: int64 `[N]`, all 0 where there are none.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]

    @property
    def image_shape(self) -> ImageShape:
        """(H, W, C)."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def part(self, start: int | None = None, stop: int | None = None) -> Split:
        """Returns the images `[start:stop]` and their labels."""
        return Split(self.images[start:stop], self.labels[start:stop])

    def drawn(self, number: int) -> tuple[Split, Split]:
        """Returns the images without `number` of them that are drawn from all, and these: always
        the same, in their order, and in memory, for a part of a map is in one piece.

        Raises:
          InputError: the memory is too small for that.
        """
        size, available = self.images.nbytes, min([memory.available(), *memory.limits()])
        if 2 * size > available:
            raise InputError(
                f"--validation_images={number}: these are drawn from all images, whose "
                f"{size / 2**30:.3g} GiB must fit into half of the memory available, "
                f"{available / 2**30:.3g} GiB; --held_out keeps images apart without that"
            )
        order = np.random.Generator(np.random.Philox(0)).permutation(len(self.images))
        kept, held_out = (np.sort(places) for places in (order[:-number], order[-number:]))
        rows = Rows(self.images)
        return Split(rows[kept], self.labels[kept]), Split(rows[held_out], self.labels[held_out])


class Part(NamedTuple):
    """Some images of a split, as they come; `write` takes a stream of these.

    Attributes:
      split: which split they belong to.
      images: uint8 `[n, H, W, C]`, n at least 1.
      labels: int64 `[n]`.
    """

    split: str
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]


def directory(dataset: str, data_dir: Path) -> Path:
    """Returns where a dataset's arrays are kept, and what is worked out from them.

    Raises:
      InputError: the name would lead elsewhere.
    """
    parts = dataset.replace(":", "/").split("/")
    if not all(part.replace("_", "").replace(".", "").replace("-", "").isalnum() for part in parts):
        raise InputError(f"--dataset={dataset}: must be a TFDS name such as mnist")
    return data_dir / "gan_tf" / "-".join(parts)


def write(
    directory: Path, dataset: str, parts: Iterable[Part], classes: Sequence[str] = ()
) -> None:
    """Publishes a cache, part by part, so that no split must fit into memory.

    Args:
      directory: the cache's directory; new.
      dataset: what its list says that it is.
      parts: what to write; those of one split in order, those of several as they come.
      classes: the names of the labels, if they have any.

    Raises:
      InputError: the first part of a split holds no images that networks take.
    """
    with published(directory) as temporary:
        write_into(temporary, dataset, parts, classes)


def write_into(
    directory: Path, dataset: str, parts: Iterable[Part], classes: Sequence[str] = ()
) -> dict[str, str]:
    """Writes a cache into a directory that its caller publishes; see `write`.

    Returns:
      The digest of each array's file, by its name.
    """
    directory.mkdir()
    with contextlib.ExitStack() as stack:
        growing: dict[str, tuple[Growing, Growing]] = {}
        for split, images, labels in parts:
            arrays: tuple[npt.NDArray[Any], npt.NDArray[Any]] = images, labels
            if split not in growing:
                check_split(images, labels, directory / f"{split}-images.npy")
                first, second = (
                    stack.enter_context(Growing(directory / f"{split}-{kind}.npy", array))
                    for kind, array in zip(("images", "labels"), arrays, strict=True)
                )
                growing[split] = first, second
            for file, array in zip(growing[split], arrays, strict=True):
                file.append(array)
    paths = sorted(directory.iterdir())
    digests = {path.name: sha256(path) for path in paths}
    states = {path.name: state(path) for path in paths}
    about = {"dataset": dataset, "sha256": digests, "states": states, "classes": list(classes)}
    _write_list(directory, about)
    return digests


def read(directory: Path, verify: bool = False) -> dict[str, Split]:
    """Returns the splits of a cache by name, mapped into memory.

    Args:
      directory: the cache's directory.
      verify: compare every byte with its digest.

    Raises:
      InputError: a file was truncated or altered, or holds no images that networks take.
    """
    try:
        about = json.loads((directory / _LIST).read_text(encoding="utf-8"))
        names = sorted({name.rpartition("-")[0] for name in about["sha256"]})
        if not names:
            raise ValueError
        states = _check(directory, about, verify)
        splits = {name: _read_split(directory, name) for name in names}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        reason = str(error) if isinstance(error, InputError) else f"{directory} is no cache"
        raise InputError(f"{reason}: remove {directory} and it is made again") from None
    shapes = {name: split.image_shape for name, split in splits.items()}
    if len(set(shapes.values())) > 1:
        raise InputError(f"{directory}: must hold images of one shape; it holds {shapes}")
    if states != about.get("states"):
        with contextlib.suppress(OSError):  # A data directory may be read-only.
            _write_list(directory, about | {"states": states})
    return splits


def _check(directory: Path, about: dict[str, Any], verify: bool) -> dict[str, dict[str, int]]:
    """Compares the files with what the list says of them; returns the state of each.

    Version 0.1.0 kept no states: its files are compared by their digests, once.

    Raises:
      InputError: a file was truncated or altered.
    """
    states = {}
    for name, digest in about["sha256"].items():
        path = directory / name
        states[name] = state(path)
        if not verify and states[name] == about.get("states", {}).get(name):
            continue
        if states[name]["bytes"] > _LARGE:
            print(f"Comparing {path} with its digest ...", file=sys.stderr, flush=True)
        if sha256(path) != digest:
            raise InputError(f"{path} was truncated or altered")
    return states


def classes(directory: Path) -> list[str]:
    """Returns the names of the classes of a sound cache; none where they are numbers."""
    return list(json.loads((directory / _LIST).read_text(encoding="utf-8")).get("classes", []))


def digest(directory: Path) -> str:
    """Returns the digest of all that a sound cache holds, hexadecimal."""
    about = json.loads((directory / _LIST).read_text(encoding="utf-8"))
    return hashlib.sha256(json.dumps(about["sha256"], sort_keys=True).encode()).hexdigest()


def state(path: Path) -> dict[str, int]:
    """What shows that a file was written to, without reading it."""
    found = path.stat()
    return {"bytes": found.st_size, "modified_ns": found.st_mtime_ns}


def _write_list(directory: Path, about: dict[str, Any]) -> None:
    write_text(directory / _LIST, json.dumps(about, indent=2) + "\n")


def _read_split(directory: Path, name: str) -> Split:
    """Maps one split, and reads its labels; InputError if its arrays are not images and a label
    each."""
    paths = [directory / f"{name}-{kind}.npy" for kind in ("images", "labels")]
    images, labels = np.load(paths[0], mmap_mode="r"), np.load(paths[1])
    check_split(images, labels, paths[0])
    return Split(images, labels)


def check_split(images: npt.NDArray[Any], labels: npt.NDArray[Any], where: Path) -> None:
    """Raises InputError, which names `where`, unless these are images and a label each."""
    height, width, channels = images.shape[1:] if images.ndim == 4 else (0, 0, 0)
    fits = height and width and height % 4 == width % 4 == 0 and channels in (1, 3, 4)
    if images.dtype != np.uint8 or not fits or not len(images):
        raise InputError(
            f"{where}: must hold images [N, H, W, C] uint8, sides multiples of 4, C 1, 3 or 4; "
            f"it holds {list(images.shape)} {images.dtype}"
        )
    if labels.dtype != np.int64 or labels.shape != (len(images),):
        raise InputError(
            f"{where.with_name(where.name.replace('-images', '-labels'))}: must hold "
            f"{len(images):,} int64 labels, one an image; it holds {list(labels.shape)} "
            f"{labels.dtype}"
        )
