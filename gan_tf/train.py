"""Train a GAN, or go on with a run where it stands.

Example: python -m gan_tf.train --arch=dcgan
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from gan_tf.config import Config, command_line, presets
from gan_tf.config.knobs import knob


@dataclass(frozen=True)
class Options(Config):
    """The configuration, and what only this command asks."""

    preset: str | None = knob(
        None,
        "Take the flags of a published system; flags before and after it still count, and the "
        "last of two equal ones wins.",
        choices=presets.NAMES,
    )
    dry_run: bool = knob(False, "Print the resolved configuration as JSON and stop.")


def main(options: Options) -> str:
    """Trains, then says where everything lies."""
    if options.dry_run:
        return options.resolved().dumps()
    from gan_tf.host import process

    process.start_tensorflow()
    from gan_tf.training import run

    return str(run.train(options))


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, f"{__doc__}\n{presets.listing()}"))
