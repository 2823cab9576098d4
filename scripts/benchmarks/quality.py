"""Time to quality: the Fréchet distance after so many seconds of training, ours and plain loops'.

Seconds count from the end of the first call; those of judging do not count.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from benchmarks.figures import Command, Figure, last_line, number, say
from gan_tf import build, classifier, data, evaluation, latents
from gan_tf.config import Config
from gan_tf.evaluation import Evaluation
from gan_tf.loop import Loop

_SAMPLES = 10_000
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
    split = functools.partial(data.load, "mnist", data_dir, None)
    judge = classifier.packaged("mnist")
    reals = evaluation.judged(judge, "mnist", data_dir, "test", split, _SAMPLES)
    score = Evaluation(judge, reals, split("train").images)
    tutorial = plain("tutorial", place, data_dir, [seconds * n / 10 for n in range(1, 11)], score)
    small = plain("small", place, data_dir, [seconds / 2, seconds], score)
    marks = [seconds / 60, seconds / 20]
    runs = {seed: default_run(data_dir, seed, marks, steps, score) for seed in seeds}
    best, last = min(tutorial), small[-1]
    part, unit = "quality", "Fréchet distance"
    figures = [
        Figure(part, f"tutorial loop, its best of {seconds:.0f} s", best, unit),
        Figure(part, f"plain small DCGAN, {seconds:.0f} s", last, unit),
    ]
    for place_of, name, bound in (
        (0, f"gan_tf, {marks[0]:.0f} s", best),
        (1, f"gan_tf, {marks[1]:.0f} s", last),
        (2, f"gan_tf, {f'{steps} steps' if steps else 'default run'}", last / 8),
    ):
        found = [distances[place_of] for distances, _ in runs.values()]
        figures.append(Figure(part, name, median(found), unit, f"<= {bound:.3g}", found))
    lengths = [length / 60 for _, length in runs.values()]
    return [
        *figures,
        Figure(part, "that run, without judging", median(lengths), "min", "<= 10", lengths),
    ]


def plain(
    recipe: str, place: Path, data_dir: Path, marks: Sequence[float], score: Evaluation
) -> list[float]:
    """The distance of a plain loop's samples at each mark."""
    output = place / recipe
    output.mkdir()
    reals = data_dir / "gan_tf" / "mnist" / "train-images.npy"
    names = [f"{mark:g}" for mark in marks]
    command: Command = [sys.executable, _HERE / "keras_loop.py", recipe, reals, "--output", output]
    last_line([*command, "--marks", ",".join(names)])
    found = [distance(np.load(output / f"{name}.npy"), score) for name in names]
    for name, each in zip(names, found, strict=True):
        say(f"{recipe}: {name} s: Fréchet distance {number(each)}")
    return found


def default_run(
    data_dir: Path, seed: int, marks: Sequence[float], length: int | None, score: Evaluation
) -> tuple[list[float], float]:
    """The averaged generator's distance at each mark and at the end; the seconds of training."""
    config = Config(seed=seed, data_dir=str(data_dir), steps=length).resolved()
    reals, _ = build.images(config)
    game = build.game(config, reals)
    loop = Loop(game.step, game.state, reals, config.discriminator_steps, config.batch_size)
    z = latents.LATENTS[config.latents]((_SAMPLES, config.latent_dim), tf.constant([seed, 7]))

    def judge(what: str) -> float:
        parts = [game.state.ema_generator(part, training=False) for part in tf.split(z, 40)]
        found = distance(data.unscale(np.concatenate(parts)), score)
        say(f"gan_tf, seed {seed}, {what}: Fréchet distance {number(found)}")
        return found

    def batches(first: int, steps: int) -> npt.NDArray[np.int32]:
        found = data.batch_indices(first, steps, config.batch_size, len(reals), seed)
        return found.reshape(steps, 1, config.batch_size)

    steps = loop.run_until(config.total_steps(len(reals)), batches, [10**9])
    next(steps)  # Compiles.
    judge("step 1")
    left, found, seconds, call = list(marks), [], 0.0, 0.0
    start = time.monotonic()
    for step in steps:
        call, seconds = time.monotonic() - start, seconds + time.monotonic() - start
        if left and seconds + 1.2 * call > left[0]:  # The next call would pass the mark.
            found.append(judge(f"{seconds:.1f} s, step {step:,}"))
            left.pop(0)
        start = time.monotonic()
    found += [judge(f"the end, {seconds:.0f} s")] * (len(left) + 1)
    return found, seconds


def distance(pixels: Pixels, score: Evaluation) -> float:
    """The Fréchet distance of images from the test split's."""
    return score.of_judged(score.classifier(pixels), 0.0)["frechet_distance"]
