"""The distances between reals and fakes by closed form and by straightforward slow versions."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import gan_tf
from gan_tf.evaluation import fidelity, pairs
from gan_tf.evaluation.fidelity import NearCopies

Floats = npt.NDArray[np.float64]


@pytest.fixture(params=[pairs._ENTRIES, 100, 1])
def entries(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One block, several with a short last one, and single rows."""
    monkeypatch.setattr(pairs, "_ENTRIES", request.param)


def exactly(mean: list[float], covariance: Floats, seed: int, rows: int = 50) -> Floats:
    """Features whose sample mean and covariance are exactly these."""
    draws = np.random.default_rng(seed).normal(size=(rows, len(mean)))
    draws -= draws.mean(axis=0)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(draws, rowvar=False)), draws.T)
    features: Floats = np.array(mean) + (np.linalg.cholesky(covariance) @ white).T
    return features


def test_frechet_distance_of_commuting_covariances() -> None:
    s1, s2 = np.array([1.0, 2.0, 3.0]), np.array([0.1, 4.0, 2.0])
    reals = exactly([0.0, 0.0, 0.0], np.diag(s1**2), 0)
    fakes = exactly([1.0, -2.0, 0.5], np.diag(s2**2), 1, rows=70)
    expected = 1.0 + 4.0 + 0.25 + ((s1 - s2) ** 2).sum()
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    for x, y in ((reals, fakes), (fakes, reals), (reals @ turn, fakes @ turn)):
        assert fidelity.frechet_distance(x, y) == pytest.approx(expected, rel=1e-12)


def test_frechet_distance_of_covariances_that_do_not_commute() -> None:
    """For 2x2 matrices, tr((S1 S2)^1/2)^2 = tr(S1 S2) + 2 det(S1 S2)^1/2."""
    s1, s2 = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[1.0, -0.5], [-0.5, 0.5]])
    overlap = np.sqrt(np.trace(s1 @ s2) + 2.0 * np.sqrt(np.linalg.det(s1 @ s2)))
    found = fidelity.frechet_distance(exactly([0.0, 0.0], s1, 0), exactly([0.0, 0.0], s2, 1))
    assert found == pytest.approx(np.trace(s1 + s2) - 2.0 * overlap, rel=1e-12)


def test_a_dead_feature_adds_what_it_should_to_the_frechet_distance() -> None:
    reals, fakes = exactly([1.0, 5.0], np.diag([4.0, 9.0]), 0), exactly([1.0, 5.0], np.eye(2), 1)
    dead, fakes_dead = reals * [1.0, 0.0], fakes * [1.0, 0.0]
    assert fidelity.frechet_distance(dead, fakes) == pytest.approx(1.0 + 5.0**2 + 1.0, rel=1e-6)
    assert fidelity.frechet_distance(fakes, dead) == pytest.approx(1.0 + 5.0**2 + 1.0, rel=1e-6)
    assert fidelity.frechet_distance(dead, fakes_dead) == pytest.approx(1.0, rel=1e-6)
    assert fidelity.frechet_distance(dead, dead[::-1]) == pytest.approx(0.0, abs=1e-6)


def test_frechet_distance_to_itself_is_0_and_never_below() -> None:
    """Rounding goes both ways; rows in another order are the same set."""
    sets = [np.random.default_rng(seed).normal(size=(30, 8)) for seed in range(20)]
    distances = [fidelity.frechet_distance(x, x[::-1]) for x in sets]
    assert 0.0 <= min(distances) <= max(distances) <= 1e-12
    # Fewer rows than features leave eigenvalues of 0, which rounding makes negative.
    assert all(0.0 <= fidelity.frechet_distance(x[:5], x[4::-1]) <= 1e-6 for x in sets)


@pytest.mark.usefixtures("entries")
def test_kernel_distance_equals_the_slow_version() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(13, 5)), rng.normal(size=(11, 5)) + 0.5

    def mean(a: Floats, b: Floats) -> float:
        pairs = ((i, j) for i in range(len(a)) for j in range(len(b)) if a is not b or i != j)
        return float(np.mean([(a[i] @ b[j] / 5 + 1) ** 3 for i, j in pairs]))

    slow = mean(x, x) + mean(y, y) - 2 * mean(x, y)
    shuffled = rng.permutation(x)
    for found in (fidelity.kernel_distance(*pair) for pair in ((x, y), (y, x), (shuffled, y))):
        assert found == pytest.approx(slow, rel=1e-12)


def test_kernel_distance_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    found = [
        fidelity.kernel_distance(rng.normal(size=(10, 3)), rng.normal(size=(15, 3)))
        for _ in range(2_000)
    ]
    assert min(found) < 0
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))


def test_classifier_score_runs_from_1_to_the_number_of_classes() -> None:
    constant = np.tile([0.7, 0.2, 0.1, 0.0], (8, 1))
    assert fidelity.classifier_score(constant) == pytest.approx(1.0)
    assert fidelity.classifier_score(np.tile(np.eye(4), (3, 1))) == pytest.approx(4.0)
    # Two images, two classes: each KL is 0.75 log(0.75 / 0.5) + 0.25 log(0.25 / 0.5).
    unsure = np.array([[0.75, 0.25], [0.25, 0.75]])
    assert fidelity.classifier_score(unsure) == pytest.approx(1.5**0.75 * 0.5**0.25)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_confident_share_includes_the_threshold(dtype: type[np.floating]) -> None:
    probabilities = np.array([[0.1, 0.9], [0.11, 0.89], [0.95, 0.05], [0.5, 0.5]], dtype)
    assert fidelity.confident_share(probabilities, 0.9) == 0.5
    assert fidelity.confident_share(probabilities, 0.96) == 0.0


