"""Optimisers and schedules against their formulas, written out in NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf.game.optimizers import Adam, Sgd
from gan_tf.game.schedules import Schedule, at, by_images, decaying, forgetting, growing, rising


def constant(rate: float) -> Schedule:
    return decaying(rate, 1.0, 0.0)


def test_adam_follows_the_paper() -> None:
    rate, beta_1, beta_2, epsilon = 0.01, 0.5, 0.99, 1e-7
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(3, 4)), rng.normal(size=(5,))]
    variables = [keras.Variable(w, dtype="float32") for w in weights]
    adam = Adam(variables, constant(rate), beta_1, beta_2, epsilon)
    means = [np.zeros_like(w) for w in weights]
    squares = [np.zeros_like(w) for w in weights]
    for t in range(1, 8):
        gradients = [rng.normal(size=w.shape) for w in weights]
        adam.apply([np.float32(g) for g in gradients])
        for w, m, v, g in zip(weights, means, squares, gradients, strict=True):
            m[:] = beta_1 * m + (1 - beta_1) * g
            v[:] = beta_2 * v + (1 - beta_2) * g**2
            step = rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
            w -= step * m / (np.sqrt(v) + epsilon)
        for variable, w in zip(variables, weights, strict=True):
            np.testing.assert_allclose(variable.numpy(), w, rtol=2e-5, atol=1e-6)


def test_its_variables_are_its_whole_memory() -> None:
    first = keras.Variable(np.ones(3, np.float32))
    second = keras.Variable(np.ones(3, np.float32))
    gradient = np.array([1.0, -2.0, 3.0], np.float32)
    one, two = (Adam([v], constant(0.1), 0.5, 0.9, 1e-7) for v in (first, second))
    one.apply([gradient])
    second.assign(first)
    for mine, theirs in zip(two.variables, one.variables, strict=True):
        mine.assign(theirs)
    one.apply([-gradient])
    two.apply([-gradient])
    np.testing.assert_array_equal(first.numpy(), second.numpy())


def test_a_cosine_by_images() -> None:
    """From a to b in half a wave over n images, then b; nothing of it is saved."""
    images_each, rate = 64, by_images("0.002:0.0005@6400", 64)
    for done in (0, 1, 37, 50, 100, 101, 10**7):
        share = min(done * images_each / 6_400, 1.0)
        expected = 0.0005 + (0.002 - 0.0005) * (1 + np.cos(np.pi * share)) / 2
        found = at(rate, tf.constant(done, tf.int64))
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert by_images(0.002, 64) == decaying(0.002, 1.0, 0.0) == rising(0.002, 0.002, 5) == 0.002


def test_adam_with_a_beta_2_that_changes() -> None:
    """Its correction at the start is by its value of now."""
    ends = 0.9, 0.99
    variable, w, square = keras.Variable(np.ones(3, np.float32)), np.ones(3), np.zeros(3)
    adam = Adam([variable], by_images("0.1:0.05@3", 1), 0.0, by_images("0.9:0.99@3", 1), 1e-7)
    for done, g in enumerate(np.random.default_rng(0).normal(size=(6, 3))):
        adam.apply([np.float32(g)])
        share = (1 - np.cos(np.pi * min(done / 3, 1))) / 2
        beta, rate = ends[0] + (ends[1] - ends[0]) * share, 0.1 - 0.05 * share
        square = beta * square + (1 - beta) * g**2
        w -= rate * np.sqrt(1 - beta ** (done + 1)) * g / (np.sqrt(square) + 1e-7)
        np.testing.assert_allclose(variable.numpy(), w, rtol=1e-4)
    assert len(adam.variables) == 3


def test_what_the_average_keeps() -> None:
    steps = tf.constant(5, tf.int64)
    assert float(at(growing(0.9), steps)) == pytest.approx(6 / 15)
    assert float(at(growing(0.3), steps)) == pytest.approx(0.3)
    assert float(at(forgetting(6_400.0, 64), steps)) ** 100 == pytest.approx(0.5, rel=1e-3)
    assert float(at(forgetting(by_images("0:9@640", 64), 64), tf.constant(0))) == 0.0


def test_sgd_follows_its_schedules() -> None:
    """The 2014 paper's: 0.1 divided by a constant each update to a floor, momentum rising."""
    divisor, floor, updates = 1.5, 0.03, 4
    rng = np.random.default_rng(0)
    w = rng.normal(size=5)
    variable = keras.Variable(w, dtype="float32")
    sgd = Sgd([variable], decaying(0.1, divisor, floor), rising(0.5, 0.7, updates))
    velocity = np.zeros(5)
    for done in range(8):
        gradient = rng.normal(size=5)
        sgd.apply([np.float32(gradient)])
        momentum = 0.5 + 0.2 * min(done / updates, 1)
        velocity = momentum * velocity - max(0.1 / divisor**done, floor) * gradient
        w += velocity
        np.testing.assert_allclose(variable.numpy(), w, rtol=1e-5, atol=1e-6)
