"""Latent distributions: their moments, and that a draw depends on its seed alone."""

from __future__ import annotations

import numpy as np
import pytest

from gan_tf.game.latents import GRID_STREAM, LATENTS, SAMPLING_STREAM, TRAINING_STREAM, stream_seed


@pytest.mark.parametrize(
    ("name", "variance", "bound"), [("normal", 1.0, 6.0), ("uniform", 1 / 3, 1.0)]
)
def test_moments(name: str, variance: float, bound: float) -> None:
    z = LATENTS[name]((20_000, 16), stream_seed(0, TRAINING_STREAM)).numpy()
    assert z.dtype == np.float32
    assert abs(z.mean()) < 0.01
    assert abs(z.var() / variance - 1) < 0.01
    assert np.abs(z).max() <= bound
    assert np.abs(np.corrcoef(z.T) - np.eye(16)).max() < 0.05


@pytest.mark.parametrize("name", list(LATENTS))
def test_same_seed_same_latents_and_no_two_draws_alike(name: str) -> None:
    draw = LATENTS[name]
    seeds = [
        stream_seed(seed, stream, counter)
        for seed in (0, 1, 2**31 - 1)
        for stream in (TRAINING_STREAM, GRID_STREAM, SAMPLING_STREAM)
        for counter in (0, 1, 2**40)
    ]
    draws = [draw((4, 8), seed).numpy() for seed in seeds]
    assert len({each.tobytes() for each in draws}) == len(seeds)
    for seed, each in zip(seeds, draws, strict=True):
        np.testing.assert_array_equal(draw((4, 8), seed).numpy(), each)


@pytest.mark.parametrize("name", list(LATENTS))
def test_asking_for_more_keeps_the_first(name: str) -> None:
    seed = stream_seed(3, SAMPLING_STREAM)
    few, many = LATENTS[name]((5, 64), seed), LATENTS[name]((50, 64), seed)
    np.testing.assert_array_equal(few.numpy(), many[:5].numpy())
