"""Pictures of samples: grids, single images, and their evolution as a GIF.

Images are grey, RGB or RGBA, by their channels. Alpha is straight: colours are not multiplied by
it, and 0 is transparent.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from gan_tf.host.errors import InputError
from gan_tf.host.files import published

Pixels = npt.NDArray[np.uint8]
_END = b"IEND\xaeB`\x82"  # The last chunk of every PNG.
_BORDER = 1
_SCALE = 2
_LINE = 20  # Pixels that a line of text is high.
_TILE = 112  # Pixels that an image with a text below it is wide, at least.
_GAP = 8  # Pixels between two of those.
_MODES = ("L", "RGB", "RGBA")  # Pillow's names of images of 1, 3 and 4 channels.


def grid(images: Pixels, columns: int | None = None) -> Pixels:
    """Returns uint8 images `[N, H, W, C]` tiled row by row, as square as they go.

    Args:
      images: uint8 pixels.
      columns: images a row; the square root of N, rounded up, by default.

    Returns:
      One image `[H', W', C]` uint8, with a border of one pixel around each tile. The border and
      places without an image are 0: black, or transparent where images have alpha.
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
    """Returns the image `[H, W, C]` uint8 of a PNG such as `write_png` writes, C being 1, 3 or 4.

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
                if picture.width * picture.height > most or picture.mode not in _MODES:
                    raise ValueError(f"{picture.width}x{picture.height}, mode {picture.mode}")
                picture.load()
                if _END not in png:  # Pillow takes one that is cut behind its last pixel.
                    raise ValueError("cut short")
                return np.asarray(picture).reshape(picture.height, picture.width, -1)
    except Exception as error:  # Pillow's reasons to read no further share no base.
        raise InputError(
            f"a picture must be a PNG of 8-bit grey, RGB or RGBA with at most {most:,} pixels "
            f"({error})"
        ) from None


def write_grid(path: Path, images: Pixels, columns: int | None = None) -> None:
    """Publishes images `[N, H, W, C]` uint8 as one PNG, each pixel drawn twice as wide; see
    `grid`."""
    write_png(path, grid(images, columns), _SCALE)


def write_rows(path: Path, tiles: Pixels, texts: Sequence[Sequence[str]]) -> None:
    """Publishes rows of images, each with a line of text below it, as one PNG on white.

    Args:
      path: where it goes.
      tiles: uint8 `[rows, columns, H, W, C]`.
      texts: what stands below each, as `[rows][columns]`; of at most some 20 characters.
    """
    rows, columns, height, width, _ = tiles.shape
    scale = max(1, math.ceil(_TILE / width))
    across, down = max(_TILE, scale * width) + _GAP, scale * height + _LINE
    sheet = Image.new("RGB", (columns * across + _GAP, rows * down + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=11)
    for row, column in itertools.product(range(rows), range(columns)):
        x, y = _GAP + column * across, _GAP + row * down
        sheet.paste(opaque(_picture(tiles[row, column], scale)), (x, y))
        draw.text((x, y + scale * height + 2), texts[row][column], fill="black", font=font)
    with published(path) as temporary:
        sheet.save(temporary, format="PNG")


def opaque_png(path: Path) -> tuple[bytes, tuple[int, int]]:
    """Returns a PNG's bytes and its width and height: the file as it is, or, if it has alpha, the
    picture laid over white."""
    with Image.open(path) as picture:
        if picture.mode != "RGBA":
            return path.read_bytes(), picture.size
        png = io.BytesIO()
        opaque(picture).save(png, format="PNG")
        return png.getvalue(), picture.size


def write_gif(path: Path, frames: Mapping[int, Path], seconds: float = 6.0) -> None:
    """Publishes the PNG files of steps as an endless GIF that takes `seconds` and rests on its
    last frame. Each frame says its step below the picture. A GIF has no partial transparency, so
    what has alpha is laid over white."""
    pictures = []
    for step, frame in frames.items():
        # A frame that cannot be read is left out: the film is not worth a failed run. Pillow's
        # reasons not to read one share no base.
        with contextlib.suppress(Exception), Image.open(frame) as picture:
            pictures.append(_captioned(picture, f"step {step:,}"))
    if not pictures:
        return
    durations = [max(40, round(1000 * seconds / len(pictures)))] * len(pictures)
    durations[-1] = 2000
    _write_gif(path, pictures, durations)


def write_film(path: Path, frames: Pixels, scale: int = 4, milliseconds: int = 60) -> None:
    """Publishes images `[N, H, W, C]` uint8 as an endless GIF, each pixel drawn `scale` times wide.
    What has alpha is laid over white."""
    pictures = [opaque(_picture(frame, scale)) for frame in frames]
    _write_gif(path, pictures, [milliseconds] * len(pictures))


def _write_gif(path: Path, pictures: Sequence[Image.Image], milliseconds: Sequence[int]) -> None:
    first, *others = pictures
    with published(path) as temporary:
        first.save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=others,
            duration=list(milliseconds),
            loop=0,
        )


def _captioned(picture: Image.Image, text: str) -> Image.Image:
    """The picture with a line of text below it, on the colour of its border."""
    paper, ink = ("white", "black") if picture.mode == "RGBA" else ("black", "white")
    laid = opaque(picture)
    higher = Image.new(laid.mode, (laid.width, laid.height + _LINE), paper)
    higher.paste(laid)
    place = (4, laid.height + _LINE // 2)
    draw = ImageDraw.Draw(higher)
    draw.text(place, text, fill=ink, font=ImageFont.load_default(size=14), anchor="lm")
    return higher


def opaque(picture: Image.Image) -> Image.Image:
    """Returns the picture laid over white, in RGB; the same one if it has no alpha."""
    if picture.mode != "RGBA":
        return picture
    paper = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(paper, picture).convert("RGB")


def _picture(image: Pixels, scale: int) -> Image.Image:
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    return Image.fromarray(pixels.repeat(scale, axis=0).repeat(scale, axis=1))
