"""The first look at a source: what each file is, from its header, before any is decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gan_tf.data.images import idx, kinds
from gan_tf.data.images.decoding import LeftOutError, Looks, look, reason
from gan_tf.data.images.sources import IGNORED, Entry, Source
from gan_tf.data.images.wanted import SIZES, USUAL_SIZE, Wanted

_OTHERS = {
    "zip": "is a ZIP archive inside another source",
    "npy": "is an array inside another source",
    "empty": "is empty",
}


class Found(NamedTuple):
    """What one file is.

    Attributes:
      name: of the file.
      looks: of its images; None where it has none.
      number: how many images it holds.
      left_out: why it is left out, though it may be a picture.
      other: what it is instead of one picture.
    """

    name: str
    looks: Looks | None = None
    number: int = 0
    left_out: str = ""
    other: str = ""


@dataclass
class Survey:
    """What a source holds.

    Attributes:
      images: how many there seem to be.
      shorter: how many images have a shorter side of so many pixels.
      modes: how many images are of each of Pillow's modes.
      grey: whether no image can hold colour.
      idx: the files of many images: how many, by name.
      left_out: what may be a picture and is left out, and why.
      others: what is no picture, and what it is.
    """

    images: int = 0
    shorter: Counter[int] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    grey: bool = True
    idx: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    _common: list[str] | None = None

    def add(self, found: Found) -> None:
        """Counts a file."""
        if found.left_out:
            self.left_out[found.name] = found.left_out
        elif found.looks is None:
            self.others[found.name] = found.other
        else:
            self.images += found.number
            self.shorter[min(found.looks[:2])] += found.number
            self.modes[found.looks.mode] += found.number
            self.grey &= found.looks.is_grey
            if found.other:
                self.idx[found.name] = found.number
            folders = found.name.split("/")[:-1]
            common = folders if self._common is None else self._common
            pairs = enumerate(zip(folders, common, strict=False))
            end = next((i for i, (one, other) in pairs if one != other), len(common))
            self._common = folders[:end]

    def pictures(self, members: Iterable[Entry]) -> Iterator[str]:
        """Yields the names of the files that hold images."""
        for entry in members:
            if entry.name not in self.left_out and entry.name not in self.others:
                yield entry.name

    @property
    def top(self) -> list[str]:
        """The folders that wrap all pictures, outermost first."""
        return self._common or []

    @property
    def median(self) -> int:
        """The median of the images' shorter sides."""
        left = self.images // 2
        for side, number in sorted(self.shorter.items()):
            left -= number
            if left < 0:
                return side
        return USUAL_SIZE

    def image_size(self, wanted: Wanted) -> int:
        """Height and width to import with."""
        return wanted.image_size or max(SIZES[0], min(USUAL_SIZE, self.median)) // 4 * 4

    def channels(self, wanted: Wanted) -> int:
        """Channels to import with."""
        if wanted.channels != "auto":
            return int(wanted.channels)
        return 1 if self.grey else 3


def looker(source: Source) -> Callable[[Entry], Found]:
    """Returns what looks at an entry of a source; it may run in several threads."""

    def look_at(entry: Entry) -> Found:
        name = entry.name
        if entry.problem == IGNORED:
            return Found(name, other=entry.problem)
        try:
            if entry.problem:
                raise LeftOutError(entry.problem)
            return _found(source, name)
        except Exception as error:  # zipfile's, zlib's and Pillow's share no base.
            return Found(name, left_out=str(reason(error)))

    return look_at


def _found(source: Source, name: str) -> Found:
    with source.open(name) as file:
        head = file.read(kinds.HEAD)
        kind = kinds.kind(head)
        if kind in ("picture", "heic", "avif"):
            if missing := kinds.cannot_read(kind):
                raise LeftOutError(missing)
            file.seek(0)
            return Found(name, look(file), 1)
    if kind in ("idx", "gzip"):
        shape = idx.shape(source, name)
        if len(shape) == 3:
            return Found(name, Looks(shape[2], shape[1], "L"), shape[0], other="is an IDX file")
        if len(shape) == 1:
            return Found(name, other="is an IDX file of labels")
        raise LeftOutError(f"is an IDX file of {len(shape)} dimensions")
    if kind in ("zip", "npy"):
        raise LeftOutError(_OTHERS[kind])
    if kinds.looks_like_a_picture(name):
        told = {"text": "is text", "empty": "is empty"}
        raise LeftOutError(told.get(kind, "is no picture that can be read"))
    if kind == "unknown":
        raise LeftOutError("is no picture that can be read")
    return Found(name, other=f"is {kind}")
