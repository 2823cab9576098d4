"""What the averaged generator draws while a run goes on: always of the same latents and classes."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.data.cache import Split
from gan_tf.data.pixels import unscale
from gan_tf.game import latents
from gan_tf.game.latents import Draw
from gan_tf.models.calling import apply

Pixels = npt.NDArray[np.uint8]

_GRID_IMAGES = 64
_COLUMNS = 8
_ROWS = 32  # The most classes that get a row each.
_BATCH = 250


class Asked(NamedTuple):
    """What is asked of the generator, and how it is tiled.

    Attributes:
      draw: latents, and labels in a conditional run.
      columns: of the grid; None for as square as it goes.
    """

    draw: Draw
    columns: int | None = None


def for_grid(config: Config, classes: int) -> Asked:
    """Returns what the grids of an attempt show: in a conditional run a row a class, all rows of
    the same latents, or, of very many classes, some of them once."""
    if not classes:
        return Asked(Draw(_latents(config, _GRID_IMAGES, latents.GRID_STREAM)))
    if classes > _ROWS:
        labels = np.arange(_GRID_IMAGES) * classes // _GRID_IMAGES
        return Asked(Draw(_latents(config, _GRID_IMAGES, latents.GRID_STREAM), tf.constant(labels)))
    row = _latents(config, _COLUMNS, latents.GRID_STREAM)
    labels = np.repeat(np.arange(classes), _COLUMNS)
    return Asked(Draw(tf.tile(row, [classes, 1]), tf.constant(labels)), _COLUMNS)


def for_evaluation(config: Config, number: int, reals: Split, classes: int) -> Draw:
    """Returns what `number` samples are drawn from: labels have the data's shares."""
    z = _latents(config, number, latents.EVALUATION_STREAM)
    if not classes or not number:
        return Draw(z)
    seed = latents.stream_seed(config.seed, latents.EVALUATION_LABEL_STREAM)
    places = latents.uniform_labels(number, len(reals.labels), seed)
    return Draw(z, tf.constant(reals.labels[places.numpy()]))


def draw(generator: keras.Model, asked: Draw) -> Pixels:
    """Returns the images `[N, H, W, C]` uint8 of a draw, made in batches that bound the memory."""
    starts = range(0, len(asked.latents), _BATCH)
    fakes = []
    for start in starts:
        z, labels = (
            None if each is None else each[start : start + _BATCH]
            for each in (asked.latents, asked.labels)
        )
        fakes.append(apply(generator, z, labels, training=False))
    return unscale(np.concatenate(fakes))


def _latents(config: Config, number: int, stream: int) -> tf.Tensor:
    """Latents that stay the same for a whole attempt."""
    distribution = latents.distribution_of(config.latents, config.latent_codes)
    return distribution((number, config.latent_dim), latents.stream_seed(config.seed, stream))
