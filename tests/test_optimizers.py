"""Optimisers and schedules against their formulas, written out in NumPy."""

from __future__ import annotations

import keras
import numpy as np

from gan_tf.game.optimizers import Adam, Schedule, Sgd, decaying, rising


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
