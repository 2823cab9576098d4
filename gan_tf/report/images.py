"""Pictures inside a page: small, in a number of bytes that is bounded."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from gan_tf.report import pictures

# Of WebP: without loss, then coarser and coarser.
_QUALITIES = (None, 80, 60, 40)
_MOST_FRAMES = 40


class Picture(NamedTuple):
    """A picture that a page shows.

    Attributes:
      source: a data URI.
      width, height: in pixels, as it is stored.
    """

    source: str
    width: int
    height: int

    @property
    def bytes(self) -> int:
        """How much it adds to the page."""
        return len(self.source)


class Film(NamedTuple):
    """Grids of samples over time.

    Attributes:
      pictures: some of them by their step, the first and the last among them.
      unreadable: the steps of those that cannot be read.
    """

    pictures: dict[int, Picture]
    unreadable: list[int]


def film(frames: Mapping[int, Path], most: int) -> Film:
    """Returns the grids of samples of some steps in `most` bytes of a page, or two of them if
    that is too little."""
    found = {step: open_grid(path) for step, path in frames.items()}
    grids = {step: grid for step, grid in found.items() if grid}
    unreadable = [step for step, grid in found.items() if not grid]
    steps = _spread(list(grids), _MOST_FRAMES)
    if not steps:
        return Film({}, unreadable)
    for quality in _QUALITIES:
        tried = [encode(grids[step], quality).bytes for step in _spread(steps, 3)]
        if sum(tried) / len(tried) * len(steps) <= most:
            break
    made = {step: encode(grids[step], quality) for step in steps}
    average = sum(each.bytes for each in made.values()) / len(made)
    kept = _spread(steps, max(2, int(most / average)))
    return Film({step: made[step] for step in kept}, unreadable)


def still(grid: Image.Image, most: int) -> Picture:
    """Returns one picture in about `most` bytes of a page at the most."""
    for quality in _QUALITIES:
        picture = encode(grid, quality)
        if picture.bytes <= most:
            break
    return picture


def encode(picture: Image.Image, quality: int | None = None) -> Picture:
    """Returns a picture as WebP of a quality from 0 to 100, or without loss."""
    file = io.BytesIO()
    if quality is None:
        picture.save(file, format="WEBP", lossless=True, quality=50, method=3)
    else:
        picture.save(file, format="WEBP", quality=quality, method=3)
    text = base64.b64encode(file.getvalue()).decode()
    return Picture(f"data:image/webp;base64,{text}", picture.width, picture.height)


def open_grid(path: Path) -> Image.Image | None:
    """Returns a grid of samples, laid over white if it has alpha, each pixel once where the file
    has each twice; None if it cannot be read."""
    try:
        with Image.open(path, formats=["PNG"]) as file:
            file.load()
            pixels = np.asarray(pictures.opaque(file))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    once = pixels[::2, ::2]
    if pixels.shape == once.repeat(2, 0).repeat(2, 1).shape:
        pixels = once if np.array_equal(once.repeat(2, 0).repeat(2, 1), pixels) else pixels
    return Image.fromarray(pixels)


def of_pixels(tiled: npt.NDArray[np.uint8]) -> Image.Image:
    """Returns an image `[H, W, C]` uint8 as a picture, laid over white if it has alpha."""
    return pictures.opaque(Image.fromarray(tiled[..., 0] if tiled.shape[-1] == 1 else tiled))


def _spread(steps: list[int], most: int) -> list[int]:
    """At most so many of the steps, the first and the last among them."""
    if len(steps) <= most:
        return steps
    places = np.linspace(0, len(steps) - 1, most).round().astype(int)
    return [steps[place] for place in places]
