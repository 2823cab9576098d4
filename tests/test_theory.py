"""The 2014 paper's theory by number, on densities that are known, with the project's own step."""

from __future__ import annotations

import functools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf.data.feed import Batch
from gan_tf.evaluation import theory
from gan_tf.game.latents import Draw
from gan_tf.game.losses import discriminator_objective, generator_objective
from gan_tf.game.optimizers import Adam
from gan_tf.game.players import GanState, new_state
from gan_tf.game.rules import Game
from gan_tf.game.schedules import decaying
from gan_tf.game.step import step
from gan_tf.models import Architecture

P_DATA = np.array([0.40, 0.30, 0.15, 0.10, 0.05])
P_G = np.array([0.10, 0.15, 0.25, 0.20, 0.30])


def optimal_logits(p_data: np.ndarray, p_g: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(p_data / p_g))


def samples_of(p: np.ndarray, per_point: np.ndarray, count: int = 100_000) -> np.ndarray:
    """What `per_point` gives at a sample that holds each point exactly in its share."""
    return np.repeat(per_point, np.round(p * count).astype(int))


def jsd(p: np.ndarray, q: np.ndarray) -> float:
    m = (p + q) / 2
    return float((p * np.log(p / m)).sum() + (q * np.log(q / m)).sum()) / 2


def test_value_at_the_optimum_is_the_jensen_shannon_divergence() -> None:
    logits = optimal_logits(P_DATA, P_G)
    value = theory.value(samples_of(P_DATA, logits), samples_of(P_G, logits))
    divergence = jsd(P_DATA, P_G)
    assert divergence > 0.05
    assert value == pytest.approx(-math.log(4) + 2 * divergence, abs=1e-3)
    assert theory.jensen_shannon(value) == pytest.approx(divergence, abs=1e-3)


def test_equal_distributions_leave_d_at_one_half() -> None:
    logits = optimal_logits(P_DATA, P_DATA)
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), 0.5, atol=1e-3)
    value = theory.value(samples_of(P_DATA, logits), samples_of(P_DATA, logits))
    assert value == pytest.approx(-math.log(4), abs=1e-3)


def test_any_other_discriminator_is_below() -> None:
    rng = np.random.default_rng(0)
    best = theory.value(
        samples_of(P_DATA, optimal_logits(P_DATA, P_G)),
        samples_of(P_G, optimal_logits(P_DATA, P_G)),
    )
    for _ in range(20):
        logits = optimal_logits(P_DATA, P_G) + rng.normal(0, 0.5, 5)
        assert theory.value(samples_of(P_DATA, logits), samples_of(P_G, logits)) < best


def test_extreme_logits_and_accuracy() -> None:
    assert theory.ranked(np.array([1, 5, -3]), np.array([0, 6, -4])) == pytest.approx(2 / 3)
    assert theory.value(np.array([1e4]), np.array([-1e4])) == 0.0
    assert theory.value(np.array([-1e4]), np.array([0.0])) == pytest.approx(-1e4 - math.log(2))
    assert theory.accuracy(np.array([1, 1, -1, 1]), np.array([-1, 1, 1, 1])) == 0.5


def of_five_points(networks: Architecture) -> GanState:
    """Players whose images are one-hot rows of five points, and whose latents are one number."""
    adam = functools.partial(
        Adam, learning_rate=decaying(0.05, 1.01, 1e-3), beta_1=0.5, beta_2=0.999, epsilon=1e-7
    )
    return new_state(
        networks,
        image_shape=(1, 1, 5),
        latent_dim=1,
        seed=0,
        precision="float32",
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        reals=np.zeros((1, 1, 1, 5), np.uint8),
    )


@pytest.mark.parametrize("p_g", [P_G, P_DATA], ids=["different", "equal"])
@pytest.mark.parametrize("loss", ["non_saturating", "minimax"])
def test_the_step_reaches_the_optimal_discriminator(p_g: np.ndarray, loss: str) -> None:
    """D*(x) = p_data / (p_data + p_g), to 0.02, by training D against a frozen G.

    An "image" is one of five points, one-hot; the generator turns a uniform latent into a
    point by p_g's distribution function; D is a table of five logits.
    """
    edges = np.concatenate([[0.0], np.cumsum(p_g)[:-1]]).astype(np.float32)

    def generator(latent_dim: int, image_shape: tuple[int, int, int]) -> keras.Model:
        z = keras.Input([latent_dim])
        point = keras.ops.sum(keras.ops.cast(z >= edges, "int32"), axis=-1) - 1
        return keras.Model(z, keras.ops.reshape(keras.ops.one_hot(point, 5), [-1, *image_shape]))

    def discriminator(image_shape: tuple[int, int, int]) -> keras.Model:
        return keras.Sequential(
            [keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(1)]
        )

    state = of_five_points(Architecture(generator, discriminator))
    game = Game(
        state,
        generator_objective(loss),
        discriminator_objective(loss, 0.0, "sum"),
        lambda n: Draw(tf.random.stateless_uniform([2_000, 1], [0, n], alg="philox")),
        generator_steps=0,
    )
    run = tf.function(functools.partial(step, game))
    rng = np.random.default_rng(0)
    for _ in range(400):
        points = np.eye(5, dtype=np.float32)[rng.choice(5, 2_000, p=P_DATA)]
        images = tf.constant(points.reshape(1, 2_000, 1, 1, 5))
        run(Batch(images, tf.zeros([1, 2_000], tf.int64)))
    logits = state.discriminator.network(np.eye(5, dtype=np.float32).reshape(5, 1, 1, 5))
    found = 1 / (1 + np.exp(-logits.numpy().ravel()))
    np.testing.assert_allclose(found, P_DATA / (P_DATA + p_g), atol=0.02)
