"""Are samples copies of the training images? By distances to the nearest ones, in features.

A copy is far nearer to one training image than to all others: the ratio of the distances to the
nearest and the second nearest tells it, as in "Diffusion Probabilistic Models Generalize when They
Fail to Memorize" (Yoon et al., 2023). A small distance alone does not: a blurred average is near
many images. A small ratio alone does not either: far from all of them one odd image can be nearest.
How small both usually are, images of the same kind say that the generator never saw: the comparison
of "A Non-Parametric Test to Detect Data-Copying in Generative Models" (Meehan et
al., 2020).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gan_tf.evaluation.figures import NEEDED
from gan_tf.evaluation.pairs import over_blocks, squared_distances

Floats = npt.NDArray[np.floating]

QUANTILE = 0.05  # The share of images of the same kind that count as copies, by chance.
COPYING = 0.5  # The share from which a generator is said to copy.

_MOST = 2_000  # Images that the quantile is taken of.


class Nearest(NamedTuple):
    """The nearest of some points to others, the nearest first.

    Attributes:
      distances: `[N, k]`, Euclidean.
      indices: `[N, k]`, of the points.
    """

    distances: npt.NDArray[np.float64]
    indices: npt.NDArray[np.intp]


class Copies:
    """Finds samples that are like copies of training images.

    Attributes:
      training: features of the training images `[M, D]`.
      by: whose ratios say what is usual: those of `held-out` images, or, if those were too few, of
        `training` images, each among the others.
      limit: the ratio that only QUANTILE of them reach or fall below.
      farthest: the distance to the nearest that half of them are beyond.
      usual: the share of them that are within both, by chance.
    """

    def __init__(self, training: Floats, held_out: Floats) -> None:
        """Takes features `[M, D]`, at least 3, and `[N, D]`, perhaps none."""
        self.training = training
        self.by = "held-out" if len(held_out) >= NEEDED else "training"
        if self.by == "held-out":
            usual = nearest(held_out[:_MOST], training, 2)
        else:
            others = nearest(training[:_MOST], training, 3)
            usual = Nearest(others.distances[:, 1:], others.indices[:, 1:])  # Not itself.
        self.limit = float(np.quantile(_ratios(usual), QUANTILE))
        self.farthest = float(np.median(usual.distances[:, 0]))
        self.usual = self._share(usual)

    def share(self, samples: Floats) -> float:
        """Returns the share of samples `[N, D]` that are like copies."""
        return self._share(nearest(samples, self.training, 2))

    def _share(self, found: Nearest) -> float:
        near = found.distances[:, 0] <= self.farthest
        return float((near & (_ratios(found) <= self.limit)).mean())


def _ratios(found: Nearest) -> npt.NDArray[np.float64]:
    """The distance to the nearest over that to the second nearest, `[N]`; 0 where both are 0."""
    first, second = found.distances[:, 0], found.distances[:, 1]
    return np.divide(first, second, out=np.zeros_like(first), where=second > 0.0)


def nearest(points: Floats, others: Floats, k: int) -> Nearest:
    """Returns the k nearest of others `[M, D]` to each of the points `[N, D]`; M >= k."""
    x, y = np.asarray(points, np.float64), np.asarray(others, np.float64)
    distances = squared_distances(x, y)

    def of_block(block: slice) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
        pairs = distances(block)
        found = np.argpartition(pairs, k - 1, axis=1)[:, :k]
        squares = np.take_along_axis(pairs, found, axis=1)
        order = np.argsort(squares, axis=1)
        squares = np.take_along_axis(squares, order, axis=1)
        return np.sqrt(squares.clip(min=0.0)), np.take_along_axis(found, order, axis=1)

    parts = over_blocks(of_block, len(x), len(y))
    return Nearest(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def words(share: float, usual: float, by: str) -> Iterator[str]:
    """Yields what a share says beside the usual one, in lines of at most 80 columns."""
    if share >= COPYING:
        verdict = "the generator copies training images"
    elif share > 2 * usual:
        verdict = "more than usual"
    else:
        verdict = "no more than usual"
    others = "held-out images" if by == "held-out" else "the training images themselves"
    yield f"copies: {verdict}:"
    yield f"  {100 * share:.1f} % of the samples are near to one training image, and so much nearer"
    yield f"  than to all others, as {100 * usual:.1f} % of {others} are"
