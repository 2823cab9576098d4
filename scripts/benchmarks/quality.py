"""Time to quality: the Fréchet distance after so many seconds of training, ours and plain loops'.

Up to a mark, seconds count from the end of the first call and those of judging do not; the
minutes of a whole run have everything in them.
"""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from benchmarks.figures import ROOT, Command, Figure, last_line, number, plain_loop, say
from gan_tf.config import Config
from gan_tf.data import cache
from gan_tf.data.dataset import open_dataset
from gan_tf.data.feed import Feed
from gan_tf.data.pixels import unscale
from gan_tf.evaluation import classifier
from gan_tf.evaluation.judging import Evaluation
from gan_tf.evaluation.reals import compared
from gan_tf.game import latents
from gan_tf.game.step import step
from gan_tf.host import process
from gan_tf.training import build
from gan_tf.training.loop import Loop, NotFiniteError

_SAMPLES = 10_000
_BATCH = 250  # Of samples that are drawn.
_MARGIN = 0.1  # Seconds by which a mark may be missed.
_HERE = Path(__file__).parent
Pixels = npt.NDArray[np.uint8]


def quality(
    place: Path, data_dir: Path, seeds: Sequence[int], seconds: float, steps: int | None
) -> list[Figure]:
    """The default run against TensorFlow's tutorial and a plain small DCGAN.

    Args:
      place: where samples may lie.
      data_dir: where the dataset is prepared.
      seeds: of the default runs.
      seconds: how long the plain loops train; 600, or less for a quick look.
      steps: length of the default runs, for a quick look; None is their own.
    """
    score = judge_of_mnist(data_dir)
    tutorial = plain("tutorial", place, data_dir, [seconds * n / 10 for n in range(1, 11)], score)
    small = plain("small", place, data_dir, [seconds / 2, seconds], score)
    marks = [seconds / 60, seconds / 20]
    early = [marked(data_dir, seed, marks, score) for seed in seeds]
    final, minutes = default_runs(place, data_dir, seeds, steps)
    best, last = min(tutorial), small[-1]
    part, unit = "quality", "Fréchet distance"
    figures = [
        Figure(part, f"tutorial loop, its best of {seconds:.0f} s", best, unit),
        Figure(part, f"plain small DCGAN, {seconds:.0f} s", last, unit),
    ]
    whole = f"{steps} steps" if steps else "default run"
    for name, bound, found in (
        (f"{marks[0]:.0f} s", best, [distances[0] for distances in early]),
        (f"{marks[1]:.0f} s", last, [distances[1] for distances in early]),
        (whole, last / 8, final),
    ):
        figures.append(
            Figure(part, f"gan_tf, {name}", median(found), unit, f"<= {bound:.3g}", found)
        )
    return [*figures, Figure(part, f"gan_tf, {whole}", median(minutes), "min", "<= 10", minutes)]


def plain(
    recipe: str, place: Path, data_dir: Path, marks: Sequence[float], score: Evaluation
) -> list[float]:
    """The distance of a plain loop's samples at each mark."""
    output = place / recipe
    output.mkdir()
    reals = cache.directory("mnist", data_dir) / "train-images.npy"
    names = [f"{mark:g}" for mark in marks]
    command = [*plain_loop(recipe, reals), "--output", output]
    last_line([*command, "--marks", ",".join(names)])
    judged = [figures_of(np.load(output / f"{name}.npy"), score) for name in names]
    found = [figures["frechet_distance"] for figures in judged]
    for name, each in zip(names, found, strict=True):
        say(f"{recipe}: {name} s: Fréchet distance {number(each)}")
    return found


def marked(data_dir: Path, seed: int, marks: Sequence[float], score: Evaluation) -> list[float]:
    """The distance of the averaged generator of a default run at each mark."""
    config = Config(seed=seed, data_dir=str(data_dir)).resolved()
    found = [figures["frechet_distance"] for figures in follow(config, marks, score)]
    return found + [math.inf] * (len(marks) - len(found))


def default_runs(
    place: Path, data_dir: Path, seeds: Sequence[int], steps: int | None
) -> tuple[list[float], list[float]]:
    """The distance of each seed's export, and the run's minutes, evaluations included.

    The runs are those of `scripts/seeds`.
    """
    runs = place / "seeds"
    command: Command = [
        sys.executable,
        ROOT / "scripts" / "seeds.py",
        f"--seeds={','.join(map(str, seeds))}",
        f"--runs_dir={runs}",
        f"--data_dir={data_dir}",
        f"--output={runs / 'table.md'}",
        *([f"--steps={steps}"] if steps else []),
    ]
    subprocess.run(command, check=True, stdout=sys.stderr)
    found, minutes = [], []
    for seed in seeds:
        card, result = (
            json.loads((runs / f"seed-{seed}" / name).read_text(encoding="utf-8"))
            for name in ("evaluation.json", "result.json")
        )
        found.append(card["frechet_distance"]["value"])
        minutes.append(result["seconds"] / 60)
    return found, minutes


def follow(
    config: Config, marks: Sequence[float], score: Evaluation, samples: int = _SAMPLES
) -> list[dict[str, float]]:
    """Trains, and judges the averaged generator at marks in seconds; a step that is not finite
    ends it.

    Args:
      config: what to train; its length ends it, or the last mark.
      marks: seconds of training; each is judged at most a tenth of a second before it.
      score: the judge.
      samples: how many it sees at each.

    Returns:
      The figures, and the step, at each mark that was reached.
    """
    reals, _ = build.dataset(config).reals(config.validation_images)
    game = build.game(config, reals)
    feed = Feed(
        reals,
        batch_size=config.batch_size,
        discriminator_steps=config.discriminator_steps,
        seed=config.seed,
    )
    loop = Loop(lambda batch: step(game, batch), game.state, feed, _MARGIN)
    total = config.total_steps(len(reals.images))
    distribution = latents.distribution_of(config.latents, config.latent_codes)
    z = distribution((samples, config.latent_dim), tf.constant([0, 7]))

    def judge() -> dict[str, float]:
        batches = [z[start : start + _BATCH] for start in range(0, samples, _BATCH)]
        parts = [game.state.ema_generator(batch, training=False) for batch in batches]
        found = figures_of(unscale(np.concatenate(parts)), score)
        where = f"seed {config.seed}: {seconds:.1f} s, step {loop.executed:,}"
        say(f"{where}: Fréchet distance {number(found['frechet_distance'])}")
        return found | {"step": loop.executed}

    seconds, left, found = 0.0, list(marks), []
    with process.reproducible(), contextlib.suppress(NotFiniteError):
        steps = loop.run_until(total, lambda _: total)
        next(steps)  # Compiles.
        judge()
        start = time.monotonic()
        for _ in steps:
            call = time.monotonic() - start
            seconds += call
            if seconds + 1.2 * call > left[0]:  # The next call would pass the mark.
                found.append(judge())
                left.pop(0)
                if not left:
                    break
            start = time.monotonic()
    return found


def figures_of(pixels: Pixels, score: Evaluation) -> dict[str, float]:
    """All figures but the near copies, which are slow to find."""
    return score.of_judged(score.classifier(pixels), 0.0)


def judge_of_mnist(data_dir: Path, samples: int = _SAMPLES) -> Evaluation:
    """The packaged classifier against so many images of the test split."""
    mnist = open_dataset("mnist", data_dir)
    judge = classifier.packaged(mnist.description)
    reals = compared(judge, mnist, samples)
    return Evaluation(judge, reals, mnist.split("train").images)
