"""The networks of "Generative Adversarial Nets" (Goodfellow et al., 2014) for MNIST.

Sizes and initial weights are those of the authors' published configuration. Their images
lie in [0, 1], so both networks map to and from this project's [-1, 1] at their edge.
"""

from __future__ import annotations

import math
from typing import Any

from etils import epy

with epy.lazy_imports():
    import keras
    import numpy as np
    import numpy.typing as npt

    from gan_tf.models.layers import dropout

_UNITS, _PIECES = 240, 5


def generator(latent_dim: int, image_shape: tuple[int, int, int]) -> keras.Model:
    """Latents `[B, latent_dim]` -> 1200 ReLU -> 1200 ReLU -> sigmoid images, mapped to [-1, 1]."""
    layers, start = keras.layers, _uniform(0.05)
    return keras.Sequential(
        [
            keras.Input([latent_dim]),
            layers.Dense(1200, "relu", **start),
            layers.Dense(1200, "relu", **start),
            layers.Dense(math.prod(image_shape), name="pixels", **start),
            layers.Activation("sigmoid", dtype="float32"),
            layers.Rescaling(2.0, -1.0, dtype="float32"),
            layers.Reshape(image_shape, dtype="float32"),
        ],
        name="generator",
    )


def discriminator(image_shape: tuple[int, int, int]) -> keras.Model:
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
            layers.Dense(_UNITS * _PIECES, **start),
            layers.Reshape([_PIECES, _UNITS]),
            layers.GlobalMaxPooling1D(),
            dropout.KerasDropout(0.5),
            layers.Dense(_UNITS * _PIECES, **start),
            layers.Reshape([_PIECES, _UNITS]),
            layers.GlobalMaxPooling1D(),
            dropout.KerasDropout(0.5),
            layers.Dense(1, dtype="float32", **start),
        ],
        name="discriminator",
    )


def start_at_the_mean_image(network: keras.Model, images: npt.NDArray[np.uint8]) -> None:
    """Sets the generator's output biases to the logits of the pixels' marginal means."""
    means = images.reshape(len(images), -1).mean(axis=0) / 255.0
    # A pixel that is black in every image would have a bias of minus infinity.
    means = means.clip(1e-4, 1 - 1e-4)
    network.get_layer("pixels").bias.assign(np.log(means / (1.0 - means)))


def _uniform(bound: float) -> dict[str, Any]:
    return {"kernel_initializer": keras.initializers.RandomUniform(-bound, bound)}
