"""How far generated images are from real ones, as closed forms on a classifier's outputs.

Its features are `[N, D]`, its probabilities `[N, C]`; nothing here draws at random.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import scipy.special

Floats = npt.NDArray[np.floating]
Images = npt.NDArray[np.uint8]

NEIGHBOURS = 5  # The k of the manifolds' balls, as in Naeem et al. (2020).
CONFIDENT = 0.9  # The largest probability at which the classifier counts as sure.
NEAR_COPY = 0.05  # Root mean square pixel difference of a copy, pixels in [0, 1].

_ENTRIES = 2**22  # Of a block of pairs: 32 MiB in float64.


def frechet_distance(reals: Floats, fakes: Floats) -> float:
    """Returns |mu1 - mu2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2), at least 0; S are unbiased covariances.

    The Frechet distance of two Gaussians, squared (Dowson & Landau, 1982); the FID where the
    features are Inception's. See "GANs Trained by a Two Time-Scale Update Rule Converge to a
    Local Nash Equilibrium" (Heusel et al., 2017), equation 6.

    Args:
      reals, fakes: features `[N, D]` and `[M, D]`, at least 2 of each.
    """
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
    """Returns exp(E[KL(p(y|x) || p(y))]), between 1 and C.

    C means sure of every image and of all classes equally often; the Inception score where the
    classifier is Inception. See "Improved Techniques for Training GANs" (Salimans et al.,
    2016), section 4.

    Args:
      probabilities: p(y|x) of each image, `[N, C]`.
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
    """Returns `[N]`: each feature's distance to its k-th nearest other one, of `[N, D]`, N > k."""
    points = np.asarray(features, np.float64)
    radii: npt.NDArray[np.float64] = np.empty(len(points))
    for block, pairs in _squared_distances(points, points):
        rows = np.arange(len(pairs))
        pairs[rows, block.start + rows] = np.inf  # Itself.
        pairs.partition(k - 1, axis=1)
        radii[block] = np.sqrt(pairs[:, k - 1].clip(min=0.0))
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
    real_squares = real_radii**2 + _slack(x, y)
    fake_squares = neighbour_radii(y, k) ** 2 + _slack(x, y)
    balls = np.zeros(len(y), int)
    recalled, covered = np.zeros(len(x), bool), np.zeros(len(x), bool)
    for block, pairs in _squared_distances(y, x):
        within = pairs <= real_squares
        balls[block] = within.sum(axis=1)
        covered |= within.any(axis=0)
        recalled |= (pairs <= fake_squares[block, None]).any(axis=0)
    return {
        "precision": float((balls > 0).mean()),
        "recall": float(recalled.mean()),
        "density": float(balls.mean() / k),
        "coverage": float(covered.mean()),
    }


def near_copies(fakes: Images, training: Images, rms: float = NEAR_COPY) -> float:
    """Returns the share of fakes that differ from some training image by at most rms.

    Args:
      fakes, training: `[N, H, W, C]` and `[M, H, W, C]`.
      rms: root mean square difference of all pixels, in units of a pixel's range.
    """
    height, width = fakes.shape[1:3]
    cell = 4 if height % 4 == width % 4 == 0 else 1
    limit = (255.0 * rms) ** 2 * fakes[0].size
    x, y = _cell_sums(fakes, cell), _cell_sums(training, cell)
    # By Cauchy-Schwarz, |cell sums' difference|^2 <= cell^2 |pixels' difference|^2, so that few
    # pairs need all pixels.
    bound = cell**2 * limit + _slack(x, y)
    copies = np.zeros(len(fakes), bool)
    for block, pairs in _squared_distances(x, y):
        rows, columns = np.nonzero(pairs <= bound)
        rows += block.start
        for some in _blocks(len(rows), fakes[0].size):
            different = np.subtract(fakes[rows[some]], training[columns[some]], dtype=np.float64)
            squares = np.einsum("nhwc,nhwc->n", different, different)
            copies[rows[some][squares <= limit]] = True
    return float(copies.mean())


def interval(values: Sequence[float] | Floats) -> tuple[float, float]:
    """Returns the two-sided 95 % Student-t interval of the mean of `[N]`; nan, nan if N is 1."""
    if len(values) < 2:
        return math.nan, math.nan
    error = np.std(values, ddof=1) / math.sqrt(len(values))
    half = scipy.special.stdtrit(len(values) - 1, 0.975) * error
    return float(np.mean(values) - half), float(np.mean(values) + half)


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of rows with at most _ENTRIES entries each, or of one row."""
    step = max(1, _ENTRIES // columns)
    return (slice(start, start + step) for start in range(0, rows, step))


def _kernel_sum(x: Floats, y: Floats) -> float:
    """The sum of (x.y / D + 1)^3 over all pairs."""
    total = 0.0
    for block in _blocks(len(x), len(y)):
        pairs = x[block] / x.shape[1] @ y.T
        pairs += 1.0
        total += np.vdot(pairs * pairs, pairs)
    return total


def _squared_distances(x: Floats, y: Floats) -> Iterator[tuple[slice, Floats]]:
    """|x - y|^2 of a block of x and all of y, in their precision; rounding can make it negative."""
    norms, other_norms = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
    for block in _blocks(len(x), len(y)):
        pairs = -2.0 * x[block] @ y.T
        pairs += norms[block, None]
        pairs += other_norms
        yield block, pairs


def _slack(x: Floats, y: Floats) -> float:
    """More than rounding can do to any of _squared_distances(x, y)."""
    largest = max(float(np.einsum("ij,ij->i", z, z).max()) for z in (x, y))
    return 8.0 * (x.shape[1] + 4) * float(np.finfo(x.dtype).eps) * largest


def _cell_sums(images: Images, cell: int) -> npt.NDArray[np.float32]:
    """Sums over cells of cell x cell pixels, `[N, H/cell * W/cell * C]`, exact in float32."""
    number, height, width, channels = images.shape
    cells = images.reshape(number, height // cell, cell, width // cell, cell, channels)
    sums: npt.NDArray[np.float32] = cells.sum(axis=(2, 4), dtype=np.float32)
    return sums.reshape(number, -1)
