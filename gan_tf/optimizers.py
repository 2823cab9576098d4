"""Optimisers: one instance a player, over that player's variables alone."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf


class Adam:
    """Adam (Kingma & Ba, 2015, arXiv 1412.6980, algorithm 1) as one fused kernel a variable.

    The moments and the count are plain variables under names of their own, so that a
    checkpoint holds all of it. Epsilon is Keras's, 1e-7.
    """

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        learning_rate: float,
        beta_1: float,
        beta_2: float,
        epsilon: float = 1e-7,
    ) -> None:
        self._variables = [variable.value for variable in variables]
        self._rate, self._beta_1, self._beta_2 = learning_rate, beta_1, beta_2
        self._epsilon = epsilon
        self._count = tf.Variable(0, dtype=tf.int64, name="count")
        self._means = [tf.Variable(tf.zeros_like(v), name="mean") for v in self._variables]
        self._squares = [tf.Variable(tf.zeros_like(v), name="square") for v in self._variables]

    @property
    def variables(self) -> list[tf.Variable]:
        """Everything that must be saved to go on exactly."""
        return [self._count, *self._means, *self._squares]

    def apply(self, gradients: Sequence[tf.Tensor]) -> None:
        """Takes one step down the gradients, which stand in the order of the variables."""
        count = tf.cast(self._count.assign_add(1), tf.float32)
        for variable, mean, square, gradient in zip(
            self._variables, self._means, self._squares, gradients, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=tf.pow(self._beta_1, count),
                beta2_power=tf.pow(self._beta_2, count),
                lr=self._rate,
                beta1=self._beta_1,
                beta2=self._beta_2,
                epsilon=self._epsilon,
                grad=gradient,
            )
