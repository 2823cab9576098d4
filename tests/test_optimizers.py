"""Adam against the published algorithm, written out in NumPy."""

from __future__ import annotations

import keras
import numpy as np

from gan_tf.optimizers import Adam


def test_adam_follows_the_paper() -> None:
    rate, beta_1, beta_2, epsilon = 0.01, 0.5, 0.99, 1e-7
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(3, 4)), rng.normal(size=(5,))]
    variables = [keras.Variable(w, dtype="float32") for w in weights]
    adam = Adam(variables, rate, beta_1, beta_2, epsilon)
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
    one, two = Adam([first], 0.1, 0.5, 0.9), Adam([second], 0.1, 0.5, 0.9)
    one.apply([gradient])
    second.assign(first)
    for mine, theirs in zip(two.variables, one.variables, strict=True):
        mine.assign(theirs)
    one.apply([-gradient])
    two.apply([-gradient])
    np.testing.assert_array_equal(first.numpy(), second.numpy())
