"""Penalties on discriminators whose slope is known."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf.game.penalties import gradient_penalty, r1

IMAGES = tf.constant(np.random.default_rng(0).normal(size=(6, 4, 4, 1)), tf.float32)
FAKES = -2.0 * IMAGES


def linear(scale: float) -> keras.Model:
    """D(x) = scale * sum(x), whose slope is scale everywhere: |dD/dx|^2 = 16 scale^2."""
    network = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    network.layers[-1].kernel.assign(tf.fill([16, 1], scale))
    return network


@pytest.mark.parametrize("scale", [0.0, 0.25, 3.0])
def test_a_linear_discriminator(scale: float) -> None:
    assert float(r1(linear(scale), IMAGES)) == pytest.approx(8 * scale**2, rel=1e-5)
    found = gradient_penalty(linear(scale), IMAGES, FAKES, tf.fill([6, 1, 1, 1], 0.3))
    assert float(found) == pytest.approx((4 * scale - 1) ** 2, rel=1e-4, abs=1e-5)


def test_where_the_slope_is_taken() -> None:
    """D(x) = |x|^2 / 2 has slope x: R1 looks at the reals, the other between both."""
    x = keras.Input((4, 4, 1))
    network = keras.Model(x, keras.ops.sum(x * x, axis=[1, 2])[:, :1] / 2)
    norms = np.linalg.norm(IMAGES.numpy().reshape(6, -1), axis=1)
    assert float(r1(network, IMAGES)) == pytest.approx(np.mean(norms**2) / 2, rel=1e-5)
    for mix in (0.0, 0.5, 1.0):
        between = np.abs(mix * 1.0 + (1 - mix) * -2.0) * norms
        found = float(gradient_penalty(network, IMAGES, FAKES, tf.fill([6, 1, 1, 1], mix)))
        assert found == pytest.approx(np.mean((between - 1) ** 2), rel=1e-3)


def test_the_penalty_has_a_gradient_in_the_weights_even_at_a_dead_discriminator() -> None:
    for scale in (0.0, 1.0):
        network = linear(scale)
        with tf.GradientTape() as tape:
            total = r1(network, IMAGES) + gradient_penalty(
                network, IMAGES, FAKES, tf.fill([6, 1, 1, 1], 0.5)
            )
        gradient = tape.gradient(total, network.trainable_variables[0])
        assert np.isfinite(gradient.numpy()).all()
        assert scale == 0.0 or np.abs(gradient.numpy()).max() > 0
