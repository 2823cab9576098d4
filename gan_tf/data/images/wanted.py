"""What decides the imported arrays, besides the pictures themselves."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from PIL import ImageColor

from gan_tf.host.errors import InputError

SIZES = 28, 128  # The shortest and the longest side that the networks are made for.
USUAL_SIZE = 64  # The longest that is chosen without being asked for.
CHANNELS = ("auto", "1", "3", "4")
FITS = ("crop", "pad", "stretch")
LABELS = ("auto", "none")
# How pictures become arrays and classes, the newest first. A new one is another number, so that no
# run begins with what an older version made of the same pictures; 1 is that of version 0.2.0.
METHODS = (2, 1)


@dataclass(frozen=True)
class Wanted:
    """What decides the arrays, besides the pictures.

    Attributes:
      image_size: height and width in pixels, 28 to 128, a multiple of 4; None is the median of the
        pictures' shorter sides, at most 64.
      channels: `1`, `3`, `4` (with alpha), or `auto`: 1 if every picture is grey, 3 otherwise.
      fit: how a picture becomes a square: `crop` takes its centre, `pad` adds `background`,
        `stretch` distorts it.
      background: a colour's name as CSS has it, or #rrggbb; what lies under transparent pixels,
        and what `pad` adds. With 4 channels both stay transparent.
      labels: `auto` takes classes from sub-folders or a file of labels; `none` takes none.
      held_out: the share of the images that no step sees, chosen by their content.
    """

    image_size: int | None = None
    channels: str = "auto"
    fit: str = "crop"
    background: str = "white"
    labels: str = "auto"
    held_out: float = 0.05

    def __post_init__(self) -> None:
        """Raises InputError where a value is none of those above."""
        size, (least, most) = self.image_size, SIZES
        if size is not None and (size % 4 or not least <= size <= most):
            raise InputError(f"--image_size={size}: must be a multiple of 4 from {least} to {most}")
        choices = {"channels": CHANNELS, "fit": FITS, "labels": LABELS}
        for name, allowed in choices.items():
            value = getattr(self, name)
            if value not in allowed:
                raise InputError(f"--{name}={value}: must be one of {', '.join(allowed)}")
        if not 0 <= self.held_out <= 0.5:
            raise InputError(f"--held_out={self.held_out:g}: must be from 0 to 0.5")
        _ = self.colour

    @property
    def colour(self) -> tuple[int, int, int]:
        """The background as red, green and blue, 0 to 255."""
        try:
            red, green, blue, *_ = ImageColor.getrgb(self.background)
            if max(red, green, blue) > 255:  # Pillow takes rgb(300, 0, 0).
                raise ValueError
            return red, green, blue
        except ValueError:
            raise InputError(
                f"--background={self.background}: must be a colour such as white or #ff8800"
            ) from None

    @property
    def resizes(self) -> bool:
        """Whether it asks for anything of images that are of one size already."""
        names = ("image_size", "channels", "fit", "background")
        return any(getattr(self, name) != getattr(Wanted, name) for name in names)

    def as_dict(self) -> dict[str, Any]:
        """The values by their names."""
        return dataclasses.asdict(self)

    def digest(self, source: str, method: int = METHODS[0]) -> str:
        """What tells this wish, of this source and by one of METHODS, from others."""
        told = json.dumps([method, source, self.as_dict()])
        return hashlib.sha256(told.encode()).hexdigest()
