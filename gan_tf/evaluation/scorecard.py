"""Every figure of an exported generator, with its interval over seeds and its floor."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_tf.data.dataset import Dataset
from gan_tf.evaluation import class_table, copies, fidelity, random_network, reals
from gan_tf.evaluation.by_class import ByClass, Labelled, Labels, worst
from gan_tf.evaluation.classifier import Classifier
from gan_tf.evaluation.figures import COPIES, NEEDED, SHOWN
from gan_tf.evaluation.judging import Evaluation
from gan_tf.host import progress

_PARTS = 3  # Of the work on a seed, for the bar.

Scorecard = dict[str, Any]
Sample = Callable[[int, int], tuple[npt.NDArray[np.uint8], Labels | None]]


def scorecard(
    sample: Sample,
    judge: Classifier,
    data: Dataset,
    *,
    num: int,
    seeds: Sequence[int],
    copies_too: bool = False,
    names: Sequence[str] = (),
) -> Scorecard:
    """Returns the figures of `num` samples of each seed.

    Args:
      sample: called with a number of images and a seed; uint8 `[N, H, W, C]`, and the labels that
        were asked for `[N]`, if the generator takes any.
      judge: what judges images of the dataset.
      data: the dataset.
      num: samples of each seed; where they are compared with held-out images, at most as many as
        there are of these.
      seeds: latent seeds; the interval is that of the mean over them.
      copies_too: take COPIES even where the judge must look at all training images for that.
      names: of the classes that a conditional generator takes, in the order of its labels.

    Returns:
      Plain values: for each name in FIGURES that can be taken, for LABEL_ACCURACY and for COPIES,
      its `value`, `low` and `high` (None for a single seed) and `floor` (None where too few images
      are held out); then what was judged by whom. Of a conditional generator also `classes`: the
      CLASS_FIGURES of the first seed's samples, and of real images, by the class; and
      `worst_class`.

    Raises:
      InputError: there are too few images for any figure.
    """
    compared = reals.compared(judge, data, num)
    num = compared.samples
    wanted = copies_too or compared.against == "training"
    finder = reals.copies(judge, data) if wanted else None
    evaluation = Evaluation(judge, compared, data.split("train").images, finder, names)
    found, first = [], None
    others = _others(evaluation, data, num)
    with progress.bar("evaluating", _PARTS * len(seeds) + 1) as bar:
        for seed in seeds:
            images, labels = sample(num, seed)
            bar.update()
            judged = judge(images)
            bar.update()
            found.append(evaluation.of_samples(judged, images, labels))
            bar.update()
            if first is None and labels is not None:
                first = Labelled(judged, labels)
        floor = _floor(evaluation, data, num, others) | ({COPIES: finder.usual} if finder else {})
        bar.update()
    card: Scorecard = {}
    for name in (*SHOWN, COPIES):
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
    if evaluation.by_class and first:
        card |= _classes(evaluation.by_class, first, others)
    return card | {
        "classifier": judge.name,
        "classifier_digest": judge.digest,
        "classifier_accuracy": judge.accuracy,
        "dataset": data.name,
        "digest": data.description.digest,
        "num": num,
        "seeds": list(seeds),
        "reals": evaluation.reals,
        "against": evaluation.against,
        "held_out": reals.held_out(data),
        "copies_by": finder.by if finder else None,
        "copies_among": len(finder.training) if finder else None,
        "training": len(data.split("train").images),
    }


def _others(evaluation: Evaluation, data: Dataset, num: int) -> Labelled | None:
    """Other real images than those that samples are compared with, which show what a perfect
    generator scores; None where there are too few.

    As many training images, where samples are compared with held-out ones; else the held-out ones.
    """
    name = "train" if evaluation.against == "test" else "test"
    if name == "test" and reals.held_out(data) < NEEDED:
        return None
    judged = reals.judged(evaluation.classifier, data, name, num)
    return Labelled(judged, reals.labels(data, name, num))


def _floor(
    evaluation: Evaluation, data: Dataset, num: int, others: Labelled | None
) -> dict[str, Any]:
    """What real images score; nothing where there are too few of them."""
    if others is None:
        return {}
    # A training image is a copy of itself, so for copies test images show what is usual.
    images = reals.some(data.split("test").images, num)
    floor: dict[str, Any] = evaluation.of_judged(
        others.judged, evaluation.near_copies.share(images)
    )
    return floor | (evaluation.by_class.summary(others) if evaluation.by_class else {})


def _classes(by_class: ByClass, samples: Labelled, others: Labelled | None) -> dict[str, Any]:
    """What a scorecard says of the classes."""
    rows, floor = by_class.table(samples), by_class.table(others) if others else {}
    found = worst(rows, floor)
    return {
        "classes": {name: {"samples": row, "real": floor.get(name)} for name, row in rows.items()},
        "worst_class": {"name": found[0], "coverage_of_the_real": found[1]} if found else None,
    }


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
    for name, (form, better) in SHOWN.items():
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
    lines += ["", *remarks] if remarks else []
    return "\n".join([*lines, *(["", *class_table.lines(card)] if "classes" in card else [])])


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _judge(card: Scorecard) -> str:
    """What is to be known of the judge."""
    accuracy = card["classifier_accuracy"]
    if accuracy is not None:
        return f"which classifies {100 * accuracy:.2f} % of held-out images correctly"
    if card["classifier"] == random_network.NAME:
        return "whose weights are random, and which knows no classes"
    return "which knows photographs"


def _remarks(card: Scorecard) -> Iterator[str]:
    """Yields the lines below the table."""
    if COPIES in card:
        found = card[COPIES]
        yield from copies.words(found["value"], found["floor"], card["copies_by"])
        if card["copies_among"] < card["training"]:
            yield f"  sought among {card['copies_among']:,} of {card['training']:,} training images"
    if card["against"] == "training":
        few = card["held_out"] < NEEDED
        yield (
            f"real: left out, for only {card['held_out']:,} images are held out (--held_out)"
            if few
            else f"real: {min(card['held_out'], card['num']):,} held-out images"
        )
    if "frechet_distance" not in card:
        yield "frechet_distance: left out, for it needs more samples than features (--num)"
