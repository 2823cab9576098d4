"""How far generated images are from real ones, as closed forms on a classifier's outputs.

Its features are `[N, D]`, its probabilities `[N, C]`; nothing here draws at random.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.special
from threadpoolctl import threadpool_limits

from gan_tf.data.rows import Rows
from gan_tf.evaluation.pairs import over_blocks, slack, squared_distances

Floats = npt.NDArray[np.floating]
Images = npt.NDArray[np.uint8]

NEIGHBOURS = 5  # The k of the manifolds' balls, as in Naeem et al. (2020).
CONFIDENT = 0.9  # The largest probability at which the classifier counts as sure.
NEAR_COPY = 0.04  # Root mean square pixel difference of a copy, pixels in [0, 1].

_PAIRS = 500  # Pairs of images compared at a time.
_PART = 2**26  # Bytes of training images read at a time.
_KEPT = 2**30  # Bytes of training images whose cell sums, a quarter of that, are kept.
_HELD = 2**28  # Bytes of training images that are held in memory, which is several times faster.


def frechet_distance(reals: Floats, fakes: Floats) -> float:
    """Returns |mu1 - mu2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2), at least 0; S are unbiased covariances.

    The Fréchet distance of two Gaussians, squared (Dowson & Landau, 1982); the FID where the
    features are Inception's. See "GANs Trained by a Two Time-Scale Update Rule Converge to a
    Local Nash Equilibrium" (Heusel et al., 2017), equation 6.

    Args:
      reals, fakes: features `[N, D]` and `[M, D]`, at least 2 of each.
    """
    with threadpool_limits(1, "blas"):  # As in `pairs`: one thread is faster on so little.
        shift = reals.mean(axis=0, dtype=np.float64) - fakes.mean(axis=0, dtype=np.float64)
        real, fake = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (reals, fakes))
        # S1^1/2 S2 S1^1/2 has the eigenvalues of S1 S2, but is symmetric and needs no inverse: a
        # dead feature, which makes S singular, does no harm.
        values, vectors = np.linalg.eigh(real)
        root = vectors * np.sqrt(values.clip(min=0.0)) @ vectors.T
        overlap = np.sqrt(np.linalg.eigvalsh(root @ fake @ root).clip(min=0.0)).sum()
        return max(0.0, float(shift @ shift + np.trace(real + fake) - 2.0 * overlap))


def kernel_distance(reals: Floats, fakes: Floats) -> float:
    """Returns the unbiased estimate of the squared MMD under the kernel (x.y / D + 1)^3.

    Of all pairs, so it can fall a little below 0; the KID where the features are Inception's.
    See "Demystifying MMD GANs" (Binkowski et al., 2018) and, for the estimate, "A Kernel
    Two-Sample Test" (Gretton et al., 2012), equation 3.

    Args:
      reals, fakes: features `[N, D]` and `[M, D]`, at least 2 of each.
    """
    x, y = np.asarray(reals, np.float64), np.asarray(fakes, np.float64)
    across = _kernel_sum(x, y) / (len(x) * len(y))
    within = 0.0
    for points in (x, y):
        itself = ((np.einsum("ij,ij->i", points, points) / points.shape[1] + 1.0) ** 3).sum()
        within += (_kernel_sum(points, points) - itself) / (len(points) * (len(points) - 1))
    return float(within - 2.0 * across)


def classifier_score(probabilities: Floats) -> float:
    """Returns exp(E[KL(p(y|x) || p(y))]) of p(y|x) `[N, C]`, between 1 and C.

    The Inception score where the classifier is Inception. See "Improved Techniques for Training
    GANs" (Salimans et al., 2016), section 4.
    """
    p = np.asarray(probabilities, np.float64)
    return math.exp(scipy.special.rel_entr(p, p.mean(axis=0)).sum(axis=1).mean())


def confident_share(probabilities: Floats, threshold: float = CONFIDENT) -> float:
    """Returns the share of rows of `[N, C]` whose largest probability is at least threshold."""
    return float((probabilities.max(axis=1) >= threshold).mean())


def class_histogram(probabilities: Floats) -> npt.NDArray[np.float64]:
    """Returns `[C]`: the share of rows of `[N, C]` in which each class is the most probable."""
    images, classes = probabilities.shape
    counts = np.bincount(probabilities.argmax(axis=1), minlength=classes)
    return np.divide(counts, images, dtype=np.float64)


def total_variation(p: Floats, q: Floats) -> float:
    """Returns half the L1 distance of two histograms `[C]`: 0 if equal, 1 if disjoint."""
    return float(np.abs(p - q).sum() / 2.0)


def neighbour_radii(features: Floats, k: int = NEIGHBOURS) -> npt.NDArray[np.float64]:
    """Returns each feature's distance to its k-th nearest other one, `[N]` of `[N, D]`, N > k."""
    points = np.asarray(features, np.float64)
    distances = squared_distances(points, points)

    def squares(block: slice) -> Floats:
        pairs, rows = distances(block), np.arange(block.stop - block.start)
        pairs[rows, block.start + rows] = np.inf  # Itself.
        pairs.partition(k - 1, axis=1)
        return pairs[:, k - 1].copy()

    found = over_blocks(squares, len(points), len(points))
    radii: npt.NDArray[np.float64] = np.sqrt(np.concatenate(found).clip(min=0.0))
    return radii


