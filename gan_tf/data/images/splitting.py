"""Which images are held out: a matter of each image's content alone.

So a picture that is added moves no other one, and a copy of a picture is on the same side as it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gan_tf.data.cache import Part

_PART = 256  # Images written at a time.


class Image(NamedTuple):
    """A picture that was decoded.

    Attributes:
      content: the digest of its bytes.
      pixels: uint8 `[H, W, C]`.
      label: its class.
    """

    content: bytes
    pixels: npt.NDArray[np.uint8]
    label: int

    @property
    def place(self) -> float:
        """A number from 0 to 1 that its content decides."""
        return int.from_bytes(self.content[:8], "big") / 2**64


class Seen:
    """Which contents came by, at eight bytes each and a few more while they are new."""

    def __init__(self) -> None:
        """Begins with none."""
        self._old, self._new = np.empty(0, np.uint64), set[int]()

    def __len__(self) -> int:
        return len(self._old) + len(self._new)

    def add(self, content: bytes) -> bool:
        """Takes the digest of a content; returns whether it is the first of it."""
        key = int.from_bytes(content[:8], "big")
        place = int(np.searchsorted(self._old, np.uint64(key)))
        if key in self._new or (place < len(self._old) and int(self._old[place]) == key):
            return False
        self._new.add(key)
        if len(self._new) > 4_096 + len(self._old) // 8:
            new = np.fromiter(self._new, np.uint64, len(self._new))
            self._old, self._new = np.union1d(self._old, new), set()
        return True


class Splits:
    """Deals images to `train` and `test`.

    Attributes:
      numbers: how many images went to each.
      labels: how many images have each label.
    """

    def __init__(self, held_out: float) -> None:
        """Takes the share to hold out."""
        self._held_out = held_out
        self._waiting: dict[str, list[Image]] = {"train": [], "test": []}
        self.numbers: Counter[str] = Counter()
        self.labels: Counter[int] = Counter()

    def parts(self, images: Iterable[Image]) -> Iterator[Part]:
        """Yields what to write.

        The image with the lowest place is held out and the one with the highest is not, whatever
        the share, so that neither side is empty: these two come last. Takes two images or more.
        """
        extremes: list[Image] = []
        for image in images:
            extremes = sorted([*extremes, image], key=lambda each: each.content)
            if len(extremes) > 2:
                yield from self._deal(extremes.pop(1))
        yield from self._deal(extremes[0], "test")
        yield from self._deal(extremes[1], "train")
        for split in self._waiting:
            yield from self._part(split)

    def _deal(self, image: Image, split: str = "") -> Iterator[Part]:
        split = split or ("test" if image.place < self._held_out else "train")
        self._waiting[split].append(image)
        self.numbers[split] += 1
        self.labels[image.label] += 1
        if len(self._waiting[split]) == _PART:
            yield from self._part(split)

    def _part(self, split: str) -> Iterator[Part]:
        if images := self._waiting[split]:
            self._waiting[split] = []
            labels = np.array([image.label for image in images], np.int64)
            yield Part(split, np.stack([image.pixels for image in images]), labels)
