"""The networks: a file a family, and one registry of them all.

A generator maps latents `[B, latent_dim]` to images `[B, H, W, C]` in [-1, 1]; a
discriminator maps images to logits `[B, 1]`. Both are ordinary Keras models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from etils import epy

from gan_tf.models import dcgan, mlp

with epy.lazy_imports():
    import keras

ImageShape = tuple[int, int, int]


@dataclass(frozen=True)
class Architecture:
    """The two functions that build a pair of networks.

    Attributes:
      generator: called with (latent_dim, image_shape), image_shape being (H, W, C).
      discriminator: called with (image_shape).
    """

    generator: Callable[[int, ImageShape], keras.Model]
    discriminator: Callable[[ImageShape], keras.Model]


ARCHITECTURES: dict[str, Architecture] = {
    "dcgan": Architecture(dcgan.generator, dcgan.discriminator),
    "mlp": Architecture(mlp.generator, mlp.discriminator),
}
