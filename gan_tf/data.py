"""Real images: a TFDS name in, uint8 arrays out, and batches as a function of the step.

Pixels are uint8 0..255 on disk and float32 in [-1, 1] everywhere else; `scale`, its inverse
`unscale`, and `pixels`, which is that inverse within a graph, are the only places that know.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gan_tf import prepare
from gan_tf.errors import InputError

IMAGE_SHAPE = (28, 28, 1)


class LabelledImages(NamedTuple):
    """Images `[N, H, W, C]` uint8 and labels `[N]` int64 of one split."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]


def load(
    dataset: str, data_dir: Path, manual_dir: Path | None, split: str = "train"
) -> LabelledImages:
    """Returns one split of a TFDS dataset, mapped from a cache that the first call prepares.

    Args:
      dataset: a TFDS name, with its config behind a slash if it has several.
      data_dir: TFDS's own directory of prepared datasets; the cache lies in it.
      manual_dir: where the dataset's own files are; None for MNIST's in this package, and
        for `data_dir/manual/<dataset>` otherwise.
      split: `train` or `test`.

    Raises:
      InputError: the dataset is unknown, of another shape than 28x28x1, out of reach, or
        one of its files is truncated or altered.
    """
    cache = prepare.cached(dataset, data_dir, manual_dir, IMAGE_SHAPE)
    if split not in cache:
        raise InputError(f"{dataset} has no split {split!r}; it has {', '.join(sorted(cache))}")
    images, labels = (np.load(path, mmap_mode="r") for path in cache[split])
    if images.dtype != np.uint8 or images.shape != (len(images), *IMAGE_SHAPE) or not len(images):
        raise InputError(
            f"{cache[split][0]}: must hold images [N, {', '.join(map(str, IMAGE_SHAPE))}] uint8; "
            f"it holds {list(images.shape)} {images.dtype}"
        )
    if labels.dtype != np.int64 or labels.shape != (len(images),):
        raise InputError(
            f"{cache[split][1]}: must hold {len(images):,} int64 labels, one an image; it holds "
            f"{list(labels.shape)} {labels.dtype}"
        )
    return LabelledImages(images, labels)


def scale(pixels: tf.Tensor) -> tf.Tensor:
    """Returns uint8 pixels 0..255 as float32 in [-1, 1]."""
    return tf.cast(pixels, tf.float32) / 127.5 - 1.0


def unscale(images: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Returns images in [-1, 1] as uint8 pixels 0..255, rounded and clipped: scale's inverse."""
    rounded: npt.NDArray[np.float32] = np.rint((images + 1.0) * 127.5)
    return rounded.clip(0, 255).astype(np.uint8)


def pixels(images: tf.Tensor) -> tf.Tensor:
    """Returns what `unscale` does, of a tensor."""
    return tf.cast(tf.clip_by_value(tf.round((images + 1.0) * 127.5), 0.0, 255.0), tf.uint8)


def batch_indices(
    first: int, count: int, batch_size: int, images: int, seed: int
) -> npt.NDArray[np.int32]:
    """Returns which images make up batches `first` to `first + count - 1`.

    The reals are one endless stream of epochs, each a permutation of its own, cut into
    batches; so a batch can straddle two epochs, no image is left out and no batch is
    short. It depends on nothing but its arguments: a resumed run needs no data position.

    Returns:
      int32 `[count, batch_size]` indices below `images`.
    """
    positions = np.arange(first * batch_size, (first + count) * batch_size)
    epochs, offsets = np.divmod(positions, images)
    indices = np.empty(positions.shape, np.int32)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        indices[here] = _permutation(images, seed, int(epoch))[offsets[here]]
    return indices.reshape(count, batch_size)


@functools.lru_cache(maxsize=2)
def _permutation(images: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """The order of one epoch; TensorFlow's index_shuffle is cheaper, but repeats its order
    from epoch to epoch (rank correlation 0.9 between neighbours at its default rounds)."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(images)
