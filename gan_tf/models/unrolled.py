"""The networks on which papers count modes of stacked MNIST against a weak discriminator.

See "Unrolled Generative Adversarial Networks" (Metz et al., 2017), appendix D, whose sizes these
are; the rest as in the published code of PacGAN (Lin et al., 2018). D's batch norm mixes the images
of a batch, so what it says of one depends on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from etils import epy

with epy.lazy_imports():
    import keras

    from gan_tf.models.layers import convolutions, normalization


def generator(latent_dim: int, image_shape: tuple[int, int, int]) -> keras.Model:
    """Latents `[B, 256]` -> 4x4x64 -> 7x7x32 -> 14x14x16 -> 28x28x8 -> images in [-1, 1]."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input([latent_dim]),
            layers.Dense(4 * 4 * 64, **_normal()),
            layers.Reshape([4, 4, 64]),
            _normalised(),
            layers.ReLU(),
            # 4x4 to 7x7 is not twice the size.
            layers.Conv2DTranspose(32, 3, 2, "same", output_padding=0, **_normal()),
            _normalised(),
            layers.ReLU(),
            convolutions.Conv2DTranspose(16, 3, 2, "same", **_normal()),
            _normalised(),
            layers.ReLU(),
            convolutions.Conv2DTranspose(8, 3, 2, "same", **_normal()),
            _normalised(),
            layers.ReLU(),
            convolutions.Conv2D(image_shape[2], 3, 1, "same", **_truncated()),
            layers.Activation("tanh", dtype="float32"),
        ],
        name="generator",
    )


def discriminator(maps: Sequence[int], image_shape: tuple[int, int, int]) -> keras.Model:
    """Images `[B, 28, 28, C]` -> 14x14 -> 7x7 -> 4x4, of so many maps -> logits `[B, 1]`."""
    hidden: list[Any] = []
    for filters in maps:
        hidden += [
            convolutions.Conv2D(filters, 3, 2, "same", **_truncated()),
            _normalised(),
            keras.layers.LeakyReLU(0.3),
        ]
    return keras.Sequential(
        [
            keras.Input(image_shape),
            *hidden,
            keras.layers.Flatten(),
            keras.layers.Dense(1, dtype="float32", **_normal()),
        ],
        name="discriminator",
    )


def _normalised() -> keras.layers.Layer:
    return normalization.BatchNormalization(momentum=0.9, epsilon=1e-5)


def _normal() -> dict[str, Any]:
    return {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.02)}


def _truncated() -> dict[str, Any]:
    return {"kernel_initializer": keras.initializers.TruncatedNormal(stddev=0.02)}