def manifold_figures(
    reals: Floats, fakes: Floats, real_radii: Floats, k: int = NEIGHBOURS
) -> dict[str, float]:
    """Returns how much of the fakes lies among the reals and of the reals among the fakes.

    `precision` is the share of fakes in the ball of some real, `recall` the share of reals in
    the ball of some fake, each in [0, 1]: see "Improved Precision and Recall Metric for
    Assessing Generative Models" (Kynkaanniemi et al., 2019), section 2. `density` is the mean
    number of reals' balls around a fake over k, which can exceed 1, and `coverage`, in [0, 1],
    the share of reals whose ball holds a fake: see "Reliable Fidelity and Diversity Metrics for
    Generative Models" (Naeem et al., 2020), section 3.2.

    Args:
      reals, fakes: features `[N, D]` and `[M, D]`, more than k of each.
      real_radii: of the reals' balls, `[N]`: neighbour_radii(reals, k).
      k: the neighbour that a ball reaches.
    """
    x, y = np.asarray(reals, np.float64), np.asarray(fakes, np.float64)
    # A ball holds its edge, whatever the rounding, so that a set lies within itself.
    real_squares = real_radii**2 + slack(x, y)
    fake_squares = neighbour_radii(y, k) ** 2 + slack(x, y)
    distances = squared_distances(y, x)

    def count(block: slice) -> tuple[Any, Any, Any]:
        pairs = distances(block)
        within = pairs <= real_squares
        recalled = (pairs <= fake_squares[block, None]).any(axis=0)
        return within.sum(axis=1), within.any(axis=0), recalled

    balls, covered, recalled = zip(*over_blocks(count, len(y), len(x)), strict=True)
    number = np.concatenate(balls)
    return {
        "precision": float((number > 0).mean()),
        "recall": float(np.any(recalled, axis=0).mean()),
        "density": float(number.mean() / k),
        "coverage": float(np.any(covered, axis=0).mean()),
    }


class _Part(NamedTuple):
    """Some training images: the index of the first, and the cell sums `[N, cells]` of all."""

    start: int
    sums: npt.NDArray[np.float32]


class NearCopies:
    """Finds near copies of training images."""

    def __init__(self, training: Images) -> None:
        """Takes the training images, uint8 `[M, H, W, C]`."""
        rows = Rows(training)  # A map of a file that becomes shorter would end the process.
        self._training: Images | Rows = rows[:] if training.nbytes <= _HELD else rows
        height, width = training.shape[1:3]
        self._cell = 4 if height % 4 == width % 4 == 0 else 1
        self._parts: Sequence[_Part] | None = None
        if training.nbytes <= _KEPT:
            self._parts = list(self._read())

    def share(self, fakes: Images, rms: float = NEAR_COPY) -> float:
        """Returns the share of fakes that differ from some training image by at most rms.

        Args:
          fakes: uint8 `[N, H, W, C]`.
          rms: the root mean square difference of their pixels, in units of a pixel's range.
        """
        limit = (255.0 * rms) ** 2 * fakes[0].size
        copies = np.zeros(len(fakes), bool)
        for part in self._parts or self._read():
            if copies.all():
                break
            copies[~copies] = self._are_copies(fakes[~copies], part, limit)
        return float(copies.mean())

    def _read(self) -> Iterator[_Part]:
        """Yields the training images in parts that bound the memory."""
        number = max(1, _PART * len(self._training) // self._training.nbytes)
        for start in range(0, len(self._training), number):
            images = self._training[start : start + number]
            yield _Part(start, _cell_sums(images, self._cell))

    def _are_copies(self, fakes: Images, part: _Part, limit: float) -> npt.NDArray[np.bool_]:
        """Returns which fakes `[N]` differ from an image of a part by squares of at most `limit`
        together."""
        sums = _cell_sums(fakes, self._cell)
        # By Cauchy-Schwarz, |cell sums' difference|^2 <= cell^2 |pixels' difference|^2, so that
        # few pairs need all pixels.
        bound = self._cell**2 * limit + slack(sums, part.sums)
        distances = squared_distances(sums, part.sums)

        def copies(block: slice) -> npt.NDArray[np.bool_]:
            near = distances(block) <= bound
            return np.array(list(map(is_copy, fakes[block], map(np.flatnonzero, near))), bool)

        def is_copy(fake: Images, candidates: npt.NDArray[np.intp]) -> bool:
            for start in range(0, len(candidates), _PAIRS):
                others = self._training[part.start + candidates[start : start + _PAIRS]]
                different = np.subtract(fake, others, dtype=np.float32)
                squares = np.einsum("nhwc,nhwc->n", different, different)  # Exact below 2^24.
                if (squares <= limit).any():
                    return True
            return False

        return np.concatenate(over_blocks(copies, len(fakes), len(part.sums)))


def interval(values: Sequence[float] | Floats) -> tuple[float, float]:
    """Returns the two-sided 95 % Student-t interval of the mean of `[N]`; nan, nan if N is 1."""
    if len(values) < 2:
        return math.nan, math.nan
    mean, error = np.mean(values), np.std(values, ddof=1) / math.sqrt(len(values))
    half = scipy.special.stdtrit(len(values) - 1, 0.975) * error
    return float(mean - half), float(mean + half)


def _kernel_sum(x: Floats, y: Floats) -> float:
    """The sum of (x.y / D + 1)^3 over all pairs."""

    def of_block(block: slice) -> float:
        pairs = x[block] / x.shape[1] @ y.T
        pairs += 1.0
        return float(np.vdot(pairs * pairs, pairs))

    return math.fsum(over_blocks(of_block, len(x), len(y)))


def _cell_sums(images: Images, cell: int) -> npt.NDArray[np.float32]:
    """Sums over cells of cell x cell pixels, `[N, H/cell * W/cell * C]`, exact in float32."""
    number, height, width, channels = images.shape
    cells = images.reshape(number, height // cell, cell, width // cell, cell, channels)
    sums: npt.NDArray[np.float32] = cells.sum(axis=(2, 4), dtype=np.float32)
    return sums.reshape(number, -1)
