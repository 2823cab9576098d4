"""Train a GAN, or go on with a run where it stands.

Example: python -m gan_tf.train --arch=dcgan
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_tf.config import Config, command_line, presets
from gan_tf.config.data import check_source, wanted
from gan_tf.config.knobs import knob

if TYPE_CHECKING:
    from gan_tf.data.dataset import Dataset
    from gan_tf.workers.place import Place


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
    workers: int = knob(
        1,
        "Train as so many processes of this machine, with a share of its cores or a GPU each. "
        "Several machines are told by TF_CONFIG or Slurm instead: docs/workers.md.",
        unit="processes",
        low=1,
        high=256,
    )
    start_timeout: int = knob(
        60,
        "How long a worker waits for the others at its start.",
        unit="seconds",
        low=1,
        high=86_400,
    )


def main(options: Options) -> str:
    """Trains, then says where everything lies."""
    if options.dry_run:
        return _dry_run(options)
    check_source(options)  # Before what takes long.
    from gan_tf.host import process
    from gan_tf.workers import launch, place

    own = place.of_process(options.workers)
    place.check_batch(options.batch_size, own.number if own else options.workers)
    if own:
        return _together(options, own)
    if options.workers > 1:
        sys.exit(launch.run(options.workers, sys.argv[1:]))
    process.start_tensorflow()
    from gan_tf.training import run

    return str(run.train(options))


def _together(options: Options, own: Place) -> str:
    """Trains as one of several workers. The chief says where everything lies."""
    from gan_tf.host import process
    from gan_tf.workers import team as workers

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Whom another's end left alone says so.
    with workers.joined(own, _about(options, own), options.start_timeout) as team:
        process.start_tensorflow(begin=team.connect)
        from gan_tf.training import followers, run

        if team.is_chief:
            return str(run.train(options, team=team))
        steps = followers.follow(options, team)
    return f"done: {steps:,} steps as {own.name(own.rank)}"


def _about(options: Options, own: Place) -> dict[str, Any]:
    """What all workers of a run must have alike: what trains, and what is trained. Where files
    lie is each machine's own."""
    from gan_tf import __version__

    flags = {f"--{name}": value for name, value in options.to_json().items()}
    for name in ("run_dir", "data_dir", "manual_dir"):
        del flags[f"--{name}"]
    return {"gan_tf": __version__, "the cluster": ", ".join(own.addresses), **flags}


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
    sys.exit(command_line.run(main, Options, f"{__doc__ or ''}\n{presets.listing()}"))
