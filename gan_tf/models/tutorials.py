"""The convolutional networks of a TensorFlow 1 notebook, a Lightning video and TensorFlow's
own DCGAN tutorial, each as its author sized it, for 28x28x1."""

from __future__ import annotations

from typing import Any

from etils import epy

from gan_tf.host.errors import InputError
from gan_tf.models.layers.initializers import torch_default

with epy.lazy_imports():
    import keras

    from gan_tf.models.layers import convolutions, dropout, normalization

Shape = tuple[int, int, int]


def notebook_generator(latent_dim: int, image_shape: Shape) -> keras.Model:
    """Latents `[B, 100]` as 2x2x25 -> 3x3x256 -> 6x6x128 -> 12x12x64 -> tanh 28x28x1.

    Kernels start as truncated N(0, 0.1), biases at 0.1.
    """
    if latent_dim % 4:
        raise InputError(
            f"--latent_dim={latent_dim}: must be a multiple of 4 for --arch=tensorflow_notebook"
        )
    layers, start = keras.layers, _truncated(0.1, bias=0.1)
    hidden: list[Any] = []
    for maps, extra in ((256, 0), (128, 1), (64, 1)):
        hidden += [
            layers.Conv2DTranspose(maps, 5, 2, "same", output_padding=extra, **start),
            normalization.BatchNormalization(momentum=0.9),
            layers.ReLU(),
        ]
    return keras.Sequential(
        [
            keras.Input([latent_dim]),
            layers.Reshape([2, 2, latent_dim // 4]),
            layers.ReLU(),
            *hidden,
            layers.Conv2DTranspose(image_shape[2], 5, 2, "valid", output_padding=1, **start),
            layers.Activation("tanh", dtype="float32"),
        ],
        name="generator",
    )


def notebook_discriminator(image_shape: Shape) -> keras.Model:
    """Images -> 5x5 conv 8, average pool -> 5x5 conv 16, average pool -> 32 -> logits `[B, 1]`.

    Kernels start as truncated N(0, 0.02), biases at 0.
    """
    layers, start = keras.layers, _truncated(0.02, bias=0.0)
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Conv2D(8, 5, padding="same", activation="relu", **start),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, padding="same", activation="relu", **start),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(32, activation="relu", **start),
            layers.Dense(1, dtype="float32", **start),
        ],
        name="discriminator",
    )


def lightning_generator(latent_dim: int, image_shape: Shape) -> keras.Model:
    """Latents `[B, 100]` -> 7x7x64 -> 16x16x32 -> 34x34x16 -> 7x7 conv, 28x28x1, unbounded."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input([latent_dim]),
            layers.Dense(7 * 7 * 64, activation="relu", **torch_default(latent_dim)),
            layers.Reshape([7, 7, 64]),
            layers.Conv2DTranspose(32, 4, 2, activation="relu", **torch_default(4 * 4 * 32)),
            layers.Conv2DTranspose(16, 4, 2, activation="relu", **torch_default(4 * 4 * 16)),
            layers.Conv2D(image_shape[2], 7, dtype="float32", **torch_default(7 * 7 * 16)),
        ],
        name="generator",
    )


def lightning_discriminator(image_shape: Shape) -> keras.Model:
    """Images -> 5x5 conv 10, max pool -> 5x5 conv 20, max pool -> 50 -> logits `[B, 1]`."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Conv2D(10, 5, **torch_default(5 * 5 * image_shape[2])),
            layers.MaxPooling2D(2),
            layers.ReLU(),
            layers.Conv2D(20, 5, **torch_default(5 * 5 * 10)),
            dropout.SpatialDropout2D(0.5),
            layers.MaxPooling2D(2),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(50, activation="relu", **torch_default(320)),
            dropout.KerasDropout(0.5),
            layers.Dense(1, dtype="float32", **torch_default(50)),
        ],
        name="discriminator",
    )


def tutorial_generator(latent_dim: int, image_shape: Shape) -> keras.Model:
    """Latents `[B, 100]` -> 7x7x256 -> 7x7x128 -> 14x14x64 -> tanh 28x28x1; no biases."""
    layers = keras.layers
    hidden: list[Any] = []
    for maps, stride in ((128, 1), (64, 2)):
        hidden += [
            convolutions.Conv2DTranspose(maps, 5, stride, "same", use_bias=False),
            normalization.BatchNormalization(),
            layers.LeakyReLU(0.3),
        ]
    return keras.Sequential(
        [
            keras.Input([latent_dim]),
            layers.Dense(7 * 7 * 256, use_bias=False),
            normalization.BatchNormalization(),
            layers.LeakyReLU(0.3),
            layers.Reshape([7, 7, 256]),
            *hidden,
            convolutions.Conv2DTranspose(image_shape[2], 5, 2, "same", use_bias=False),
            layers.Activation("tanh", dtype="float32"),
        ],
        name="generator",
    )


def tutorial_discriminator(image_shape: Shape) -> keras.Model:
    """Images -> 5x5 conv 64 -> 5x5 conv 128, stride 2, dropout 0.3 each -> logits `[B, 1]`."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(image_shape),
            convolutions.Conv2D(64, 5, 2, "same"),
            layers.LeakyReLU(0.3),
            dropout.Dropout(0.3),
            convolutions.Conv2D(128, 5, 2, "same"),
            layers.LeakyReLU(0.3),
            dropout.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1, dtype="float32"),
        ],
        name="discriminator",
    )


def _truncated(deviation: float, bias: float) -> dict[str, Any]:
    return {
        "kernel_initializer": keras.initializers.TruncatedNormal(stddev=deviation),
        "bias_initializer": keras.initializers.Constant(bias),
    }
