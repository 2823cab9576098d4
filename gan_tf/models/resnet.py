"""Residual networks without normalisation: those of R3GAN, at a size that suits a CPU.

See "The GAN is dead; long live the GAN! A Modern GAN Baseline" (Huang et al., 2024), section 4.
Blocks, initial weights, resampling and both ends are theirs. Differences:

- maps: 16 at the images' size, twice as many at each halving, to 64; theirs have 384 to 768. For
  128x128 `--width=8` is kinder to the memory.
- 32 maps a group in the 3x3 convolutions; they have 16, which is hardly faster here, and fewer
  weights: see `convolutions.Conv2D`. At 28x28 the default's 32 maps are one group.
- sizes as those of dcgan: the smallest images are 7x7 or 8x8, theirs 4x4.
- tanh at G's end, for images in [-1, 1]; theirs are not bounded.
"""

from __future__ import annotations

import math
from typing import Any

from etils import epy

from gan_tf.models.dcgan import maps, stages

with epy.lazy_imports():
    import keras

    from gan_tf.models.layers import classes as conditions
    from gan_tf.models.layers import convolutions, residual

WIDTH = 16
_GROUP = 32  # Maps.
_BLOCKS = 2  # A stage.
_LEAK = 0.2
_GAIN = math.sqrt(2.0 / (1.0 + _LEAK**2))  # What LeakyReLU takes from a normal distribution.


def generator(
    latent_dim: int,
    image_shape: tuple[int, int, int],
    width: int = WIDTH,
    *,
    classes: int = 0,
    conditional: str = "none",
) -> keras.Model:
    """Latents `[B, latent_dim]` -> linear, times a learned basis -> 7x7x64, two blocks -> 14x14x32,
    two blocks -> 28x28x16, two blocks -> images in [-1, 1]; larger images have more stages.

    Args:
      latent_dim: size of z.
      image_shape: (H, W, C).
      width: maps at the images' size, before and after a block; twice as many within. Multiples
        of 16 make groups of 32.
      classes: of the labels, which are a second input; 0 without any.
      conditional: `projection`, which sets an embedding of the label beside z, if there are any.
    """
    number = stages(*image_shape[:2])
    height, breadth = (side // 2**number for side in image_shape[:2])
    innermost, *others = reversed(maps(number + 1, width))
    inputs = asked = keras.Input([latent_dim])
    if classes:
        inputs = [asked, conditions.labels_input()]
        embedded = _linear(latent_dim)(conditions.OneHot(classes)(inputs[1]))
        asked = keras.layers.Concatenate()([asked, embedded])
    features = _linear(innermost)(asked)
    images = _stage(residual.Basis(height, breadth)(features), number)
    for filters in others:
        images = _stage(residual.Doubled(filters)(images), number)
    images = _pointwise(image_shape[2], 1.0)(images)
    images = keras.layers.Activation("tanh", dtype="float32")(images)
    return keras.Model(inputs, images, name="generator")


def discriminator(
    image_shape: tuple[int, int, int],
    width: int = WIDTH,
    *,
    classes: int = 0,
    conditional: str = "none",
) -> keras.Model:
    """Images `[B, H, W, C]` -> the stages of G in reverse -> 7x7x64 -> a depthwise convolution of
    all of it, 64 features -> linear, logits `[B, 1]`.

    Args:
      image_shape: (H, W, C).
      width: see `generator`.
      classes: of the labels, which are a second input; 0 without any.
      conditional: `projection`, which adds the features' product with the label's embedding, if
        there are any.
    """
    number = stages(*image_shape[:2])
    outermost, *others = maps(number + 1, width)
    images = keras.Input(image_shape)
    hidden = _stage(_pointwise(outermost, 1.0)(images), number)
    for filters in others:
        hidden = _stage(residual.Halved(filters)(hidden), number)
    features = residual.Projection(dtype="float32")(hidden)
    if not classes:
        logits = _linear(1, dtype="float32")(features)
        return keras.Model(images, logits, name="discriminator")
    labels = conditions.labels_input()
    logits = conditions.Projection(classes)([features, labels])
    return keras.Model([images, labels], logits, name="discriminator")


def _stage(images: keras.KerasTensor, number: int) -> keras.KerasTensor:
    """The blocks at one size, of networks that halve so often."""
    blocks = _BLOCKS * (number + 1)
    for _ in range(_BLOCKS):
        images = _block(images, _GAIN * blocks**-0.25)
    return images


def _block(images: keras.KerasTensor, gain: float) -> keras.KerasTensor:
    """1x1 to twice the maps -> 3x3 in groups -> 1x1 back, added to what came in.

    The last convolution starts at 0, so the block starts as the identity. With the gain, what goes
    into it has 1/blocks of the variance of the block's inputs ("Fixup Initialization", Zhang et
    al., 2019): all blocks together can add about as much as there is.
    """
    filters = images.shape[-1]
    wide = 2 * filters
    groups = math.gcd(wide, max(1, wide // _GROUP))
    hidden = _activated(_pointwise(wide, gain, use_bias=True)(images))
    between = convolutions.Conv2D(wide, 3, 1, "same", groups=groups, **_start(gain))
    hidden = _activated(between(hidden))
    return keras.layers.Add()([images, _pointwise(filters, 0.0)(hidden)])


def _activated(images: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.LeakyReLU(_LEAK)(images)


def _linear(units: int, dtype: str | None = None) -> keras.layers.Layer:
    return keras.layers.Dense(units, use_bias=False, dtype=dtype, **_start(1.0))


def _pointwise(filters: int, gain: float, use_bias: bool = False) -> keras.layers.Layer:
    """A 1x1 convolution."""
    return convolutions.Conv2D(filters, 1, 1, "same", use_bias=use_bias, **_start(gain))


def _start(gain: float) -> dict[str, Any]:
    """Initial weights N(0, gain^2 / inputs of an output), which keep a variance for a gain of 1."""
    if not gain:
        return {"kernel_initializer": "zeros"}
    start = keras.initializers.VarianceScaling(gain**2, "fan_in", "untruncated_normal")
    return {"kernel_initializer": start}
