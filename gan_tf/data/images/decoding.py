"""One picture, from its bytes to a square array.

Reduction is antialiased, as figures of generated images demand: Parmar et al., "On Aliased Resizing
and Surprising Subtleties in GAN Evaluation", CVPR 2022.
"""

from __future__ import annotations

import contextlib
import io
import struct
import threading
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin, TiffImagePlugin

from gan_tf.data.images import kinds
from gan_tf.data.images.wanted import Wanted

MAX_PIXELS = 100_000_000
_MANY_PIXELS = 16_000_000  # Of which one picture at a time is decoded.
_one_large = threading.Lock()
_GREY = ("1", "L", "LA", "La", "I", "F")
_BITS, _PHOTOMETRIC, _ORIENTATION = 258, 262, 274  # Tags of TIFF and EXIF.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Times the wanted size that a JPEG is decoded at, at least. libjpeg leaves out the frequencies of
# half, a quarter or an eighth of the size, which costs little time; the filter does the rest. At 4
# the result is within 2 of 255 of that from the whole picture, 0.3 on average.
_DRAFT = 4


_MEMORY, _GONE, _FORBIDDEN = "is larger than the memory", "vanished", "may not be read"
_FAILED = "cannot be read: "


class LeftOutError(Exception):
    """A file that is left out; the message goes behind its name, as in "is truncated"."""


class Looks(NamedTuple):
    """What a picture's header says.

    Attributes:
      width, height: in pixels, as stored.
      mode: Pillow's name of its kind of pixels.
    """

    width: int
    height: int
    mode: str

    @property
    def is_grey(self) -> bool:
        """Whether it can hold no colour."""
        return self.mode in _GREY or self.mode.startswith("I;")


def look(file: IO[bytes]) -> Looks:
    """Reads a picture's header; LeftOutError if it is no picture of a bearable size."""
    try:
        with _open(file) as picture:
            return Looks(*picture.size, picture.mode)
    except Exception as error:  # Pillow's reasons share no base.
        raise reason(error) from None


class Square(NamedTuple):
    """A picture as the networks take it.

    Attributes:
      pixels: uint8 `[size, size, channels]`.
      enlarged: whether the picture was smaller.
    """

    pixels: npt.NDArray[np.uint8]
    enlarged: bool


def decode(content: bytes, size: int, channels: int, wanted: Wanted) -> Square:
    """Returns a picture of this size and this many channels.

    Raises:
      LeftOutError: it is damaged.
    """
    try:
        with _open(io.BytesIO(content)) as picture:
            many = picture.width * picture.height > _MANY_PIXELS
            with _one_large if many else contextlib.nullcontext():
                _load(picture, size)
                return fit(_of_8_bits(picture), size, channels, wanted, _turn(picture))
    except Exception as error:  # Pillow's reasons share no base.
        raise reason(error) from None


def fit(
    picture: Image.Image,
    size: int,
    channels: int,
    wanted: Wanted,
    turn: Image.Transpose | None = None,
) -> Square:
    """Returns the square of a picture that is loaded.

    Args:
      picture: in any of Pillow's modes.
      size: height and width to reach.
      channels: 1, 3 or 4.
      wanted: how it becomes a square, and on what colour.
      turn: how it is to be turned, if it is.
    """
    width, height = picture.size
    shorter, longer = min(width, height), max(width, height)
    if wanted.fit == "crop" and width != height:
        left, top = (width - shorter) // 2, (height - shorter) // 2
        picture = picture.crop((left, top, left + shorter, top + shorter))
    picture = _plain(picture)
    inner = size, size
    if wanted.fit == "pad":
        inner = max(1, round(size * width / longer)), max(1, round(size * height / longer))
    # Pillow weighs colours by alpha here, so that hidden ones do not bleed.
    picture = picture.resize(inner, Image.Resampling.BICUBIC)
    picture = picture.transpose(turn) if turn is not None else picture
    if picture.size != (size, size):
        picture = _padded(picture, size, (*wanted.colour, 0))
    enlarged = (longer if wanted.fit == "pad" else shorter) < size
    return Square(_pixels(picture, channels, wanted.colour), enlarged)


def _open(file: IO[bytes]) -> Image.Image:
    picture = Image.open(file, formats=kinds.formats())
    if picture.width * picture.height > MAX_PIXELS:
        raise LeftOutError(f"has more than {MAX_PIXELS // 1_000_000} million pixels")
    return picture


