"""Trains the digit classifier that comes with the package.

A new one must have a new name (mnist-v2): every figure says which classifier it is of.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.data.dataset import open_dataset
from gan_tf.host import process
from gan_tf.host.errors import InputError
from gan_tf.host.files import data_directory, user_path


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
    process.start_tensorflow()
    from gan_tf.evaluation import classifier

    path = user_path("output", options.output)
    mnist = open_dataset("mnist", data_directory(options.data_dir))
    accuracy = classifier.train(path, mnist.split("train"), mnist.split("test"))
    return f"{path}: {100 * accuracy:.2f} % of MNIST's test images, {path.stat().st_size:,} bytes"


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
