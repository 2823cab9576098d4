"""Images that are arrays already: in memory, or in a file of NumPy's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_tf.data.images.labels import NONE, Labels
from gan_tf.data.images.survey import Survey
from gan_tf.data.images.wanted import Wanted
from gan_tf.host.errors import InputError

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True, eq=False)
class Arrays:
    """Images in memory.

    Attributes:
      images: uint8 `[N, H, W]` or `[N, H, W, C]`, C 1, 3 or 4.
      labels: integers `[N]`; None where there are none.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[Any] | None = None

    def __post_init__(self) -> None:
        """Raises InputError where the arrays are others."""
        images, labels = self.images, self.labels
        shape = list(images.shape) if isinstance(images, np.ndarray) else []
        fits = len(shape) == 3 or (len(shape) == 4 and shape[3] in _MODES)
        if not fits or images.dtype != np.uint8 or 0 in shape[1:]:
            this = f"{shape} {images.dtype}" if shape else f"of type {type(images).__name__}"
            raise InputError(
                "images must be an array uint8 [N, H, W] or [N, H, W, C], C 1, 3 or 4; "
                f"this is {this}"
            )
        if labels is None:
            return
        whole = np.issubdtype(labels.dtype, np.integer)
        if labels.shape != (len(images),) or not whole or labels.max(initial=0) >= 2**63:
            raise InputError(
                f"labels must be {len(images):,} integers, one an image; these are "
                f"{list(labels.shape)} {labels.dtype}"
            )
        if (least := labels.min(initial=0)) < 0:
            raise InputError(f"labels must be integers from 0; one of them is {least}")

    @property
    def digest(self) -> str:
        """The digest of all that is in them."""
        told = hashlib.sha256(str((self.images.shape, self.labels is None)).encode())
        told.update(np.ascontiguousarray(self.images).data)
        if self.labels is not None:
            told.update(np.ascontiguousarray(self.labels, np.int64).data)
        return told.hexdigest()

    def survey(self) -> Survey:
        """Returns what can be said of them at once."""
        number, height, width = self.images.shape[:3]
        mode = _MODES[self.images.shape[3] if self.images.ndim == 4 else 1]
        found = Survey(images=number, grey=mode == "L")
        found.shorter[min(height, width)], found.modes[mode] = number, number
        return found

    def find_labels(self, wanted: Wanted) -> Labels:
        """Returns their classes: the numbers, in order."""
        if self.labels is None or wanted.labels == "none":
            return NONE
        classes = tuple(str(value) for value in np.unique(self.labels))
        return Labels(classes, "the array of labels", lambda name: None, {})


def given(images: Any, labels: Any) -> Arrays | None:
    """Returns the arrays that a program gave, None where it gave none; InputError if they are
    none that can be trained on."""
    if images is None and labels is not None:
        raise InputError("labels: are those of images; give both")
    if images is None:
        return None
    if np.ma.isMaskedArray(images) or np.ma.isMaskedArray(labels):
        raise InputError("images and labels must be plain arrays, not masked: see their filled()")
    if isinstance(images, np.memmap):  # It may differ from its file, which may be another by now.
        images = np.asarray(images)
    try:
        labels = None if labels is None else np.asarray(labels)
    except ValueError:  # Lists of several lengths.
        raise InputError("labels must be integers, one an image; these are no array") from None
    return Arrays(images, labels)


def load(path: Path) -> Arrays:
    """Maps a file of NumPy's into memory; InputError if it holds no images."""
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        if not images.flags.c_contiguous:  # In Fortran's order no image is in one piece.
            images = np.load(path, allow_pickle=False)
        return Arrays(images)
    # A damaged header fails in more ways than NumPy knows.
    except (ValueError, EOFError, OverflowError, TypeError, SyntaxError, TokenError) as error:
        # NumPy says of them that they cannot be mapped.
        told = "must hold numbers, no objects" if "Python objects" in str(error) else error
        raise InputError(f"--images={path}: {told}") from None
