"""Reals that do not fit: read from the cache beside the steps, with the same bits.

What was looked at: `tf.data` could map a Python function over the numbers of the steps, but an
OSError comes out of it as an UnknownError with a traceback for a text. Grain reads by index in any
order, but is one more package, and counts what it reads ahead in elements, not bytes. ArrayRecord
is another format, so another copy of the data, and an array of equal rows has random access as it
is. So a thread reads rows at computed offsets. The order is a function of seed and step, so it has
no state to save, and a worker can read its rows of each global batch alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from gan_tf.data.cache import Split
from gan_tf.data.feed import Batch, Feed, Take
from gan_tf.data.pixels import scale
from gan_tf.data.rows import Rows

_MOST = 2**25  # Bytes that a call is fed, and that are read ahead of it; at least a step.


class StreamedFeed(Feed):
    """Reals in the order of `Feed`, of which the memory holds some steps' images and all labels."""

    streams = True

    def _place(self, reals: Split) -> None:
        self._rows, self._all_labels = Rows(reals.images), np.array(reals.labels)
        image = self._rows.nbytes // len(self._rows)
        self.most_steps = max(1, _MOST // (self.discriminator_steps * self.batch_size * image))

    @property
    def signature(self) -> list[tf.TensorSpec]:
        """What a call is fed: images uint8 `[steps, k, B, H, W, C]`, labels `[steps, k, B]`."""
        shape = [None, self.discriminator_steps, self.batch_size]
        return [
            tf.TensorSpec([*shape, *self._rows.shape[1:]], tf.uint8),
            tf.TensorSpec(shape, tf.int64),
        ]

    @contextlib.contextmanager
    def reading(self, first: int, total: int) -> Iterator[Take]:
        """Within it the steps from `first` to before `total` can be taken, in their order.

        A thread reads step after step, as many ahead as the largest call took, so it matters to
        nobody how many the next one takes. It ends with the context. What it met, `take` raises.
        """
        coming: dict[int, Future[tuple[tf.Tensor, tf.Tensor]]] = {}
        largest = 1

        def ask_for(step: int, steps: int) -> None:
            for each in range(step, min(step + steps, total)):
                if each not in coming:
                    coming[each] = reader.submit(self._read, each)

        def take(step: int, steps: int) -> list[tf.Tensor]:
            nonlocal largest
            largest = max(largest, steps)
            ask_for(step, steps)
            found = [coming.pop(each).result() for each in range(step, step + steps)]
            ask_for(step + steps, largest)
            return [tf.stack(each) for each in zip(*found, strict=True)]

        reader = ThreadPoolExecutor(1, "gan_tf-reals")
        try:
            ask_for(first, 1)
            yield take
        finally:
            reader.shutdown(cancel_futures=True)

    def _read(self, step: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the images and labels of a step, on the device."""
        indices = self.indices(step, 1)[0]
        return tf.constant(self._rows[indices]), tf.constant(self._all_labels[indices])

    def batch(self, fed: list[tf.Tensor], number: tf.Tensor) -> Batch:
        """Returns the reals `[k, B, ...]` of one of the steps that a call was fed."""
        images, labels = fed
        return Batch(scale(images[number]), labels[number])
