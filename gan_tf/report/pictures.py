"""Pictures of samples: grids, single images, and their evolution as a GIF."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from gan_tf.host.errors import InputError
from gan_tf.host.files import published

Pixels = npt.NDArray[np.uint8]
_BORDER = 1
_SCALE = 2
_LINE = 20  # Pixels that a line of text is high.


def grid(images: Pixels, columns: int | None = None) -> Pixels:
    """Returns uint8 images `[N, H, W, C]` tiled row by row, as square as they go.

    Args:
      images: uint8 pixels.
      columns: images a row; the square root of N, rounded up, by default.

    Returns:
      One image `[H', W', C]` uint8, with a border of one black pixel around each tile.
    """
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    cells = np.zeros((rows * columns, height + _BORDER, width + _BORDER, channels), np.uint8)
    cells[:count, _BORDER:, _BORDER:] = images
    cells = cells.reshape(rows, columns, *cells.shape[1:])
    tiled = cells.transpose(0, 2, 1, 3, 4).reshape(rows * cells.shape[2], -1, channels)
    return np.pad(tiled, ((0, _BORDER), (0, _BORDER), (0, 0)))


def write_png(path: Path, image: Pixels, scale: int = 1) -> None:
    """Publishes one image `[H, W, C]` uint8 as a PNG, each pixel drawn `scale` times wide."""
    with published(path) as temporary:
        _picture(image, scale).save(temporary, format="PNG")


def read_png(png: bytes, most: int) -> Pixels:
    """Returns the image `[H, W, C]` uint8 of a PNG such as `write_png` writes, C being 1 or 3.

    Args:
      png: the file's bytes, wherever they come from.
      most: pixels that it may have.

    Raises:
      InputError: it is anything else; at most `most` pixels were unpacked.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # What Pillow would rather not read, we do not want.
            with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
                if picture.width * picture.height > most or picture.mode not in ("L", "RGB"):
                    raise ValueError(f"{picture.width}x{picture.height}, mode {picture.mode}")
                picture.load()
                return np.asarray(picture).reshape(picture.height, picture.width, -1)
    except Exception as error:  # Pillow's reasons to read no further share no base.
        raise InputError(
            f"a picture must be a PNG of 8-bit grey or RGB with at most {most:,} pixels ({error})"
        ) from None


def write_grid(path: Path, images: Pixels) -> None:
    """Publishes images `[N, H, W, C]` uint8 as one PNG, each pixel drawn twice as wide."""
    write_png(path, grid(images), _SCALE)


def write_gif(path: Path, frames: Mapping[int, Path], seconds: float = 6.0) -> None:
    """Publishes the PNG files of steps as an endless GIF that takes `seconds` and rests on its
    last frame. Each frame says its step below the picture."""
    pictures = []
    for step, frame in frames.items():
        # A frame that cannot be read is left out: the film is not worth a failed run.
        with contextlib.suppress(UnidentifiedImageError, OSError), Image.open(frame) as picture:
            pictures.append(_captioned(picture, f"step {step:,}"))
    if not pictures:
        return
    durations = [max(40, round(1000 * seconds / len(pictures)))] * len(pictures)
    durations[-1] = 2000
    with published(path) as temporary:
        pictures[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=pictures[1:],
            duration=durations,
            loop=0,
        )


def _captioned(picture: Image.Image, text: str) -> Image.Image:
    """The picture with a line of text below it."""
    higher = Image.new(picture.mode, (picture.width, picture.height + _LINE))
    higher.paste(picture)
    place, white = (4, picture.height + _LINE // 2), (255,) * len(picture.getbands())
    draw = ImageDraw.Draw(higher)
    draw.text(place, text, fill=white, font=ImageFont.load_default(size=14), anchor="lm")
    return higher


def _picture(image: Pixels, scale: int) -> Image.Image:
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    return Image.fromarray(pixels.repeat(scale, axis=0).repeat(scale, axis=1))
