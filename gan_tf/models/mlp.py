"""Dense networks: the shapes of the 2014 paper's game without its convolutions.

The sizes are those in common use for MNIST: 256-512-1024 up for G, the mirror
image down for D, with dropout in D.
"""

from __future__ import annotations

import math

from etils import epy

with epy.lazy_imports():
    import keras


def generator(latent_dim: int, image_shape: tuple[int, int, int]) -> keras.Model:
    """Latents `[B, latent_dim]` -> 256 -> 512 -> 1024 -> images `[B, H, W, C]` in [-1, 1]."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input([latent_dim]),
            layers.Dense(256),
            layers.LeakyReLU(0.2),
            layers.Dense(512),
            layers.LeakyReLU(0.2),
            layers.Dense(1024),
            layers.LeakyReLU(0.2),
            layers.Dense(math.prod(image_shape)),
            layers.Activation("tanh", dtype="float32"),
            layers.Reshape(image_shape, dtype="float32"),
        ],
        name="generator",
    )


def discriminator(image_shape: tuple[int, int, int]) -> keras.Model:
    """Images `[B, H, W, C]` -> 1024 -> 512 -> 256 -> logits `[B, 1]`, dropout 0.3 between."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Flatten(),
            layers.Dense(1024),
            layers.LeakyReLU(0.2),
            layers.Dropout(0.3),
            layers.Dense(512),
            layers.LeakyReLU(0.2),
            layers.Dropout(0.3),
            layers.Dense(256),
            layers.LeakyReLU(0.2),
            layers.Dropout(0.3),
            layers.Dense(1, dtype="float32"),
        ],
        name="discriminator",
    )
