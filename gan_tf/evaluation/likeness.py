"""Samples beside the real images that are most like them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gan_tf.data.dataset import Dataset
from gan_tf.data.rows import Rows
from gan_tf.evaluation import reals
from gan_tf.evaluation.classifier import Classifier
from gan_tf.evaluation.copies import Nearest, nearest
from gan_tf.report import pictures

Pixels = npt.NDArray[np.uint8]

_NEAREST = 6  # Samples that are shown because they are the nearest to a training image ...
_TYPICAL = 6  # ... and those that are spread over all others.
_NEIGHBOURS = 3  # Training images beside each.


class Likeness(NamedTuple):
    """Rows of a sample, the training images nearest to it, and the nearest held-out image.

    Attributes:
      tiles: uint8 `[rows, columns, H, W, C]`.
      columns: what the images of each column are: `sample`, `training` or `held out`.
      distances: of each to the sample of its row, by features and by pixels, as text in
        `[rows][columns]`; empty for the sample itself.
      training: how many training images were looked at.
    """

    tiles: Pixels
    columns: Sequence[str]
    distances: Sequence[Sequence[str]]
    training: int


def write(path: Path, samples: Pixels, judge: Classifier, data: Dataset) -> None:
    """Publishes a PNG with a row for each of some samples; see `find`."""
    tiles, columns, distances, _ = find(samples, judge, data)
    texts = [
        [f"{name} {text}".rstrip() for name, text in zip(columns, row, strict=True)]
        for row in distances
    ]
    pictures.write_rows(path, tiles, texts)


def find(samples: Pixels, judge: Classifier, data: Dataset, most: int = reals.SEARCHED) -> Likeness:
    """Returns some samples beside the real images most like them.

    Args:
      samples: uint8 `[N, H, W, C]`, from which those nearest to a training image are taken, and
        others at even shares of all.
      judge: whose features say what is near.
      data: the dataset, with at least three training images.
      most: training images that are looked at.
    """
    features = judge(samples).features
    real = reals.of_training(judge, data, most).features
    training = nearest(features, real, _NEIGHBOURS)
    order = training.distances[:, 0].argsort(kind="stable")
    spread = np.linspace(min(_NEAREST, len(order) - 1), len(order) - 1, _TYPICAL).astype(int)
    shown = order[np.unique([*range(min(_NEAREST, len(order))), *spread])]
    real_ones = [("training", "train", training)]
    if (held_out := reals.of_held_out(judge, data)) is not None:
        real_ones.append(("held out", "test", nearest(features, held_out.features, 1)))
    columns, tiles, texts = ["sample"], [samples[shown]], [[""] * len(shown)]
    for name, split, found in real_ones:
        images = _images(data, split, found, shown)
        for place in range(images.shape[1]):
            columns.append(name)
            tiles.append(images[:, place])
            texts.append(
                [
                    f"{found.distances[index, place]:.2f}  {_rms(sample, other):.3f}"
                    for index, sample, other in zip(
                        shown, samples[shown], images[:, place], strict=True
                    )
                ]
            )
    rows = list(zip(*texts, strict=True))
    return Likeness(np.stack(tiles, axis=1), columns, rows, len(real))


def _images(data: Dataset, split: str, found: Nearest, shown: npt.NDArray[np.intp]) -> Pixels:
    """The images `[n, k, H, W, C]` that were found for the samples that are shown."""
    images = data.split(split).images
    return Rows(images)[reals.chosen(len(images), len(images))[found.indices[shown]]]


def _rms(one: Pixels, other: Pixels) -> float:
    """The root mean square difference of pixels, in units of their range."""
    return float(np.sqrt(np.mean(np.square(np.subtract(one, other, dtype=np.float64)))) / 255.0)
