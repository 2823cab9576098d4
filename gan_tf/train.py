"""Train a GAN, or go on with a run where it stands.

Example: python -m gan_tf.train --arch=dcgan
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan_tf.config import Config, command_line, presets
from gan_tf.config.data import check_source, wanted
from gan_tf.config.knobs import knob

if TYPE_CHECKING:
    from gan_tf.data.dataset import Dataset


@dataclass(frozen=True)
class Options(Config):
    """The configuration, and what only this command asks."""

    preset: str | None = knob(
        None,
        "Take the flags of a published system; flags before and after it still count, and the "
        "last of two equal ones wins.",
        choices=presets.NAMES,
    )
    dry_run: bool = knob(
        False,
        "Print the resolved configuration as JSON and stop; in it `follows` says why what no flag "
        "gave follows the data, which must be prepared for that.",
    )


def main(options: Options) -> str:
    """Trains, then says where everything lies."""
    if options.dry_run:
        return _dry_run(options)
    check_source(options)  # Before what takes long.
    from gan_tf.host import process

    process.start_tensorflow()
    from gan_tf.training import run

    return str(run.train(options))


def _dry_run(options: Options) -> str:
    """The configuration of a run that would begin or go on now, and why it is what it is where
    that follows the data. Prepares no data, and does without TensorFlow."""
    from gan_tf.training import going_on

    directory = Path(str(options.resolved().run_dir))
    config = going_on.with_what_it_keeps(directory, options).resolved()
    image_shape, images = None, None
    if data := _prepared(config):
        reals, _ = data.reals(config.validation_images)
        image_shape, images = reals.image_shape, len(reals.images)
    found = config.followed(image_shape, images)
    values = config.follow(image_shape, images).to_json()
    return json.dumps(values | {"follows": {k: v.reason for k, v in found.items()}}, indent=2)


def _prepared(config: Config) -> Dataset | None:
    """The data of a configuration, if it is prepared already."""
    from gan_tf.data.dataset import is_prepared, last_images, open_dataset

    data_dir = Path(str(config.data_dir))
    if config.images:
        return last_images(Path(config.images), wanted(config), data_dir)
    name = str(config.dataset)
    if not is_prepared(name, data_dir, wanted(config)):
        return None
    return open_dataset(name, data_dir, wanted=wanted(config))


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, f"{__doc__}\n{presets.listing()}"))
