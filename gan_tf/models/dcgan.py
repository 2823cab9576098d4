"""A small DCGAN: transposed convolutions against strided convolutions.

See "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks" (Radford et al., 2015), section 3. 4x4 kernels at stride 2
divide evenly, so they leave no checkerboard and cost less than the paper's 5x5.

The networks size themselves: see `stages` and `maps`.
"""

from __future__ import annotations

import functools
from typing import Any

from etils import epy

with epy.lazy_imports():
    import keras

    from gan_tf.models.layers import classes as conditions
    from gan_tf.models.layers import convolutions, normalization

WIDTH = 64
_CAP = 4  # The most maps, in widths.
_SMALLEST = 6  # Pixels of the shorter side from which nothing is halved further.


def stages(height: int, width: int) -> int:
    """Returns how often images are halved: two times at least (their sides are multiples of 4),
    then while both sides are even and the shorter half has 6 pixels or more.

    28 -> 7 and 32 -> 8 are two times, 48 -> 6 and 64 -> 8 three, 128 -> 8 four.
    """
    found = 2
    height, width = height // 4, width // 4
    while height % 2 == width % 2 == 0 and min(height, width) >= 2 * _SMALLEST:
        found, height, width = found + 1, height // 2, width // 2
    return found


def maps(number: int, first: int) -> list[int]:
    """Returns the maps of so many stages, from the image inward: each twice the one before, to
    four times the first.

    The bound is for 128x128: eight times, as in the paper (128 to 1,024 maps at 64x64), would be
    1.5 times as many multiplications in G there. The paper's networks were made for a GPU.
    """
    return [first * min(2**stage, _CAP) for stage in range(number)]


def _start() -> dict[str, Any]:
    """Initial weights N(0, 0.02) as in the paper; each layer wants an initialiser of its own."""
    return {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.02)}


def generator(
    latent_dim: int,
    image_shape: tuple[int, int, int],
    width: int = WIDTH,
    *,
    classes: int = 0,
    conditional: str = "none",
) -> keras.Model:
    """Latents `[B, latent_dim]` -> H/4 x W/4 x 128, twice -> H/2 x W/2 x 64 -> images in
    [-1, 1]; larger images have more stages, which begin at H/8 x W/8 x 256 or smaller still.

    The 3x3 convolution at H/4 x W/4 costs a quarter of the steps a second and halves the
    Fréchet distance of the same minute (docs/ablation.md).

    Args:
      latent_dim: size of z.
      image_shape: (H, W, C).
      width: maps of the last stage before the image.
      classes: of the labels, which are a second input; 0 without any.
      conditional: `concat` sets the label beside z, `projection` behind each batch norm.
    """
    number = stages(*image_shape[:2])
    height, breadth = (side // 2**number for side in image_shape[:2])
    innermost, *others = reversed(maps(number, width))
    normalised = functools.partial(_normalised, classes if conditional == "projection" else 0)
    layers = keras.layers
    stack = [
        # No bias where batch norm follows: its offset would do the same.
        layers.Dense(height * breadth * innermost, use_bias=False, **_start()),
        layers.Reshape([height, breadth, innermost]),
        *normalised(),
        convolutions.Conv2D(innermost, 3, 1, "same", use_bias=False, **_start()),
        *normalised(),
        *(layer for filters in others for layer in [_doubled(filters), *normalised()]),
        convolutions.Conv2DTranspose(image_shape[2], 4, 2, "same", **_start()),
        layers.Activation("tanh", dtype="float32"),
    ]
    latents = keras.Input([latent_dim])
    if not classes:
        return keras.Sequential([latents, *stack], name="generator")
    labels = conditions.labels_input()
    asked = conditions.beside(latents, labels, classes) if conditional == "concat" else latents
    images = conditions.through(stack, asked, labels)
    return keras.Model([latents, labels], images, name="generator")


def _doubled(filters: int) -> keras.layers.Layer:
    """A stage of G: images of twice the size."""
    return convolutions.Conv2DTranspose(filters, 4, 2, "same", use_bias=False, **_start())


def _normalised(classes: int) -> list[keras.layers.Layer]:
    affine = [conditions.ClassAffine(classes)] if classes else []
    return [normalization.BatchNormalization(momentum=0.9), *affine, keras.layers.ReLU()]


def discriminator(
    image_shape: tuple[int, int, int],
    width: int = WIDTH,
    *,
    classes: int = 0,
    conditional: str = "none",
) -> keras.Model:
    """Images `[B, H, W, C]` -> H/2 x W/2 x 32 -> H/4 x W/4 x 64, and so on for larger images
    -> 256 -> logits `[B, 1]`.

    No batch norm: D then judges each image by itself, as R1 wants it. The dense layer sees
    the image as a whole, which its logit, linear in local features, would not.

    Args:
      image_shape: (H, W, C).
      width: twice the maps of the first stage.
      classes: of the labels, which are a second input; 0 without any.
      conditional: `concat` makes a map of the label, beside those of the image; `projection` is of
        the last features.
    """
    height, breadth, _ = image_shape
    layers = keras.layers
    halved = maps(stages(height, breadth), width // 2)
    stack = [
        *(layer for filters in halved for layer in _halved(filters)),
        layers.Flatten(),
        layers.Dense(256, **_start()),
        layers.LeakyReLU(0.2),
        conditions.Projection(classes)
        if conditional == "projection"
        else layers.Dense(1, **_start(), dtype="float32"),
    ]
    images = keras.Input(image_shape)
    if not classes:
        return keras.Sequential([images, *stack], name="discriminator")
    labels, seen = conditions.labels_input(), images
    if conditional == "concat":
        # One map whatever the number of classes, each with a picture of its own.
        drawn = layers.Dense(height * breadth, **_start())(conditions.OneHot(classes)(labels))
        seen = layers.Concatenate()([images, layers.Reshape([height, breadth, 1])(drawn)])
    logits = conditions.through(stack, seen, labels)
    return keras.Model([images, labels], logits, name="discriminator")


def _halved(filters: int) -> list[keras.layers.Layer]:
    """A stage of D: images of half the size."""
    return [convolutions.Conv2D(filters, 4, 2, "same", **_start()), keras.layers.LeakyReLU(0.2)]
