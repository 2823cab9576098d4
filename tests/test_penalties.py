"""Penalties on discriminators whose slope is known."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf.data.feed import Batch
from gan_tf.game.penalties import gradient_penalty, penalty_of, r1, r2
from gan_tf.game.schedules import by_images

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


def test_both_penalties_against_differences() -> None:
    """On a network without a formula; at steps that are due, by weights that change."""
    rng = np.random.default_rng(0)
    kernel = tf.constant(rng.normal(size=(16, 5)), tf.float32)

    def judge(
        images: tf.Tensor, labels: tf.Tensor | None = None, training: bool = True
    ) -> tf.Tensor:
        """Logits of twice the slope for fakes' labels."""
        hidden = tf.tanh(tf.reshape(images, [-1, 16]) @ kernel)
        return tf.cast(labels, tf.float32)[:, None] * tf.reduce_sum(hidden, 1, keepdims=True)

    def slow(images: tf.Tensor, label: int) -> float:
        flat, h = tf.reshape(images, [-1, 16]).numpy(), 1e-2
        squares = np.zeros(len(flat))
        labels = tf.fill([len(flat)], label)
        for place in np.eye(16, dtype=np.float32):
            ends = [judge(tf.constant(flat + s * h * place), labels).numpy() for s in (1, -1)]
            squares += ((ends[0] - ends[1])[:, 0] / (2 * h)) ** 2
        return float(squares.mean() / 2)

    step = tf.Variable(0, dtype=tf.int64)
    penalty = penalty_of(
        gradient_penalty_weight=0.0,
        r1_gamma=by_images("1:3@4", 1),
        r2_gamma=0.5,
        r1_every=2,
        seed=0,
        step=step,
    )
    reals = Batch(IMAGES, tf.ones([6], tf.int64))
    for done, gamma in ((0, 1.0), (1, 0.0), (2, 2.0), (4, 3.0)):
        step.assign(done)
        found = float(penalty(judge, reals, FAKES, tf.fill([6], 2)))
        expected = 2 * (gamma * slow(IMAGES, 1) + 0.5 * slow(FAKES, 2)) * (done % 2 == 0)
        assert found == pytest.approx(expected, rel=1e-2)


def test_r2_is_d_s_alone() -> None:
    """At an image with a slope; the fakes get none, so that one pass back serves both players."""
    with tf.GradientTape() as tape:
        tape.watch(FAKES)
        found = r2(lambda x, training: tf.reduce_sum(x**2, [1, 2]), FAKES)
    assert float(found) > 0
    assert tape.gradient(found, FAKES) is None


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
