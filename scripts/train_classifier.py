"""Trains the digit classifier that comes with the package.

A new one must have a new name (mnist-v2): every figure says which classifier it is of.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from gan_tf import command_line, devices
from gan_tf.errors import InputError
from gan_tf.files import data_directory, user_path
from gan_tf.knobs import knob


@dataclass(frozen=True)
class Options:
    """Where the data is and where the weights go."""

    output: str | None = knob(None, "Where the weights go.", unit="a path that ends in .npz")
    data_dir: str | None = knob(
        None,
        "Where prepared datasets are kept; $TFDS_DATA_DIR or ~/tensorflow_datasets by default.",
        unit="a directory",
    )


def main(options: Options) -> str:
    """Trains it, writes it and says its accuracy on MNIST's test set."""
    if options.output is None:
        raise InputError("--output: must name the file that the weights go to")
    devices.start_tensorflow()
    from gan_tf import classifier, data

    path = user_path("output", options.output)
    data_dir = data_directory(options.data_dir)
    splits = [data.load("mnist", data_dir, None, split) for split in ("train", "test")]
    accuracy = classifier.train(path, *splits)
    return f"{path}: {100 * accuracy:.2f} % of MNIST's test images, {path.stat().st_size:,} bytes"


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, str(__doc__)))
