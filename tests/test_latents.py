"""Latent distributions: their moments, and that a draw depends on its seed alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.game.latents import (
    GRID_STREAM,
    LATENTS,
    SAMPLING_STREAM,
    TRAINING_STREAM,
    mixture,
    stream_seed,
)
from gan_tf.host.errors import InputError
from gan_tf.serving import servable
from gan_tf.training.run import train


@pytest.mark.parametrize(
    ("name", "variance", "bound"),
    [("normal", 1.0, 6.0), ("uniform", 1 / 3, 1.0), ("unit_cube", 1 / 12, 0.5)],
)
def test_moments(name: str, variance: float, bound: float) -> None:
    z = LATENTS[name]((20_000, 16), stream_seed(0, TRAINING_STREAM)).numpy()
    assert z.dtype == np.float32
    assert abs(z.mean() - LATENTS[name].mean) < 0.01
    assert abs(z.var() / variance - 1) < 0.01
    assert np.abs(z - LATENTS[name].mean).max() <= bound
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
    draws = [draw((4, 24), seed).numpy() for seed in seeds]
    assert len({each.tobytes() for each in draws}) == len(seeds)
    for seed, each in zip(seeds, draws, strict=True):
        np.testing.assert_array_equal(draw((4, 24), seed).numpy(), each)


@pytest.mark.parametrize("name", list(LATENTS))
def test_asking_for_more_keeps_the_first(name: str) -> None:
    seed = stream_seed(3, SAMPLING_STREAM)
    few, many = LATENTS[name]((5, 64), seed), LATENTS[name]((50, 64), seed)
    np.testing.assert_array_equal(few.numpy(), many[:5].numpy())


@pytest.mark.parametrize("codes", [2, 10])
def test_a_mixture_is_a_code_drawn_alike_beside_a_normal_distribution(codes: int) -> None:
    z = mixture(codes)((20_000, codes + 6), stream_seed(0, TRAINING_STREAM)).numpy()
    code, rest = z[:, :codes], z[:, codes:]
    assert z.dtype == np.float32
    assert (np.sort(code, 1) == [0.0] * (codes - 1) + [3.0]).all()
    np.testing.assert_allclose((code > 0).mean(0), 1 / codes, atol=0.015)
    assert abs(rest.mean()) < 0.01
    assert abs(rest.var() - 1) < 0.02
    by_code = [rest[code[:, place] > 0].mean() for place in range(codes)]
    assert np.abs(by_code).max() < 0.05, "the code says nothing of the rest"


@pytest.mark.parametrize("name", list(LATENTS))
def test_ways_and_truncation_keep_a_code_a_code(name: str) -> None:
    given = LATENTS[name]
    a, b = tf.unstack(tf.reshape(given((8, 24), stream_seed(1, SAMPLING_STREAM)), [4, 2, 24]), 2, 1)
    ends = [given.between(a, b, tf.fill([4, 1], at)).numpy() for at in (0.0, 1.0)]
    np.testing.assert_allclose(ends[0], a, atol=1e-5)
    np.testing.assert_allclose(ends[1], b, atol=1e-5)
    middle = given.between(a, b, tf.fill([4, 1], 0.5)).numpy()
    np.testing.assert_allclose(middle[:, : given.codes], ((a + b) / 2)[:, : given.codes], rtol=1e-6)
    np.testing.assert_array_equal(given.truncated(a, 1.0), a)
    none = given.truncated(a, 0.0).numpy()
    np.testing.assert_array_equal(none[:, : given.codes], a[:, : given.codes])
    np.testing.assert_allclose(none[:, given.codes :], given.mean, atol=1e-6)


@pytest.mark.parametrize("name", [name for name, each in LATENTS.items() if not each.codes])
def test_half_way_latents_are_as_far_from_their_mean_as_drawn_ones(name: str) -> None:
    given = LATENTS[name]
    a, b = (given((200, 100), stream_seed(seed, SAMPLING_STREAM)) for seed in (1, 2))
    middle = given.between(a, b, tf.fill([200, 1], 0.5)).numpy()
    assert middle.mean() == pytest.approx(given.mean, abs=0.03)
    assert middle.std() == pytest.approx(a.numpy().std(), rel=0.02)


def test_a_run_with_a_mixture_from_step_to_picture(tmp_path: Path, data_dir: Path) -> None:
    """Sampled and exported: everywhere the code is one, and has the size that was asked."""
    export = train(
        Config(
            arch="mlp",
            latents="mixture",
            latent_codes=5,
            latent_dim=12,
            data_dir=str(data_dir),
            run_dir=str(tmp_path / "run"),
            steps=2,
            batch_size=8,
            evaluate_every=0,
        )
    ).export
    assert export
    loaded = servable.load(export)
    assert (loaded.metadata["latents"], loaded.metadata["latent_codes"]) == ("mixture", 5)
    z = loaded.latents(40, seed=3)
    assert z.shape == (40, 12)
    assert (np.sort(z[:, :5], 1) == [0.0] * 4 + [3.0]).all()
    model = tf.saved_model.load(str(export))
    images = loaded.sample(1, seed=3)
    seeds = tf.constant([3], tf.int64)
    asked = {
        "generate": {"seeds": seeds},
        "generate_truncated": {"seeds": seeds, "truncations": tf.constant([1.0])},
        "interpolate": {
            **{"seeds_from": seeds, "seeds_to": tf.constant([4], tf.int64)},
            "fractions": tf.constant([0.0]),
        },
    }
    for name, inputs in asked.items():
        same = model.signatures[name](**inputs)["images"].numpy()
        assert np.abs(same.astype(int) - images).max() <= 1, name


def test_a_code_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(InputError, match=r"^--latent_dim=16: must be above --latent_codes=16, "):
        Config(latents="mixture", latent_dim=16)
