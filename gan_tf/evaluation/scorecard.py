"""Every figure of an exported generator, with its interval over seeds and its floor."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_tf.data.dataset import Dataset
from gan_tf.evaluation import copies, fidelity, random_network, reals
from gan_tf.evaluation.classifier import Classifier
from gan_tf.evaluation.figures import COPIES, FIGURES, NEEDED
from gan_tf.evaluation.judging import Evaluation

Scorecard = dict[str, Any]
Sample = Callable[[int, int], npt.NDArray[np.uint8]]


def scorecard(
    sample: Sample,
    judge: Classifier,
    data: Dataset,
    *,
    num: int,
    seeds: Sequence[int],
    copies_too: bool = False,
) -> Scorecard:
    """Returns the figures of `num` samples of each seed.

    Args:
      sample: called with a number of images and a seed; uint8 `[N, H, W, C]`.
      judge: what judges images of the dataset.
      data: the dataset.
      num: samples of each seed; where they are compared with held-out images, at most as many as
        there are of these.
      seeds: latent seeds; the interval is that of the mean over them.
      copies_too: take COPIES even where the judge must look at all training images for that.

    Returns:
      Plain values: for each name in FIGURES that can be taken, and for COPIES, its `value`, `low`
      and `high` (None for a single seed) and `floor` (None where too few images are held out);
      then what was judged by whom.

    Raises:
      InputError: there are too few images for any figure.
    """
    compared = reals.compared(judge, data, num)
    num = compared.samples
    wanted = copies_too or compared.against == "training"
    finder = reals.copies(judge, data) if wanted else None
    evaluation = Evaluation(judge, compared, data.split("train").images, finder)
    found = [evaluation(sample(num, seed)) for seed in seeds]
    floor = _floor(evaluation, data, num) | ({COPIES: finder.usual} if finder else {})
    card: Scorecard = {}
    for name in (*FIGURES, COPIES):
        values = [figures[name] for figures in found if name in figures]
        if not values:
            continue
        low, high = fidelity.interval(values)
        card[name] = {
            "value": float(np.mean(values)),
            "low": None if math.isnan(low) else low,
            "high": None if math.isnan(high) else high,
            "floor": floor.get(name),
        }
    return card | {
        "classifier": judge.name,
        "classifier_digest": judge.digest,
        "classifier_accuracy": judge.accuracy,
        "dataset": data.name,
        "num": num,
        "seeds": list(seeds),
        "reals": evaluation.reals,
        "against": evaluation.against,
        "held_out": reals.held_out(data),
        "copies_by": finder.by if finder else None,
    }


def _floor(evaluation: Evaluation, data: Dataset, num: int) -> dict[str, float]:
    """What real images score; nothing where there are too few of them.

    As many training images, where samples are compared with held-out ones; else the held-out ones.
    """
    other = "train" if evaluation.against == "test" else "test"
    if other == "test" and reals.held_out(data) < NEEDED:
        return {}
    floor_reals = reals.judged(evaluation.classifier, data, other, num)
    # A training image is a copy of itself, so for copies test images show what is usual.
    images = reals.some(data.split("test").images, num)
    floor = evaluation.of_judged(floor_reals, evaluation.near_copies.share(images))
    return floor


def table(card: Scorecard) -> str:
    """Returns a scorecard for people, at 80 columns."""
    seeds = len(card["seeds"])
    lines = [
        f"{card['num']:,} samples of {'each of ' if seeds > 1 else ''}{seeds} "
        f"seed{'s' if seeds > 1 else ''}, against {card['reals']:,} {card['against']} images of "
        f"{card['dataset']},",
        f"judged by {card['classifier']}, {_judge(card)}",
        "",
        f"{'figure':<22}{'value':>9}   {'95 % interval':^21}{'real':>9}   better is",
    ]
    for name, (form, better) in FIGURES.items():
        if name in card:
            figure = card[name]
            value, floor = (_shown(figure[key], form) for key in ("value", "floor"))
            interval = (
                "-"
                if figure["low"] is None
                else f"{format(figure['low'], form)} to {format(figure['high'], form)}"
            )
            lines.append(f"{name:<22}{value:>9}   {interval:^21}{floor:>9}   {better}")
    remarks = list(_remarks(card))
    return "\n".join([*lines, *(["", *remarks] if remarks else [])])


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _judge(card: Scorecard) -> str:
    """What is to be known of the judge."""
    accuracy = card["classifier_accuracy"]
    if accuracy:
        return f"which classifies {100 * accuracy:.2f} % of them correctly"
    if card["classifier"] == random_network.NAME:
        return "whose weights are random, and which knows no classes"
    return "of ImageNet"


def _remarks(card: Scorecard) -> Iterator[str]:
    """Yields the lines below the table."""
    if COPIES in card:
        found = card[COPIES]
        yield from copies.words(found["value"], found["floor"], card["copies_by"])
    if card["against"] == "training":
        few = card["held_out"] < NEEDED
        yield (
            f"real: left out, for only {card['held_out']:,} images are held out (--held_out)"
            if few
            else f"real: {min(card['held_out'], card['num']):,} held-out images"
        )
    if "frechet_distance" not in card:
        yield "frechet_distance: left out, for it needs more samples than features (--num)"
