"""Make the generator that comes with the package from a run: its export, in float16.

The weights that are kept are judged anew, for rounding moves them. Example, with the run that made
the package's own:

  python -m gan_tf.train --conditional=projection --run_dir=runs/conditional
  scripts/pretrained --run_dir=runs/conditional --name=mnist
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host.errors import InputError

_FIGURES = (
    *("frechet_distance", "confident_share", "precision", "recall", "coverage"),
    "label_accuracy",
)


@dataclass(frozen=True)
class Options:
    """What to make it from."""

    run_dir: str | None = knob(None, "The run whose newest export it is.", unit="a run directory")
    name: str | None = knob(None, "What it is called.", unit="a name")
    data_dir: str | None = knob(None, "Where the run's data is.", unit="a directory")
    num: int = knob(10_000, "Samples that it is judged by.", unit="images", low=100, high=100_000)


def main(options: Options) -> str:
    """Writes it into the package and says how good it is."""
    if not (options.run_dir and options.name):
        raise InputError("give --run_dir=RUN and --name=NAME")
    from gan_tf.host import process

    process.start_tensorflow()
    from gan_tf.data.dataset import open_dataset
    from gan_tf.evaluation import judges, scorecard
    from gan_tf.host.files import data_directory
    from gan_tf.serving import pretrained, servable
    from gan_tf.training import exporting, exports, run_directory

    run_dir = Path(options.run_dir)
    exported = exports.find(options.run_dir, None)
    about = servable.read_metadata(exported)
    run = run_directory.read(run_dir)
    found = exporting.load_networks(run, exporting.find_checkpoint(run_dir, "best"))
    if found.digest != about["checkpoint"]:
        raise InputError(f"{exported}: is not the run's best generator; export that first")
    about["metrics"] = {}  # They are of the weights before rounding.
    players = pretrained.Players(found.generator, found.discriminator)
    # The package's own stay as they are until the new ones are judged.
    with tempfile.TemporaryDirectory() as place:
        pretrained.write(about, players, Path(place), options.name)
        kept = pretrained.load(options.name, Path(place))
    data = open_dataset(run.data.name, data_directory(options.data_dir))
    card = scorecard.scorecard(
        lambda num, seed: (kept.sample(num, seed), kept.labels(num, seed)),
        judges.find(data, "auto"),
        data,
        num=options.num,
        seeds=[0, 1, 2],
        names=list(kept.classes),
    )
    figures = {name: card[name] for name in _FIGURES if name in card}
    about["figures"] = figures | {"judge": card["classifier"], "num": card["num"]}
    pretrained.write(about, players, pretrained.DIRECTORY, options.name)
    return scorecard.table(card)


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
