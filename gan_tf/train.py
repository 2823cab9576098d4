"""Train a GAN, or go on with a run where it stands.

Example: python -m gan_tf.train --arch=dcgan
"""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass

from gan_tf import command_line
from gan_tf.config import Config
from gan_tf.knobs import knob


@dataclass(frozen=True)
class Options(Config):
    """The configuration, and what only this command asks."""

    dry_run: bool = knob(False, "Print the resolved configuration as JSON and stop.")


def main(options: Options) -> str:
    """Trains, then says where everything lies."""
    if options.dry_run:
        return options.resolved().dumps()
    from gan_tf import devices

    devices.start_tensorflow()
    from gan_tf import run

    result = run.train(options)
    speed = result.steps * options.batch_size / result.seconds if result.seconds else 0.0
    said = [
        f"{result.steps:,} steps ({result.executed:,} of them now) in "
        f"{result.seconds / 60:.1f} minutes, {speed:,.0f} images/s, "
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB",
        f"D tells {100 * result.discriminator_accuracy:.2f} % right of {result.held_out:,} "
        "held-out images and as many fresh fakes",
    ]
    if result.best and "frechet_distance" in result.last:
        best, last = result.best, result.last
        said += [
            f"best generator: attempt {best['attempt'] + 1}, step {best['step']:,}, Fréchet "
            f"distance {best['frechet_distance']:.2f} ({result.classifier}); "
            f"the last: {last['frechet_distance']:.2f}",
            f"evaluations took {result.evaluation_seconds:.1f} s, "
            f"{100 * result.evaluation_seconds / result.seconds:.1f} % of the training",
        ]
    said += [
        f"samples:       {result.samples}",
        f"evolution:     {result.evolution}",
        f"loss curves:   {result.curves}",
        f"run directory: {result.run_dir}",
        f"SavedModel:    {result.export}",
        f"sample from it: python -m gan_tf.sample --run_dir={result.run_dir}",
    ]
    return "\n".join(said)


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, str(__doc__)))
