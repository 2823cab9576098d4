"""How a label enters a network.

Labels are multiplied as one-hot rows with a table, not looked up in it: the table's gradient then
is an ordinary array, for a few classes as fast.
"""

from __future__ import annotations

from collections.abc import Iterable

import keras
import tensorflow as tf


class OneHot(keras.layers.Layer):  # type: ignore[misc]
    """Labels `[B]` -> one-hot rows `[B, classes]`."""

    def __init__(self, classes: int) -> None:
        """Takes the number of classes."""
        super().__init__()
        self.classes = classes

    def call(self, labels: tf.Tensor) -> tf.Tensor:
        """Labels int64 `[B]`, as rows in the type that the network computes in."""
        return tf.one_hot(labels, self.classes, dtype=self.compute_dtype)


class ClassAffine(keras.layers.Layer):  # type: ignore[misc]
    """Scales and shifts each feature by the class: x * (1 + a[y]) + b[y], a and b at first 0.

    Behind batch norm, whose own scale and shift all classes share, it is conditional batch norm (de
    Vries et al., 2017; in a GAN, Miyato & Koyama, 2018, arXiv 1802.05637, section 4). A class
    learns only how it differs from the others, so one of a few images still has what all of them
    taught.
    """

    def __init__(self, classes: int) -> None:
        """Takes the number of classes."""
        super().__init__()
        self.classes = classes

    def build(self, shapes: list[tuple[int | None, ...]]) -> None:
        """Makes both tables, `[classes, C]`."""
        shape = (self.classes, shapes[0][-1])
        self.scales = self.add_weight(shape=shape, initializer="zeros", name="scales")
        self.shifts = self.add_weight(shape=shape, initializer="zeros", name="shifts")

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Features `[B, ..., C]` and labels int64 `[B]` -> features."""
        features, labels = inputs
        chosen = tf.one_hot(labels, self.classes, dtype=features.dtype)
        places = [-1, *[1] * (len(features.shape) - 2), features.shape[-1]]
        scales, shifts = (
            tf.reshape(tf.matmul(chosen, tf.cast(table.value, features.dtype)), places)
            for table in (self.scales, self.shifts)
        )
        return features * (1.0 + scales) + shifts


class Projection(keras.layers.Layer):  # type: ignore[misc]
    """D's logit of an image as one of a class: a(h) + <h, e(y)>, h being the image's features.

    See "cGANs with Projection Discriminator" (Miyato & Koyama, 2018, arXiv 1802.05637), equation 3.
    """

    def __init__(self, classes: int) -> None:
        """Takes the number of classes."""
        super().__init__(dtype="float32")
        self.classes = classes

    def build(self, shapes: list[tuple[int | None, ...]]) -> None:
        """Makes the table of e, `[classes, D]`, and a, which is linear."""
        start = keras.initializers.RandomNormal(stddev=0.02)
        shape = (self.classes, shapes[0][-1])
        self.table = self.add_weight(shape=shape, initializer=start, name="table")
        self.kernel = self.add_weight(shape=(shape[1], 1), initializer=start, name="kernel")
        self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Features `[B, D]` and labels int64 `[B]` -> logits `[B, 1]`, float32."""
        features, labels = inputs
        chosen = tf.matmul(tf.one_hot(labels, self.classes), self.table.value)
        unconditional = tf.matmul(features, self.kernel.value) + self.bias.value
        return unconditional + tf.reduce_sum(features * chosen, axis=1, keepdims=True)


def beside(inputs: keras.KerasTensor, labels: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    """Returns features `[B, D]` with the one-hot label beside them, `[B, D + classes]` (Mirza &
    Osindero, 2014, arXiv 1411.1784, section 3.2)."""
    return keras.layers.Concatenate()([inputs, OneHot(classes)(labels)])


def through(
    layers: Iterable[keras.layers.Layer], hidden: keras.KerasTensor, labels: keras.KerasTensor
) -> keras.KerasTensor:
    """Returns what layers, one after another, make of features; some of them see the labels."""
    for layer in layers:
        sees = isinstance(layer, ClassAffine | Projection)
        hidden = layer([hidden, labels] if sees else hidden)
    return hidden


def labels_input() -> keras.KerasTensor:
    """The input of labels, int64 `[B]`."""
    return keras.Input([], dtype="int64", name="labels")
