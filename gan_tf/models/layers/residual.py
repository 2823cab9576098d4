"""What a residual network without normalisation needs: a learned basis at either end, and images
of half or twice the size in between.

See "The GAN is dead; long live the GAN! A Modern GAN Baseline" (Huang et al., 2024), section 4.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from gan_tf.models.layers import convolutions

# [1, 2, 1] after each pixel was doubled, or before pairs are averaged: as one filter.
_FILTER = (1.0, 3.0, 3.0, 1.0)


class Basis(keras.layers.Layer):  # type: ignore[misc]
    """G's start: features `[B, C]` -> images `[B, H, W, C]`, each feature times a learned image of
    its own, which starts as N(0, 1)."""

    def __init__(self, height: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._size = height, width

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the images `[H, W, C]`."""
        start = keras.initializers.RandomNormal(stddev=1.0)
        self.basis = self.add_weight((*self._size, input_shape[-1]), start, name="basis")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Features `[B, C]` -> `[B, H, W, C]`."""
        return inputs[:, None, None, :] * tf.convert_to_tensor(self.basis)


class Projection(keras.layers.Layer):  # type: ignore[misc]
    """D's end: images `[B, H, W, C]` -> features `[B, C]`, each map's product with a learned image,
    a depthwise convolution as large as the images. The weights start as N(0, 1 / (H W))."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the images `[H, W, C]`."""
        _, height, width, maps = input_shape
        assert height
        assert width
        start = keras.initializers.RandomNormal(stddev=(height * width) ** -0.5)
        self.basis = self.add_weight((height, width, maps), start, name="basis")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Images `[B, H, W, C]` -> `[B, C]`."""
        return tf.reduce_sum(inputs * tf.convert_to_tensor(self.basis), [1, 2])


class _Resampled(keras.layers.Layer):  # type: ignore[misc]
    """The filter and, where the number of maps changes, a 1x1 convolution. The two are one
    convolution: both are linear, and neither has a bias."""

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the weights `[1, 1, in, out]`, which keep the variance."""
        maps = input_shape[-1]
        assert maps
        start = keras.initializers.RandomNormal(stddev=maps**-0.5)
        shape = (1, 1, maps, self.filters)
        self.kernel = None if maps == self.filters else self.add_weight(shape, start, name="kernel")

    def _kernel(self, dtype: tf.DType, size: float) -> tf.Tensor:
        """The one kernel `[4, 4, in, out]`, whose filter adds up to `size`."""
        line = tf.constant(_FILTER, dtype)
        plane = line[:, None] * line[None, :] * (size / sum(_FILTER) ** 2)
        weights = (
            tf.eye(self.filters, dtype=dtype)[None, None]
            if self.kernel is None
            else tf.convert_to_tensor(self.kernel)
        )
        return plane[:, :, None, None] * weights


class Halved(_Resampled):
    """Images `[B, H, W, in]` of half the size, `[B, H / 2, W / 2, out]`."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """See the class."""
        return convolutions.convolve(inputs, self._kernel(inputs.dtype, 1.0), 2, training)


class Doubled(_Resampled):
    """Images `[B, H, W, in]` of twice the size, `[B, 2 H, 2 W, out]`."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """See the class."""
        kernel = tf.transpose(self._kernel(inputs.dtype, 4.0), [0, 1, 3, 2])
        size = (2 * inputs.shape[1], 2 * inputs.shape[2])
        return convolutions.transpose(inputs, kernel, 2, size, training)
