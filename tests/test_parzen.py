"""The Parzen window by closed form and by a straightforward slow version."""

from __future__ import annotations

import numpy as np
import pytest

from gan_tf.evaluation.parzen import log_likelihoods, parzen


def test_it_equals_the_slow_version() -> None:
    rng = np.random.default_rng(0)
    images, samples = rng.uniform(size=(7, 6)), rng.uniform(size=(11, 6))
    for sigma in (0.1, 0.3, 1.0):
        slow = [
            np.log(
                np.mean(
                    [
                        np.prod(
                            np.exp(-((x - s) ** 2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
                        )
                        for s in samples
                    ]
                )
            )
            for x in images
        ]
        fast = log_likelihoods(images, samples, np.array([0.5, sigma]))[1]
        np.testing.assert_allclose(fast, slow, rtol=1e-9)


def test_one_gaussian_has_its_entropy() -> None:
    """Images drawn around one sample score minus that Gaussian's entropy, batches or not."""
    rng = np.random.default_rng(0)
    sigma, pixels = 0.2, 50
    sigmas = np.array([sigma])
    sample = rng.uniform(size=(1, pixels))
    images = sample + sigma * rng.normal(size=(1_200, pixels))
    expected = -pixels * (0.5 + np.log(sigma * np.sqrt(2 * np.pi)))
    scores = log_likelihoods(images, sample, sigmas)[0]
    assert scores.mean() == pytest.approx(expected, abs=0.5)
    np.testing.assert_allclose(scores[500:700], log_likelihoods(images[500:700], sample, sigmas)[0])


def test_sigma_is_chosen_on_validation_images() -> None:
    rng = np.random.default_rng(0)
    samples = rng.uniform(size=(300, 4))
    noisy = samples + 0.1 * rng.normal(size=samples.shape)
    mean, error, sigma = parzen(noisy[:100], noisy[100:], samples, np.array([0.001, 0.1, 10.0]))
    assert sigma == 0.1
    assert error > 0
    assert mean == pytest.approx(log_likelihoods(noisy[:100], samples, np.array([0.1])).mean())


def test_far_images_do_not_underflow() -> None:
    far, samples = np.full((1, 784), 50.0), np.zeros((3, 784))
    assert np.isfinite(log_likelihoods(far, samples, np.array([0.1]))).all()
