"""A folder of pictures, in equal minutes: gan_tf and lightweight-gan, judged by one network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.figures import Command, Figure, last_line, say
from benchmarks.quality import Pixels, figures_of, follow
from gan_tf.config import Config
from gan_tf.data.dataset import Dataset
from gan_tf.evaluation import judges
from gan_tf.evaluation.judging import Evaluation
from gan_tf.evaluation.reals import compared
from gan_tf.report.pictures import write_grid
from gan_tf.training import build

_HERE = Path(__file__).parent
_SAMPLES = 2_000
_JUDGED = {"frechet_distance": "<=", "precision": "", "recall": "", "coverage": ">="}


def peer(
    place: Path, data_dir: Path, images: str, python: Path, seconds: float, picture: Path
) -> list[Figure]:
    """Both train on the same images in RGB, as gan_tf imports them, each with its defaults.

    Ours is judged by the average of G; theirs by G itself, for it averages later.

    Args:
      place: where the peer may work.
      data_dir: where the images are imported to.
      images: a folder or archive of pictures.
      python: one that has lightweight-gan.
      seconds: how long each trains.
      picture: where 16 samples of the peer are shown.
    """
    # The seconds end it, not a number of steps.
    config = Config(images=images, channels="3", data_dir=str(data_dir), steps=10**8).resolved()
    data = build.dataset(config)
    judge = judges.find(data, "auto")
    score = Evaluation(judge, compared(judge, data, _SAMPLES), data.split("train").images)
    theirs, steps, samples = _theirs(place, data, python, seconds, score)
    write_grid(picture, samples[:16], columns=8)
    (ours,) = follow(config, [seconds], score, _SAMPLES)
    part = f"{Path(images).name}, {seconds / 60:.3g} min each"
    rows = [
        Figure(
            part, f"gan_tf, {name}", ours[name], "", f"{sign} {theirs[name]:.3g}" if sign else ""
        )
        for name, sign in _JUDGED.items()
    ]
    return [
        *rows,
        *(Figure(part, f"lightweight-gan, {name}", theirs[name], "") for name in _JUDGED),
        Figure(part, "gan_tf, images seen", ours["step"] * config.batch_size, "images"),
        Figure(part, "lightweight-gan, images seen", steps["images"], "images"),
    ]


def _theirs(
    place: Path, data: Dataset, python: Path, seconds: float, score: Evaluation
) -> tuple[dict[str, float], dict[str, float], Pixels]:
    """The peer's figures, what it did, and its samples."""
    folder, output = place / "pictures", place / "lightweight-gan"
    folder.mkdir()
    for number, image in enumerate(data.split("train").images):
        Image.fromarray(image).save(folder / f"{number:06d}.png")
    size = data.description.image_shape[0]
    command: Command = [python, _HERE / "lightweight_gan_loop.py", folder]
    flags = [f"--size={size}", f"--seconds={seconds:g}", f"--num={_SAMPLES}"]
    done = last_line([*command, *flags, f"--output={output}"])
    say(f"lightweight-gan: {done['steps']} steps")
    samples = np.load(output / "samples.npy")
    return figures_of(samples, score), done, samples
