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

    from gan_tf.models.layers import classes as conditions
    from gan_tf.models.layers import dropout as masks

Shape = tuple[int, int, int]
Generator = Callable[..., "keras.Model"]
Discriminator = Callable[..., "keras.Model"]


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

    def generator(
        latent_dim: int, image_shape: Shape, *, classes: int = 0, conditional: str = "none"
    ) -> keras.Model:
        del conditional  # Without batch norm, the label stands beside z in both ways.
        stack = [
            *_hidden([latent_dim + classes, *sizes], leak, dropout, torch),
            keras.layers.Dense(
                math.prod(image_shape), **(torch_default(sizes[-1]) if torch else {})
            ),
            keras.layers.Activation("tanh", dtype="float32"),
            keras.layers.Reshape(image_shape, dtype="float32"),
        ]
        latents = keras.Input([latent_dim])
        if not classes:
            return keras.Sequential([latents, *stack], name="generator")
        labels = conditions.labels_input()
        images = conditions.through(stack, conditions.beside(latents, labels, classes), labels)
        return keras.Model([latents, labels], images, name="generator")

    return generator


def dense_discriminator(
    sizes: Sequence[int], leak: float = 0.0, dropout: float = 0.0, torch: bool = True
) -> Discriminator:
    """Returns a builder: images `[B, H, W, C]` -> sizes -> logits `[B, 1]`; see dense_generator."""

    def discriminator(
        image_shape: Shape, *, classes: int = 0, conditional: str = "none"
    ) -> keras.Model:
        concat = conditional == "concat"
        inputs = math.prod(image_shape) + (classes if concat else 0)
        stack = [
            *_hidden([inputs, *sizes], leak, dropout, torch),
            conditions.Projection(classes)
            if conditional == "projection"
            else keras.layers.Dense(
                1, dtype="float32", **(torch_default(sizes[-1]) if torch else {})
            ),
        ]
        images, flat = keras.Input(image_shape), keras.layers.Flatten()
        if not classes:
            return keras.Sequential([images, flat, *stack], name="discriminator")
        labels, seen = conditions.labels_input(), flat(images)
        if concat:
            seen = conditions.beside(seen, labels, classes)
        logits = conditions.through(stack, seen, labels)
        return keras.Model([images, labels], logits, name="discriminator")

    return discriminator


def _hidden(
    sizes: Sequence[int], leak: float, dropout: float, torch: bool
) -> list[keras.layers.Layer]:
    layers = []
    for inputs, units in itertools.pairwise(sizes):
        layers.append(keras.layers.Dense(units, **(torch_default(inputs) if torch else {})))
        layers.append(keras.layers.LeakyReLU(leak) if leak else keras.layers.ReLU())
        if dropout:
            layers.append(masks.KerasDropout(dropout))
    return layers
