"""Every figure of an exported generator, with its interval over seeds and its floor."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_tf.data.dataset import Dataset
from gan_tf.evaluation import fidelity
from gan_tf.evaluation.classifier import Classifier
from gan_tf.evaluation.figures import FIGURES
from gan_tf.evaluation.judging import Evaluation, judged, some

Scorecard = dict[str, Any]
Sample = Callable[[int, int], npt.NDArray[np.uint8]]


def scorecard(
    sample: Sample, judge: Classifier, data: Dataset, *, num: int, seeds: Sequence[int]
) -> Scorecard:
    """Returns the figures of `num` samples of each seed.

    Args:
      sample: called with a number of images and a seed; uint8 `[N, H, W, C]`.
      judge: the classifier of the dataset.
      data: the dataset.
      num: samples of each seed, and as many reals of the test and of the training split; at
        most what the smaller of them has.
      seeds: latent seeds; the interval is that of the mean over them.

    Returns:
      Plain values: for each name in FIGURES its `value`, `low` and `high` (None for a single
      seed) and `floor`; then what was judged by whom.
    """
    training, test = data.split("train").images, data.split("test").images
    num = min(num, len(training), len(test))
    reals, floor_reals = (judged(judge, data, name, num) for name in ("test", "train"))
    evaluation = Evaluation(judge, reals, training)
    found = [evaluation(sample(num, seed)) for seed in seeds]
    # A training image is a copy of itself, so for copies test images show what is usual.
    floor = evaluation.of_judged(floor_reals, evaluation.near_copies.share(some(test, num)))
    card: Scorecard = {}
    for name in FIGURES:
        values = [figures[name] for figures in found]
        low, high = fidelity.interval(values)
        card[name] = {
            "value": float(np.mean(values)),
            "low": None if math.isnan(low) else low,
            "high": None if math.isnan(high) else high,
            "floor": floor[name],
        }
    return card | {
        "classifier": judge.name,
        "classifier_digest": judge.digest,
        "classifier_accuracy": judge.accuracy,
        "dataset": data.name,
        "num": num,
        "seeds": list(seeds),
        "reals": evaluation.reals,
    }


def table(card: Scorecard) -> str:
    """Returns a scorecard for people, at 80 columns."""
    seeds = len(card["seeds"])
    accuracy = card["classifier_accuracy"]
    judge = (
        f"which classifies {100 * accuracy:.2f} % of them correctly" if accuracy else "of ImageNet"
    )
    lines = [
        f"{card['num']:,} samples of {'each of ' if seeds > 1 else ''}{seeds} "
        f"seed{'s' if seeds > 1 else ''}, against {card['reals']:,} test images of "
        f"{card['dataset']},",
        f"judged by {card['classifier']}, {judge}",
        "",
        f"{'figure':<22}{'value':>9}   {'95 % interval':^21}{'real':>9}   better is",
    ]
    for name, (form, better) in FIGURES.items():
        figure = card[name]
        value, floor = format(figure["value"], form), format(figure["floor"], form)
        interval = (
            "-"
            if figure["low"] is None
            else f"{format(figure['low'], form)} to {format(figure['high'], form)}"
        )
        lines.append(f"{name:<22}{value:>9}   {interval:^21}{floor:>9}   {better}")
    return "\n".join(lines)
