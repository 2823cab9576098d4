"""ADA's changes of colour: one matrix an image. See Karras et al. (2020, arXiv 2006.06676),
appendix B."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from gan_tf.game.chance import Chance

_LOG_2 = math.log(2.0)
_MEAN = np.full([3, 3], 1 / 3, np.float32)  # Projects on grey, the axis v = (1, 1, 1) / sqrt 3.
_TURN = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], np.float32) / math.sqrt(3.0)  # v x colour.


def change(images: tf.Tensor, chance: Chance) -> tf.Tensor:
    """Returns images `[B, H, W, C]` with, each sometimes:

    - brightness: plus N(0, 0.2^2);
    - contrast: times 2^N(0, 0.5^2), about 0;
    - a luma flip, every second time: the part along grey changes its sign;
    - hue: turned about grey by U(-pi, pi);
    - saturation: the part off grey times 2^N(0, 1).

    With c the contrast, f = -1 or 1 the flip, t the hue's angle and s the saturation, all that
    follows brightness is the matrix c (f P + s (cos t (I - P) + sin t V)), where P projects on grey
    and V is the cross product with its axis. Grey images have no hue and no saturation, and alpha
    stays as it is.
    """
    brightness = chance.sometimes(chance.normal(0.2))
    contrast = tf.exp(chance.sometimes(chance.normal(0.5 * _LOG_2)))
    flip = 1.0 - 2.0 * tf.cast(chance.sometimes(chance.below(2)), tf.float32)
    hue = chance.sometimes(chance.uniform(-math.pi, math.pi))
    saturation = tf.exp(chance.sometimes(chance.normal(_LOG_2)))
    if images.shape[3] == 1:
        matrix = flip[:, None, None]
    else:
        along, aside = saturation * tf.cos(hue), saturation * tf.sin(hue)
        # Written so that it is exactly I where nothing is changed.
        matrix = along[:, None, None] * tf.eye(3) + (flip - along)[:, None, None] * _MEAN
        matrix += aside[:, None, None] * _TURN
    # Brightness lies on grey, where only contrast and the flip reach it.
    return mapped(images, contrast[:, None, None] * matrix, contrast * flip * brightness)


def mapped(images: tf.Tensor, matrix: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
    """Returns images whose every colour went through its image's matrix and offset.

    Args:
      images: `[B, H, W, C]`; alpha, the fourth channel, stays as it is.
      matrix: `[B, 1, 1]` for grey, `[B, 3, 3]` otherwise.
      offset: `[B]`, added to each colour.
    """
    batch, height, width, channels = images.shape
    colours = matrix.shape[-1]
    pixels = tf.reshape(images[..., :colours], [batch, height * width, colours])
    found = tf.matmul(pixels, matrix, transpose_b=True) + offset[:, None, None]
    found = tf.reshape(found, [batch, height, width, colours])
    return found if channels == colours else tf.concat([found, images[..., colours:]], 3)
