"""Draw images from a trained generator: a PNG grid, single PNGs, or a NumPy array.

The same seed gives the same images.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host.errors import InputError


@dataclass(frozen=True)
class Options:
    """What to sample from, how much, and to where."""

    run_dir: str | None = knob(
        None, "Sample the newest export of this run.", unit="a run directory"
    )
    saved_model: str | None = knob(
        None, "Sample this SavedModel instead.", unit="a directory such as RUN_DIR/export/1"
    )
    num: int = knob(64, "How many images.", unit="images", low=1, high=1_000_000)
    seed: int = knob(0, "Seed of the latents.", low=0, high=2**31 - 1)
    output: str = knob(
        "samples.png",
        "What to write: a grid if it ends in .png, uint8 [num, H, W, C] if in .npy; "
        "anything else is a directory of single PNGs.",
        unit="a path",
    )


def main(options: Options) -> str:
    """Writes the samples and returns where."""
    from gan_tf.host.files import user_path

    output = user_path("output", options.output)
    ending = output.suffix.lower()
    if ending in (".png", ".npy"):
        if output.is_dir():
            raise InputError(f"--output={output}: is a directory; it must be a file")
    elif ending in (".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".npz"):
        raise InputError(f"--output={output}: must end in .png or .npy, or be a directory")
    elif output.is_dir() and any(output.iterdir()):
        raise InputError(f"--output={output}: must be a new or empty directory")
    from gan_tf.host import process

    process.start_tensorflow()
    import numpy as np

    from gan_tf.host import files
    from gan_tf.report import pictures
    from gan_tf.serving import servable
    from gan_tf.training import exporting

    path = exporting.find(options.run_dir, options.saved_model)
    pixels = servable.load(path).sample(options.num, options.seed)
    if ending == ".png":
        pictures.write_grid(output, pixels)
    elif ending == ".npy":
        with files.published(output) as temporary, temporary.open("wb") as file:
            np.save(file, pixels)
    else:
        digits = len(str(options.num - 1))
        with files.published(output) as temporary:
            temporary.mkdir()
            for index, image in enumerate(pixels):
                pictures.write_png(temporary / f"{index:0{digits}d}.png", image)
    return str(output)


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, str(__doc__)))
