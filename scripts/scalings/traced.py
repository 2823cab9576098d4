"""What a step of several workers adds up, and how much it computes: from a step that is traced.

No other worker need be there. The sums are recorded in place of being done.
"""

from __future__ import annotations

import math
from typing import Any
from unittest import mock

import numpy as np
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.data import cache
from gan_tf.data.feed import Batch
from gan_tf.game import step as steps
from gan_tf.game.rules import Game
from gan_tf.training import build, costs
from gan_tf.workers import replica
from scalings import model

_ROWS = 2  # Of a worker.


def operations(arch: str, shape: model.Shape) -> float:
    """Returns the floating-point operations an image trained; see `costs.Cost`."""
    _, cost = _built(arch, shape, 1)
    return float(cost.operations or math.nan)


def network(arch: str, shape: model.Shape, workers: int = 2) -> model.Network:
    """Returns what a step costs, by tracing that of a worker of several and recording its sums.
    These are float32 in both precisions."""
    game, cost = _built(arch, shape, workers)
    sums: list[model.Sum] = []
    gradients = {cost.generator: "G's gradients", cost.discriminator: "D's gradients"}

    def record(input: tf.Tensor, **_: Any) -> tf.Tensor:
        size = int(np.prod(input.shape)) * input.dtype.size
        if input.shape.rank == 3:  # Moments of each worker, beside one another.
            sums.append(model.Sum(model.BATCH_NORM, 0, size // workers))
        else:
            sums.append(model.Sum(gradients.get(input.shape.num_elements(), "metrics"), size))
        return tf.identity(input)

    def one_step(images: tf.Tensor, labels: tf.Tensor) -> None:
        with replica.together(0, workers):
            steps.step(game, Batch(images, labels))

    images = tf.TensorSpec([1, _ROWS, *shape], tf.float32)
    with mock.patch.object(tf.raw_ops, "CollectiveReduceV2", record):
        tf.function(one_step).get_concrete_function(images, tf.TensorSpec([1, _ROWS], tf.int64))
    return model.Network(
        float(cost.operations or math.nan), cost.generator + cost.discriminator, sums
    )


def _built(arch: str, shape: model.Shape, workers: int) -> tuple[Game, costs.Cost]:
    """A game that so many workers share, and what it costs."""
    images = _ROWS * workers
    reals = cache.Split(np.zeros((images, *shape), np.uint8), np.zeros(images, np.int64))
    config = Config(arch=arch, batch_size=images, precision="float32").follow(shape, images)
    game = build.game(config, reals)
    return game, costs.of(game, config)
