"""Optimisers: one instance a player, over that player's variables alone.

Their moments and counts are plain variables, so that a checkpoint holds all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import keras
import tensorflow as tf

from gan_tf.game.schedules import Schedule, at


class Optimizer(Protocol):
    """What a step needs of an optimiser."""

    @property
    def variables(self) -> list[tf.Variable]:
        """Everything that must be saved to go on exactly."""

    def apply(self, gradients: Sequence[tf.Tensor]) -> None:
        """Takes one step down the gradients, which stand in the order of the variables."""


class Adam:
    """Adam (Kingma & Ba, 2015, arXiv 1412.6980, algorithm 1) as one fused kernel a variable."""

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        learning_rate: Schedule,
        beta_1: float,
        beta_2: Schedule,
        epsilon: float,
    ) -> None:
        """Takes the variables to move and the paper's constants, of which the learning rate and
        beta_2 may change with the number of updates done.

        Where beta_2 changes, the correction for the moment's start is by its value of now, as in
        PyTorch, whose optimiser Huang et al. (2024) set a beta_2 at each step.
        """
        self._variables = [variable.value for variable in variables]
        self._rate, self._beta_1, self._beta_2 = learning_rate, beta_1, beta_2
        self._epsilon = epsilon
        self._count = tf.Variable(0, dtype=tf.int64, name="count")
        self._means = [tf.Variable(tf.zeros_like(v), name="mean") for v in self._variables]
        self._squares = [tf.Variable(tf.zeros_like(v), name="square") for v in self._variables]

    @property
    def variables(self) -> list[tf.Variable]:
        """The count and both moments."""
        return [self._count, *self._means, *self._squares]

    def apply(self, gradients: Sequence[tf.Tensor]) -> None:
        """See Optimizer."""
        count = self._count.read_value()
        rate, beta_2 = at(self._rate, count), at(self._beta_2, count)
        number = tf.cast(count, tf.float32) + 1.0
        beta_1_power, beta_2_power = tf.pow(self._beta_1, number), tf.pow(beta_2, number)
        self._count.assign_add(1)
        for variable, mean, square, gradient in zip(
            self._variables, self._means, self._squares, gradients, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=beta_1_power,
                beta2_power=beta_2_power,
                lr=rate,
                beta1=self._beta_1,
                beta2=beta_2,
                epsilon=self._epsilon,
                grad=gradient,
            )


class Sgd:
    """Gradient descent with momentum: v <- momentum * v - rate * gradient; w <- w + v."""

    def __init__(
        self, variables: Sequence[keras.Variable], learning_rate: Schedule, momentum: Schedule
    ) -> None:
        """Takes the variables to move, and both schedules by the number of updates done."""
        self._variables = [variable.value for variable in variables]
        self._rate, self._momentum = learning_rate, momentum
        self._count = tf.Variable(0, dtype=tf.int64, name="count")
        self._velocities = [tf.Variable(tf.zeros_like(v), name="velocity") for v in self._variables]

    @property
    def variables(self) -> list[tf.Variable]:
        """The count and the velocities."""
        return [self._count, *self._velocities]

    def apply(self, gradients: Sequence[tf.Tensor]) -> None:
        """See Optimizer."""
        count = self._count.read_value()
        rate, momentum = at(self._rate, count), at(self._momentum, count)
        self._count.assign_add(1)
        for variable, velocity, gradient in zip(
            self._variables, self._velocities, gradients, strict=True
        ):
            tf.raw_ops.ResourceApplyKerasMomentum(
                var=variable.handle,
                accum=velocity.handle,
                lr=rate,
                grad=gradient,
                momentum=momentum,
            )