def _load(picture: Image.Image, size: int) -> None:
    """Decodes a picture, a JPEG no larger than is of use."""
    if picture.format in ("JPEG", "MPO"):
        times = size * _DRAFT / min(picture.size)
        picture.draft(None, (int(picture.width * times) + 1, int(picture.height * times) + 1))
    if isinstance(picture, PngImagePlugin.PngImageFile):
        _mend_transparency(picture)
    picture.load()


def _mend_transparency(picture: PngImagePlugin.PngImageFile) -> None:
    """Brings the colour that a PNG names transparent to 8 bits, as Pillow does the pixels alone."""
    stored, hidden = picture.tile[0][3], picture.info.get("transparency")
    if isinstance(hidden, int) and stored in ("L;2", "L;4"):
        picture.info["transparency"] = min(255, hidden * (85 if stored == "L;2" else 17))
    elif isinstance(hidden, tuple) and stored == "RGB;16B":
        picture.info["transparency"] = tuple(each >> 8 for each in hidden)


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """How a picture is to be turned; damaged EXIF says nothing."""
    try:
        return _TURNS.get(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # Pillow's parsers raise what they come across.
        return None


def _of_8_bits(picture: Image.Image) -> Image.Image:
    """Converts a picture of up to 16 grey bits; Pillow says neither how many these are in a TIFF,
    nor which end is white."""
    is_wide = picture.mode == "I" and picture.format in ("PNG", "PPM")
    if not (picture.mode.startswith("I;16") or is_wide):
        return picture
    wide, white = np.asarray(picture).astype(np.uint32), 65_535
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        white = 2 ** int(picture.tag_v2.get(_BITS, (16,))[0]) - 1
        wide = np.minimum(wide, white)
        wide = white - wide if picture.tag_v2.get(_PHOTOMETRIC) == 0 else wide
    grey = Image.fromarray(((wide * 255 + white // 2) // white).astype(np.uint8))
    if isinstance(hidden := picture.info.get("transparency"), int):
        alpha = np.where(wide == hidden, 0, 255).astype(np.uint8)
        grey = Image.merge("LA", (grey, Image.fromarray(alpha)))
    return grey


def _plain(picture: Image.Image) -> Image.Image:
    """Converts a picture to L, RGB or RGBA, in full transparency."""
    mode = picture.mode
    if mode in ("I", "F"):
        raise LeftOutError("has 32 bits a pixel, of which none says what is white")
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        return picture.convert("RGBA")
    if mode in ("1", "L"):
        return picture.convert("L")
    return picture.convert("RGB")


def _padded(picture: Image.Image, size: int, colour: tuple[int, int, int, int]) -> Image.Image:
    """Puts a picture into the middle of a transparent square."""
    square = Image.new("RGBA", (size, size), colour)
    place = (size - picture.width) // 2, (size - picture.height) // 2
    square.paste(picture.convert("RGBA"), place)
    return square


def _pixels(
    picture: Image.Image, channels: int, colour: tuple[int, int, int]
) -> npt.NDArray[np.uint8]:
    """Returns a small picture's pixels with this many channels, uint8 `[H, W, channels]`."""
    if channels == 4:
        pixels = np.array(picture.convert("RGBA"))
        pixels[pixels[..., 3] == 0, :3] = colour
        return pixels
    if picture.mode == "RGBA":
        under = Image.new("RGBA", picture.size, (*colour, 255))
        picture = Image.alpha_composite(under, picture)
    pixels = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels)


def may_pass(reason: str) -> bool:
    """Whether `reason` gave this for what is not in the file itself: it may be readable later."""
    return reason in (_MEMORY, _GONE, _FORBIDDEN) or reason.startswith(_FAILED)


def reason(error: Exception) -> LeftOutError:
    """Says in a few words why a file is left out that could not be read for this error."""
    if isinstance(error, LeftOutError):
        return error
    if isinstance(error, Image.DecompressionBombError):
        return LeftOutError(f"has more than {MAX_PIXELS // 1_000_000} million pixels")
    if isinstance(error, MemoryError):
        return LeftOutError(_MEMORY)
    if isinstance(error, FileNotFoundError):
        return LeftOutError(_GONE)
    if isinstance(error, PermissionError):
        return LeftOutError(_FORBIDDEN)
    if isinstance(error, OSError) and error.errno:
        return LeftOutError(f"{_FAILED}{error.strerror}")
    if "truncated" in str(error).lower() or isinstance(error, (EOFError, struct.error)):
        return LeftOutError("is truncated")
    return LeftOutError("is damaged")
