"""Variants of the default networks and recipe, for the record of what each part is worth."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from gan_tf.models import ARCHITECTURES, Architecture, ImageShape
from gan_tf.models.layers import convolutions, normalization

layers = keras.layers


@dataclasses.dataclass(frozen=True)
class Variant:
    """One change to the default.

    Attributes:
      part: what it varies.
      name: how.
      architecture: other networks, if it has any.
      flags: other values of `gan_tf.train`'s flags.
    """

    part: str
    name: str
    architecture: Architecture | None = None
    flags: dict[str, Any] = dataclasses.field(default_factory=dict)


def normal() -> dict[str, Any]:
    """Initial weights of all variants: N(0, 0.02)."""
    return {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.02)}


def generator(dense: Sequence[int] = (), maps: Sequence[int] = (128, 64), refine: int = 1) -> Any:
    """A builder of generators: latents -> dense -> 7x7 -> 3x3 convolutions there -> 28x28."""

    def build(latent_dim: int, image_shape: ImageShape) -> keras.Model:
        height, width, channels = image_shape
        stack: list[Any] = [keras.Input([latent_dim])]

        def normalised(*found: Any) -> list[Any]:
            return [*found, normalization.BatchNormalization(momentum=0.9), layers.ReLU()]

        for units in dense:
            stack += normalised(layers.Dense(units, use_bias=False, **normal()))
        places = height // 4 * (width // 4)
        stack += normalised(
            layers.Dense(places * maps[0], use_bias=False, **normal()),
            layers.Reshape([height // 4, width // 4, maps[0]]),
        )
        for _ in range(refine):
            stack += normalised(
                convolutions.Conv2D(maps[0], 3, padding="same", use_bias=False, **normal())
            )
        stack += normalised(
            convolutions.Conv2DTranspose(maps[1], 4, 2, "same", use_bias=False, **normal())
        )
        stack += [
            convolutions.Conv2DTranspose(channels, 4, 2, "same", **normal()),
            layers.Activation("tanh", dtype="float32"),
        ]
        return keras.Sequential(stack, name="generator")

    return build


def discriminator(
    maps: Sequence[int] = (32, 64),
    dense: Sequence[int] = (256,),
    norm: str = "",
    spread: bool = False,
    shift: int = 0,
) -> Any:
    """A builder of discriminators: two 4x4 convolutions at stride 2 -> dense -> logit.

    Args:
      maps: of the convolutions.
      dense: units of the hidden layers after them.
      norm: `batch` or `spectral` normalisation, or none.
      shift: moves each image by up to so many pixels (Zhao et al., 2020, arXiv 2006.10738).
      spread: adds the deviation over the batch as a feature (Karras et al., 2018, section 3).
    """

    def wrapped(layer: Any) -> Any:
        return layers.SpectralNormalization(layer) if norm == "spectral" else layer

    def build(image_shape: ImageShape) -> keras.Model:
        stack: list[Any] = [keras.Input(image_shape)]
        if shift:
            by = [shift / size for size in image_shape[:2]]
            stack.append(
                layers.RandomTranslation(*by, "constant", "nearest", None, -1.0, dtype="float32")
            )
        for place, filters in enumerate(maps):
            stack.append(wrapped(convolutions.Conv2D(filters, 4, 2, "same", **normal())))
            if norm == "batch" and place:
                stack.append(normalization.BatchNormalization(momentum=0.9))
            stack.append(layers.LeakyReLU(0.2))
        stack.append(layers.Flatten())
        if spread:
            stack.append(layers.Lambda(with_spread, lambda shape: (shape[0], shape[1] + 1)))
        for units in dense:
            stack += [wrapped(layers.Dense(units, **normal())), layers.LeakyReLU(0.2)]
        stack.append(layers.Dense(1, dtype="float32", **normal()))
        return keras.Sequential(stack, name="discriminator")

    return build


def with_spread(features: tf.Tensor) -> tf.Tensor:
    """Appends the mean deviation of the features over the batch to each example's features."""
    variance = tf.math.reduce_variance(tf.cast(features, tf.float32), axis=0)
    deviation = tf.sqrt(variance + 1e-8)  # The root has no slope at 0.
    spread = tf.fill([tf.shape(features)[0], 1], tf.reduce_mean(deviation))
    return tf.concat([features, tf.cast(spread, features.dtype)], axis=1)


def g(**changes: Any) -> Architecture:
    """The default pair with another generator."""
    return Architecture(generator(**changes), ARCHITECTURES["dcgan"].discriminator)


def d(**changes: Any) -> Architecture:
    """The default pair with another discriminator."""
    return Architecture(ARCHITECTURES["dcgan"].generator, discriminator(**changes))


_SMALL = Architecture(generator(refine=0), discriminator(dense=[], norm="batch"))
_PLAIN = {
    "update": "discriminator_first",
    "r1_gamma": 0.0,
    "generator_lr": 2e-4,
    "discriminator_lr": 2e-4,
    "beta_1": 0.5,
    "beta_2": 0.999,
    "label_smoothing": 0.1,
    "ema_decay": 0.998,
}
_FASTER = {"generator_lr": 2e-3, "discriminator_lr": 2e-3}
_SLOWER = {"generator_lr": 5e-4, "discriminator_lr": 5e-4}

VARIANTS = (
    Variant("", "the default"),
    Variant("all", "plain small DCGAN: batch norm, Adam 2e-4 / 0.5", _SMALL, _PLAIN),
    Variant("G", "no 3x3 convolution", g(refine=0)),
    Variant("D", "no dense layer", d(dense=[])),
    Variant("normalisation", "batch norm in D, no R1", d(norm="batch"), {"r1_gamma": 0.0}),
    Variant("R1", "none", flags={"r1_gamma": 0.0}),
    Variant("Adam", "0.5 / 0.999", flags={"beta_1": 0.5, "beta_2": 0.999}),
    Variant("learning rates", "5e-4", flags=_SLOWER),
    Variant("learning rates", "2e-3", flags=_FASTER),
    Variant("order", "both at once", flags={"update": "simultaneous"}),
    Variant("average", "none", flags={"ema_decay": 0.0}),
    Variant("batch", "128", flags={"batch_size": 128}),
    Variant("augmentation", "D sees all images shifted by up to 2", d(shift=2)),
    Variant("R1", "1", flags={"r1_gamma": 1.0}),
    Variant("loss", "hinge", flags={"loss": "hinge"}),
    Variant("label smoothing", "0.1", flags={"label_smoothing": 0.1}),
    Variant("D", "64-128", d(maps=[64, 128])),
    Variant("G", "two 3x3 convolutions", g(refine=2)),
    Variant("G", "hidden dense layer of 512", g(dense=[512])),
    Variant("D", "sees the batch's spread", d(spread=True)),
    Variant(
        "normalisation",
        "Keras's SpectralNormalization, no R1",
        d(norm="spectral"),
        {"r1_gamma": 0.0},
    ),
)
