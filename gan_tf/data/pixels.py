"""Pixels: uint8 0..255 on disk, float32 in [-1, 1] in the networks; known here alone.

Channels are grey, or red, green and blue, or those and alpha. Alpha is scaled as they are, so -1 is
transparent, and it is straight: colours are not multiplied by it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf


def scale(pixels: tf.Tensor) -> tf.Tensor:
    """Returns uint8 pixels 0..255 as float32 in [-1, 1]."""
    return tf.cast(pixels, tf.float32) / 127.5 - 1.0


def unscale(images: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Returns images in [-1, 1] as uint8 pixels 0..255, rounded and clipped: scale's inverse."""
    rounded: npt.NDArray[np.float32] = np.rint((images + 1.0) * 127.5)
    return rounded.clip(0, 255).astype(np.uint8)


def meaning(channels: int) -> str:
    """Returns what the numbers of images of 1, 3 or 4 channels mean, for who has an export only."""
    names = {1: "grey", 3: "red, green, blue", 4: "red, green, blue, straight alpha"}
    return f"{names[channels]}; float32 in [-1, 1]; as uint8: round((x + 1) * 127.5)"


def unscale_tensor(images: tf.Tensor) -> tf.Tensor:
    """Returns what `unscale` does, of a tensor in a graph."""
    return tf.cast(tf.clip_by_value(tf.round((images + 1.0) * 127.5), 0.0, 255.0), tf.uint8)
