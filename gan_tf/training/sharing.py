"""Samples that an evaluation wants, drawn and looked at by all workers of a run, each its share."""

from __future__ import annotations

import time

import keras
import numpy as np

from gan_tf.config import Config
from gan_tf.data.cache import Split
from gan_tf.data.dataset import Dataset
from gan_tf.evaluation import judges
from gan_tf.evaluation.classifier import Classifier, Judged
from gan_tf.evaluation.judging import Evaluation
from gan_tf.game.latents import Draw
from gan_tf.training import drawing
from gan_tf.training.drawing import Pixels
from gan_tf.training.metrics import Line
from gan_tf.workers.connection import Arrays
from gan_tf.workers.team import Team


class Judging:
    """Draws and judges the share of one of the others, when the chief asks for it."""

    def __init__(self, config: Config, data: Dataset, reals: Split, team: Team) -> None:
        """Takes what is trained on what; the judge is found when it is asked for first."""
        self._config, self._data, self._reals, self._team = config, data, reals, team
        self._judge: Classifier | None = None

    def answer(self, attempt: Config, generator: keras.Model, samples: int) -> None:
        """Gives the chief this worker's share of so many samples of an attempt."""
        if self._judge is None:
            self._judge = judges.find(self._data, self._config.classifier)
        classes = len(self._data.description.classes)
        asked = drawing.for_evaluation(attempt, samples, self._reals, classes)
        self._team.give(_part(self._judge, generator, asked, *self._team.share))


def judged(evaluation: Evaluation, generator: keras.Model, asked: Draw, team: Team | None) -> Line:
    """Returns the figures of what a generator makes of a draw, and the seconds that they took; of
    the chief of several workers with the help of the others."""
    start = time.monotonic()
    labels = None if asked.labels is None else asked.labels.numpy()
    images, looks = _samples(evaluation.classifier, generator, asked, team)
    figures: Line = evaluation.of_samples(looks, images, labels)
    return figures | {"evaluation_seconds": round(time.monotonic() - start, 3)}


def _samples(
    judge: Classifier, generator: keras.Model, asked: Draw, team: Team | None
) -> tuple[Pixels, Judged]:
    """The images `[N, H, W, C]` of a draw, and what a judge makes of them."""
    if team is None:
        images = drawing.draw(generator, asked)
        return images, judge(images)
    team.tell({"samples": len(asked.latents)})
    given = [_part(judge, generator, asked, *team.share), *team.hear()]
    parts = [part for part in given if part]
    judged = [Judged(part["features"], part.get("probabilities")) for part in parts]
    return np.concatenate([part["images"] for part in parts]), Judged.joined(judged)


def _part(judge: Classifier, generator: keras.Model, asked: Draw, rank: int, number: int) -> Arrays:
    """A worker's share of the samples, and what the judge makes of it; nothing of none."""
    start, end = (len(asked.latents) * each // number for each in (rank, rank + 1))
    if start == end:
        return {}
    labels = None if asked.labels is None else asked.labels[start:end]
    images = drawing.draw(generator, Draw(asked.latents[start:end], labels))
    found = judge(images)._asdict() | {"images": images}
    return {name: array for name, array in found.items() if array is not None}
