"""The networks of the two papers of 2014, for MNIST: "Generative Adversarial Nets" (Goodfellow et
al.) and "Conditional Generative Adversarial Nets" (Mirza & Osindero).

Sizes and initial weights of the first are those of its authors' published configuration. The second
states its sizes, and no initial weights: they are those of the first here. Images of both lie in
[0, 1], so all networks map to and from this project's [-1, 1] at their edge.
"""

from __future__ import annotations

import math
from typing import Any

from etils import epy

with epy.lazy_imports():
    import keras
    import numpy as np
    import numpy.typing as npt

    from gan_tf.models.layers import classes as conditions
    from gan_tf.models.layers import dropout

ImageShape = tuple[int, int, int]

_UNITS, _PIECES = 240, 5


def generator(latent_dim: int, image_shape: ImageShape) -> keras.Model:
    """Latents `[B, latent_dim]` -> 1200 ReLU -> 1200 ReLU -> sigmoid images, mapped to [-1, 1]."""
    layers, start = keras.layers, _uniform(0.05)
    return keras.Sequential(
        [
            keras.Input([latent_dim]),
            layers.Dense(1200, "relu", **start),
            layers.Dense(1200, "relu", **start),
            *_pixels(image_shape, start),
        ],
        name="generator",
    )


def discriminator(image_shape: ImageShape) -> keras.Model:
    """Images `[B, H, W, C]` -> twice 240 maxout units of 5 pieces -> logits `[B, 1]`.

    Maxout: "Maxout Networks" (Goodfellow et al., 2013). Dropout keeps 0.8 of the input and
    0.5 of the hidden units.
    """
    layers, start = keras.layers, _uniform(0.005)
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Rescaling(0.5, 0.5),
            layers.Flatten(),
            dropout.KerasDropout(0.2),
            *_maxout(_UNITS, _PIECES, start),
            dropout.KerasDropout(0.5),
            *_maxout(_UNITS, _PIECES, start),
            dropout.KerasDropout(0.5),
            layers.Dense(1, dtype="float32", **start),
        ],
        name="discriminator",
    )


def conditional_generator(
    latent_dim: int, image_shape: ImageShape, *, classes: int, conditional: str
) -> keras.Model:
    """Latents `[B, latent_dim]` -> 200 ReLU, labels int64 `[B]` -> 1000 ReLU; both -> 1200 ReLU ->
    sigmoid images `[B, H, W, C]`, mapped to [-1, 1] (Mirza & Osindero, 2014, arXiv 1411.1784,
    section 4.1).

    Dropout keeps 0.5 of the hidden units.
    """
    del conditional  # There is one way.
    layers, start = keras.layers, _uniform(0.05)
    latents, labels = keras.Input([latent_dim]), conditions.labels_input()
    of_latents = layers.Dense(200, "relu", **start)(latents)
    of_labels = layers.Dense(1000, "relu", **start)(conditions.OneHot(classes)(labels))
    stack = [
        dropout.KerasDropout(0.5),
        layers.Dense(1200, "relu", **start),
        dropout.KerasDropout(0.5),
        *_pixels(image_shape, start),
    ]
    images = _through(stack, layers.Concatenate()([of_latents, of_labels]))
    return keras.Model([latents, labels], images, name="generator")


def conditional_discriminator(
    image_shape: ImageShape, *, classes: int, conditional: str
) -> keras.Model:
    """Images `[B, H, W, C]` -> 240 maxout units of 5 pieces, labels int64 `[B]` -> 50 of 5 pieces;
    both -> 240 of 4 pieces -> logits `[B, 1]` (Mirza & Osindero, 2014, section 4.1).

    Dropout keeps 0.5 of the hidden units.
    """
    del conditional
    layers, start = keras.layers, _uniform(0.005)
    images, labels = keras.Input(image_shape), conditions.labels_input()
    flat = layers.Flatten()(layers.Rescaling(0.5, 0.5)(images))
    of_images = _through(_maxout(_UNITS, _PIECES, start), flat)
    of_labels = _through(_maxout(50, _PIECES, start), conditions.OneHot(classes)(labels))
    stack = [
        dropout.KerasDropout(0.5),
        *_maxout(_UNITS, 4, start),
        dropout.KerasDropout(0.5),
        layers.Dense(1, dtype="float32", **start),
    ]
    logits = _through(stack, layers.Concatenate()([of_images, of_labels]))
    return keras.Model([images, labels], logits, name="discriminator")


def start_at_the_mean_image(network: keras.Model, images: npt.NDArray[np.uint8]) -> None:
    """Sets the generator's output biases to the logits of the pixels' marginal means."""
    means = images.reshape(len(images), -1).mean(axis=0) / 255.0
    # A pixel that is black in every image would have a bias of minus infinity.
    means = means.clip(1e-4, 1 - 1e-4)
    network.get_layer("pixels").bias.assign(np.log(means / (1.0 - means)))


def _pixels(image_shape: ImageShape, start: dict[str, Any]) -> list[keras.layers.Layer]:
    """The end of G: a sigmoid a pixel, mapped to [-1, 1]."""
    layers = keras.layers
    return [
        layers.Dense(math.prod(image_shape), name="pixels", **start),
        layers.Activation("sigmoid", dtype="float32"),
        layers.Rescaling(2.0, -1.0, dtype="float32"),
        layers.Reshape(image_shape, dtype="float32"),
    ]


def _maxout(units: int, pieces: int, start: dict[str, Any]) -> list[keras.layers.Layer]:
    """Units that are each the largest of so many linear pieces."""
    layers = keras.layers
    return [
        layers.Dense(units * pieces, **start),
        layers.Reshape([pieces, units]),
        layers.GlobalMaxPooling1D(),
    ]


def _through(stack: list[keras.layers.Layer], hidden: keras.KerasTensor) -> keras.KerasTensor:
    """What layers, one after another, make of features."""
    for layer in stack:
        hidden = layer(hidden)
    return hidden


def _uniform(bound: float) -> dict[str, Any]:
    return {"kernel_initializer": keras.initializers.RandomUniform(-bound, bound)}
