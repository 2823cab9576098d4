"""A small DCGAN: transposed convolutions against strided convolutions.

See "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks" (Radford et al., 2015), section 3. 4x4 kernels at stride 2
divide evenly, so they leave no checkerboard and cost less than the paper's 5x5.
"""

from __future__ import annotations

from etils import epy

with epy.lazy_imports():
    import keras

    from gan_tf.models import convolutions, normalization


def _initializer() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=0.02)


def generator(latent_dim: int, image_shape: tuple[int, int, int]) -> keras.Model:
    """Latents `[B, latent_dim]` -> H/4 x W/4 x 128 -> H/2 x W/2 x 64 -> images in [-1, 1]."""
    height, width, channels = image_shape
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input([latent_dim]),
            # No bias where batch norm follows: its offset would do the same.
            layers.Dense(
                height // 4 * (width // 4) * 128, use_bias=False, kernel_initializer=_initializer()
            ),
            layers.Reshape([height // 4, width // 4, 128]),
            normalization.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            convolutions.Conv2DTranspose(
                64, 4, 2, "same", use_bias=False, kernel_initializer=_initializer()
            ),
            normalization.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            convolutions.Conv2DTranspose(channels, 4, 2, "same", kernel_initializer=_initializer()),
            layers.Activation("tanh", dtype="float32"),
        ],
        name="generator",
    )


def discriminator(image_shape: tuple[int, int, int]) -> keras.Model:
    """Images `[B, H, W, C]` -> H/2 x W/2 x 64 -> H/4 x W/4 x 128 -> logits `[B, 1]`."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(image_shape),
            convolutions.Conv2D(64, 4, 2, "same", kernel_initializer=_initializer()),
            layers.LeakyReLU(0.2),
            convolutions.Conv2D(
                128, 4, 2, "same", use_bias=False, kernel_initializer=_initializer()
            ),
            normalization.BatchNormalization(momentum=0.9),
            layers.LeakyReLU(0.2),
            layers.Flatten(),
            layers.Dense(1, kernel_initializer=_initializer(), dtype="float32"),
        ],
        name="discriminator",
    )