def test_class_histogram_and_total_variation() -> None:
    p = fidelity.class_histogram(np.eye(4)[[0, 0, 2, 1]])
    q = fidelity.class_histogram(np.eye(4)[[3, 3, 2, 2]])
    np.testing.assert_array_equal(p, [0.5, 0.25, 0.25, 0.0])
    assert fidelity.total_variation(p, p) == 0.0
    assert fidelity.total_variation(p, q) == fidelity.total_variation(q, p) == 0.75


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize("whole", [False, True])
def test_manifold_figures_equal_the_slow_version(whole: bool) -> None:
    """Whole numbers have many distances that tie with a radius, and duplicates."""
    rng = np.random.default_rng(0)
    x, y, k = rng.normal(size=(530, 3)), rng.normal(size=(37, 3)) + 0.7, 3
    if whole:
        x, y = np.rint(x), np.rint(y)
    # Of distances to all, itself included, the k-th other one is at index k.
    x_radii = np.array([sorted(((x - a) ** 2).sum(axis=1))[k] for a in x])
    y_radii = np.array([sorted(((y - b) ** 2).sum(axis=1))[k] for b in y])
    squares = np.array([[((a - b) ** 2).sum() for b in y] for a in x])
    in_real, in_fake = squares <= x_radii[:, None], squares <= y_radii
    expected = {
        "precision": np.mean([in_real[:, j].any() for j in range(37)]),
        "recall": np.mean([in_fake[i].any() for i in range(530)]),
        "density": in_real.sum() / 37 / k,
        "coverage": np.mean([in_real[i].any() for i in range(530)]),
    }
    radii = fidelity.neighbour_radii(x, k)
    np.testing.assert_allclose(radii**2, x_radii, rtol=1e-9, atol=1e-12)
    assert fidelity.manifold_figures(x, y, radii, k) == pytest.approx(expected, rel=1e-12)
    assert 0 < min(expected.values()) < 1


@pytest.mark.usefixtures("entries")
def test_manifold_figures_of_sets_alike_apart_and_with_a_mode_dropped() -> None:
    rng = np.random.default_rng(0)
    reals = rng.normal(size=(60, 4))
    radii = fidelity.neighbour_radii(reals)
    alike = fidelity.manifold_figures(reals, rng.permutation(reals), radii)
    # Each ball holds its centre and k neighbours, the last on its edge.
    assert alike == {"precision": 1.0, "recall": 1.0, "density": 6 / 5, "coverage": 1.0}
    copies = np.repeat(reals[:20], 7, axis=0)
    assert fidelity.neighbour_radii(copies) == pytest.approx(0.0, abs=1e-6)
    collapsed = fidelity.manifold_figures(copies, reals[:40], fidelity.neighbour_radii(copies))
    assert collapsed == {"precision": 0.5, "recall": 1.0, "density": 7 / 5 / 2, "coverage": 1.0}
    apart = fidelity.manifold_figures(reals, reals + 100.0, radii)
    assert apart == {"precision": 0.0, "recall": 0.0, "density": 0.0, "coverage": 0.0}
    modes = np.concatenate([reals, reals + 100.0])
    dropped = fidelity.manifold_figures(modes, reals, fidelity.neighbour_radii(modes))
    assert dropped == {"precision": 1.0, "recall": 0.5, "density": 6 / 5, "coverage": 0.5}


def test_near_copies_at_the_limit() -> None:
    """Pixels all off by 5 meet the bound of the cells; those off by +-5 stay far from it."""
    rng = np.random.default_rng(0)
    training = rng.integers(50, 200, size=(40, 28, 28, 1), dtype=np.uint8)
    signs = rng.choice([-5, 5], size=training.shape)
    for noise in (np.full_like(signs, 5), signs):
        fakes = (training + noise).astype(np.uint8)[::-1]
        assert NearCopies(training).share(fakes, rms=5.0001 / 255) == 1.0
        assert NearCopies(training).share(fakes, rms=4.9999 / 255) == 0.0
    assert NearCopies(training).share(training[:10], rms=0.0) == 1.0
    half = np.concatenate([training[:10], 255 - training[:10]])
    assert NearCopies(training).share(half) == 0.5


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize("side", [28, 27])
def test_near_copies_equals_the_slow_version_on_mnist(side: int) -> None:
    """A side of 27 has no cells of 4."""
    file = Path(gan_tf.__file__).parent / "data/mnist/t10k-images-idx3-ubyte.gz"
    pixels = np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=16)
    images = pixels.reshape(-1, 28, 28, 1)[:300, :side, :side]
    fakes, training = images[:60], images[60:]
    nearest = [np.sqrt(((np.float64(training) - x) ** 2).mean(axis=(1, 2, 3))).min() for x in fakes]
    for rms in np.quantile(nearest, [0.05, 0.3, 0.6]) / 255 + 1e-6:
        slow = np.mean(np.array(nearest) / 255 <= rms)
        assert 0 < slow < 1
        assert NearCopies(training).share(fakes, rms) == slow


def test_interval_is_student_s() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    half = 2.776445 * np.sqrt(2.5 / 5)
    assert fidelity.interval(values) == pytest.approx((3 - half, 3 + half), rel=1e-6)
    assert np.isnan(fidelity.interval([1.0])).all()
