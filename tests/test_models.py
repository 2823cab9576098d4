"""Networks: shapes, ranges, sizes counted by hand, and what the precision leaves float32."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest

from gan_tf.models import ARCHITECTURES

SHAPES = [(28, 28, 1), (32, 32, 3)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_shapes_and_ranges_follow_the_data(name: str, shape: tuple[int, int, int]) -> None:
    generator = ARCHITECTURES[name].generator(10, shape)
    discriminator = ARCHITECTURES[name].discriminator(shape)
    latents = np.random.default_rng(0).normal(0, 100, (5, 10)).astype(np.float32)
    images = generator(latents, training=False).numpy()
    assert images.shape == (5, *shape)
    assert np.abs(images).max() <= 1.0
    logits = discriminator(np.concatenate([images, -images]), training=False).numpy()
    assert logits.shape == (10, 1)
    assert (logits < 0).any() or (logits > 1).any(), "logits, not probabilities"


def test_dcgan_parameters() -> None:
    generator = ARCHITECTURES["dcgan"].generator(64, (28, 28, 1))
    dense, up, out = 64 * 7 * 7 * 128, 4 * 4 * 128 * 64, 4 * 4 * 64 * 1 + 1
    assert generator.count_params() == dense + 4 * 128 + up + 4 * 64 + out
    discriminator = ARCHITECTURES["dcgan"].discriminator((28, 28, 1))
    first, second, last = 4 * 4 * 64 + 64, 4 * 4 * 64 * 128, 7 * 7 * 128 + 1
    assert discriminator.count_params() == first + second + 4 * 128 + last


def test_mlp_parameters() -> None:
    def dense(*sizes: int) -> int:
        return sum(a * b + b for a, b in itertools.pairwise(sizes))

    generator = ARCHITECTURES["mlp"].generator(64, (28, 28, 1))
    assert generator.count_params() == dense(64, 256, 512, 1024, 784)
    discriminator = ARCHITECTURES["mlp"].discriminator((28, 28, 1))
    assert discriminator.count_params() == dense(784, 1024, 512, 256, 1)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_bfloat16_keeps_weights_images_and_logits_in_float32(name: str) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        generator = ARCHITECTURES[name].generator(10, (28, 28, 1))
        discriminator = ARCHITECTURES[name].discriminator((28, 28, 1))
    finally:
        keras.config.set_dtype_policy(before)
    assert {w.dtype for w in generator.weights + discriminator.weights} == {"float32"}
    images = generator(np.zeros((2, 10), np.float32))
    assert images.dtype == discriminator(images).dtype == "float32"
    computed = {layer.compute_dtype for layer in discriminator.layers}
    assert "bfloat16" in computed, "the precision changes nothing"
