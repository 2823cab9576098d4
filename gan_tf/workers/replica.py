"""What a compiled step sees of the other workers: its rows of a global batch, and sums over all.

A step that is traced within `together` is one of N workers'. Everywhere else, and in a run of one
process, N is 1: these functions then return what they are given, and add no operation.

A batch of B images is one global batch. Worker r holds the rows r B/N to (r + 1) B/N - 1, and what
is random is drawn for all rows on every worker, which takes its own. So nothing that is drawn
depends on N.

The sums are TensorFlow's collective operations themselves. `tf.distribute` would wrap them, but its
all-reduce does not work within `tf.while_loop` and `tf.cond` on a CPU, where our steps and lazy
penalties are.
"""

from __future__ import annotations

import contextlib
import contextvars
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from etils import epy

with epy.lazy_imports():
    import tensorflow as tf

_GROUP = 20_141_001  # The key of all workers; `tf.distribute` counts its own from 1.
_keys = itertools.count(20_000_000)  # One for each sum: all workers trace the same, in one order.


class _Share(NamedTuple):
    """Which worker this is, of how many, and where it counts the seconds that it waits."""

    rank: int = 0
    number: int = 1
    waited: tf.Variable | None = None


_ALONE = _Share()
_share: contextvars.ContextVar[_Share] = contextvars.ContextVar("share", default=_ALONE)


@contextlib.contextmanager
def together(rank: int, number: int, waited: tf.Variable | None = None) -> Iterator[None]:
    """Within it, what is traced is worker `rank`'s part of a step of `number` workers.

    Args:
      rank, number: which one, and of how many.
      waited: a float64 scalar, to which the seconds are added that sums over all take.
    """
    before = _share.set(_Share(rank, number, waited))
    try:
        yield
    finally:
        _share.reset(before)


def number() -> int:
    """Returns N, how many workers this step has."""
    return _share.get().number


def rows(everything: tf.Tensor, axis: int = 0) -> tf.Tensor:
    """Returns this worker's rows of what was drawn for a global batch.

    Args:
      everything: as many rows as the global batch has, along `axis`.
      axis: where they lie.
    """
    share = _share.get()
    return everything if share.number == 1 else tf.split(everything, share.number, axis)[share.rank]


def drawn(draw: Callable[[int], tf.Tensor], here: int, axis: int = 0) -> tf.Tensor:
    """Returns this worker's rows of a draw.

    Args:
      draw: called with the rows of the global batch; random numbers, a row each.
      here: how many rows this worker has.
      axis: where the rows lie.
    """
    return rows(draw(here * number()), axis)


def total(tensor: tf.Tensor) -> tf.Tensor:
    """Returns the sum over all workers, the same bits on each. Its slope is the sum of theirs."""
    share = _share.get()
    if share.number == 1:
        return tensor

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def summed(tensor: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        with tf.control_dependencies([tensor]):
            start = tf.timestamp()
        with tf.control_dependencies([start]):
            found = tf.raw_ops.CollectiveReduceV2(
                input=tensor,
                group_size=share.number,
                group_key=_GROUP,
                instance_key=next(_keys),
                # By it TensorFlow runs the sums in the order of the trace, which NCCL wants.
                ordering_token=[] if share.waited is None else [share.waited.handle],
                merge_op="Add",
                final_op="Id",
                communication_hint="nccl",  # On GPUs; on processors TensorFlow has one way.
            )
        if share.waited is not None:
            with tf.control_dependencies([found]):
                share.waited.assign_add(tf.timestamp() - start)
        return found, total

    return summed(tensor)


def mean(tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Returns the mean of each tensor over all workers, by one all-reduce of one flat buffer:
    the time of an all-reduce over a network is mostly that of its messages, not of its bytes."""
    workers = number()
    if workers == 1:
        return list(tensors)
    flat = tf.concat([tf.reshape(each, [-1]) for each in tensors], 0)
    parts = tf.split(total(flat) / workers, [each.shape.num_elements() for each in tensors])
    return [tf.reshape(part, t.shape) for part, t in zip(parts, tensors, strict=True)]


def stacked(tensor: tf.Tensor) -> tf.Tensor:
    """Returns the tensors of all workers, `[N, ...]`, in the order of their ranks."""
    share = _share.get()
    own = tf.one_hot(share.rank, share.number, dtype=tensor.dtype)
    return total(tf.tensordot(own, tensor, 0))
