"""Batch normalisation by TensorFlow's fused kernel."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class BatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Keras's layer over the last axis, with the same variables and the same numbers.

    Keras 3 computes it from a dozen separate operations in float32; one kernel, which takes
    bfloat16 images and float32 statistics, is about twice as fast on a CPU.
    """

    def call(self, inputs: tf.Tensor, training: bool = False, mask: Any = None) -> tf.Tensor:
        """Images `[B, H, W, C]` or features `[B, C]`, normalised."""
        if not training:
            return super().call(inputs, training=training, mask=mask)
        shape = tf.shape(inputs)
        images = tf.reshape(inputs, [-1, 1, 1, inputs.shape[-1]])
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            images,
            self.gamma.value,
            self.beta.value,
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel gives the unbiased variance, Keras keeps that of the batch itself.
        count = tf.cast(tf.size(images) // inputs.shape[-1], tf.float32)
        variance *= (count - 1.0) / count
        for moving, found in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving.value * self.momentum + found * (1.0 - self.momentum))
        return tf.reshape(outputs, shape)
