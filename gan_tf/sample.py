"""Draw images from a trained generator: a PNG grid, single PNGs, or a NumPy array.

The same seed gives the same images. A conditional model (--conditional, in
gan_tf.train) draws the classes that it is asked for, else each as often as the
training images have it. Example:
python -m gan_tf.sample --run_dir=RUN --text=2026 --output=2026.png
Without a model it draws digits by the generator that comes with the package.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan_tf.config import command_line, sampling
from gan_tf.config.knobs import knob
from gan_tf.host.errors import InputError
from gan_tf.models import PRETRAINED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gan_tf.serving.asking import Asked

_IMAGES, _KEY_IMAGES = 64, 8  # Where nothing says how many; in a film.


@dataclass(frozen=True)
class Options:
    """What to sample from, how much, and to where."""

    run_dir: str | None = knob(
        None, "Sample the newest export of this run.", unit="a run directory"
    )
    saved_model: str | None = knob(
        None, "Sample this SavedModel instead.", unit="a directory such as RUN_DIR/export/1"
    )
    pretrained: str | None = knob(
        None,
        "Sample a generator that comes with the package instead; mnist draws digits, and is what "
        "is sampled where nothing else is named.",
        choices=PRETRAINED,
    )
    num: int | None = knob(
        None,
        "How many images; 64 by default, or as many as --labels or --text asks for, which are "
        "taken in turn.",
        unit="images",
        low=1,
        high=1_000_000,
    )
    seed: int = knob(0, "Seed of the latents.", low=0, high=2**31 - 1)
    labels: str | None = knob(
        None,
        "Classes to draw, of a conditional model: 3,1,4 is one image of each; all is a row of 8 "
        "images for each class, every row of the same latents.",
        unit="names of classes and commas, or all",
    )
    text: str | None = sampling.text()
    truncation: float = sampling.truncation()
    output: str = knob(
        "samples.png",
        "What to write: a grid if it ends in .png, uint8 [num, H, W, C] if in .npy; a film from "
        "image to image and back to the first, of 8 by default, if in .gif; anything else is a "
        "directory of single PNGs.",
        unit="a path",
    )


def main(options: Options) -> str:
    """Writes the samples and returns where."""
    from gan_tf.host.files import user_path
    from gan_tf.serving import asking
    from gan_tf.training import run_directory

    asking.check(options.labels, options.text)
    output = user_path("output", options.output)
    ending = output.suffix.lower()
    if ending in (".png", ".npy", ".gif"):
        if output.is_dir():
            raise InputError(f"--output={output}: is a directory; it must be a file")
    elif ending in (".jpg", ".jpeg", ".webp", ".bmp", ".npz"):
        raise InputError(f"--output={output}: must end in .png, .npy or .gif, or be a directory")
    elif output.resolve() == Path.cwd():
        raise InputError(f"--output={output}: is the working directory; name a new one")
    elif output.is_dir() and any(output.iterdir()):
        raise InputError(f"--output={output}: must be a new or empty directory")
    run_directory.spare("output", output)
    from gan_tf.host import process

    process.start_tensorflow()
    import numpy as np

    from gan_tf.host import files
    from gan_tf.report import pictures
    from gan_tf.serving import film
    from gan_tf.training import exports

    name = options.pretrained
    if not (options.run_dir or options.saved_model):
        name = name or PRETRAINED[0]
    exported = exports.opened(options.run_dir, options.saved_model, name)
    asked = _asked(options, exported.path, list(exported.classes))
    usual = _KEY_IMAGES if ending == ".gif" else _IMAGES
    num = max(asked.places) + 1 if asked else options.num or usual
    latents = exported.latents(num, options.seed, options.truncation)
    labels = exported.labels(num, options.seed)
    if asked:
        latents, labels = latents[asked.places], np.array(asked.labels)
    if ending == ".gif":
        pictures.write_film(output, film.frames(exported, latents, labels))
        return str(output)
    pixels = exported.draw(latents, labels)
    if ending == ".png":
        pictures.write_grid(output, pixels, asked.columns if asked else None)
    elif ending == ".npy":
        with files.published(output) as temporary, temporary.open("wb") as file:
            np.save(file, pixels)
    else:
        digits = len(str(len(pixels) - 1))
        # A link to an empty one stays a link.
        place = output.resolve() if output.is_dir() else output
        with files.published(place) as temporary:
            temporary.mkdir()
            for index, image in enumerate(pixels):
                pictures.write_png(temporary / f"{index:0{digits}d}.png", image)
    return str(output)


def _asked(options: Options, path: Path, classes: Sequence[str]) -> Asked | None:
    """The images that --labels or --text asks an export for; None without these flags."""
    from gan_tf.serving import asking

    if options.labels is None and options.text is None:
        return None
    if not classes:
        flag = "text" if options.labels is None else "labels"
        raise InputError(
            f"--{flag}: {path} draws no class on request; train with --conditional=projection for "
            "one that does"
        )
    return asking.find(options.labels, options.text, classes, options.num)


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
