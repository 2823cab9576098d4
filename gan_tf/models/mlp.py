"""Dense networks: the project's own, and those of three articles and a blog.

The authors of `step_by_step`, `label_smoothing`, `bells_and_whistles` and
`noise_classifier` wrote PyTorch and had its initial weights; they matter.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from etils import epy

from gan_tf.models.layers.initializers import torch_default

with epy.lazy_imports():
    import keras

Shape = tuple[int, int, int]
Generator = Callable[[int, Shape], "keras.Model"]
Discriminator = Callable[[Shape], "keras.Model"]


def dense_generator(
    sizes: Sequence[int], leak: float = 0.0, dropout: float = 0.0, torch: bool = True
) -> Generator:
    """Returns a builder: latents `[B, latent_dim]` -> sizes -> tanh images `[B, H, W, C]`.

    Args:
      sizes: units of the hidden layers.
      leak: slope of the hidden LeakyReLU below 0; 0 is ReLU.
      dropout: share of each hidden layer that is dropped.
      torch: PyTorch's initial weights; Keras's otherwise.
    """

    def generator(latent_dim: int, image_shape: Shape) -> keras.Model:
        pixels = math.prod(image_shape)
        return keras.Sequential(
            [
                keras.Input([latent_dim]),
                *_hidden([latent_dim, *sizes], leak, dropout, torch),
                keras.layers.Dense(pixels, **(torch_default(sizes[-1]) if torch else {})),
                keras.layers.Activation("tanh", dtype="float32"),
                keras.layers.Reshape(image_shape, dtype="float32"),
            ],
            name="generator",
        )

    return generator


def dense_discriminator(
    sizes: Sequence[int], leak: float = 0.0, dropout: float = 0.0, torch: bool = True
) -> Discriminator:
    """Returns a builder: images `[B, H, W, C]` -> sizes -> logits `[B, 1]`; see dense_generator."""

    def discriminator(image_shape: Shape) -> keras.Model:
        return keras.Sequential(
            [
                keras.Input(image_shape),
                keras.layers.Flatten(),
                *_hidden([math.prod(image_shape), *sizes], leak, dropout, torch),
                keras.layers.Dense(
                    1, dtype="float32", **(torch_default(sizes[-1]) if torch else {})
                ),
            ],
            name="discriminator",
        )

    return discriminator


def _hidden(
    sizes: Sequence[int], leak: float, dropout: float, torch: bool
) -> list[keras.layers.Layer]:
    layers = []
    for inputs, units in itertools.pairwise(sizes):
        layers.append(keras.layers.Dense(units, **(torch_default(inputs) if torch else {})))
        layers.append(keras.layers.LeakyReLU(leak) if leak else keras.layers.ReLU())
        if dropout:
            layers.append(keras.layers.Dropout(dropout))
    return layers
