"""Batches of reals as a function of the step: which images, in which order, on which device."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gan_tf.data.cache import Split
from gan_tf.data.pixels import scale


class Batch(NamedTuple):
    """Reals, as the networks see them.

    Attributes:
      images: float32 `[..., B, H, W, C]` in [-1, 1].
      labels: int64 `[..., B]`.
    """

    images: tf.Tensor
    labels: tf.Tensor


# Gives what a call of several steps is fed: from its first step and their number.
Take = Callable[[int, int], list[tf.Tensor]]


class Feed:
    """All reals of a run, resident on the device, in an order of their own for each epoch.

    `stream.StreamedFeed` gives the same batches of reals that the device does not hold.

    Attributes:
      batch_size: B; of several workers the rows of one.
      discriminator_steps: k, the batches of a step.
      most_steps: the most steps that a call may be fed.
      streams: whether the reals come from disk as they are needed.
    """

    most_steps, streams = 1_000_000, False

    def __init__(
        self,
        reals: Split,
        *,
        batch_size: int,
        discriminator_steps: int,
        seed: int,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        """Takes the reals, the seed that decides their order, and which share of each global batch
        this process has, of how many equal ones."""
        self.batch_size, self.discriminator_steps = batch_size // share[1], discriminator_steps
        self._global_batch, self._share = batch_size, share[0]
        self._seed, self._number = seed, len(reals.images)
        self._place(reals)

    def _place(self, reals: Split) -> None:
        """Puts the reals where the steps find them."""
        self._images, self._labels = tf.constant(reals.images), tf.constant(reals.labels)

    def indices(self, first: int, steps: int) -> npt.NDArray[np.int32]:
        """Returns which reals make up the steps `first` to `first + steps - 1`, `[steps, k, B]`."""
        k, batch = self.discriminator_steps, self.batch_size
        found = batch_indices(first * k, steps * k, self._global_batch, self._number, self._seed)
        return found.reshape(steps, k, -1, batch)[:, :, self._share]

    def gather(self, indices: tf.Tensor) -> Batch:
        """Returns the reals at int32 indices of any shape."""
        images, labels = (tf.gather(each, indices) for each in (self._images, self._labels))
        return Batch(scale(images), labels)

    @property
    def signature(self) -> list[tf.TensorSpec]:
        """What a call of any number of steps is fed: indices `[steps, k, B]`."""
        return [tf.TensorSpec([None, self.discriminator_steps, self.batch_size], tf.int32)]

    @contextlib.contextmanager
    def reading(self, first: int, total: int) -> Iterator[Take]:
        """Within it the steps from `first` to before `total` can be taken, in their order."""
        yield lambda step, steps: [tf.constant(self.indices(step, steps))]

    def batch(self, fed: list[tf.Tensor], number: tf.Tensor) -> Batch:
        """Returns the reals `[k, B, ...]` of one of the steps that a call was fed."""
        return self.gather(fed[0][number])


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
