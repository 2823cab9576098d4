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
      waited: a float64 scalar, to which the seconds are added that the sums of `mean` take.
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

    # By a token TensorFlow runs the sums in the order of the trace. NCCL wants that; elsewhere it
    # would only make one wait for another.
    token = []
    if share.waited is not None and tf.config.list_physical_devices("GPU"):
        token.append(share.waited.handle)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def summed(tensor: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        found = tf.raw_ops.CollectiveReduceV2(
            input=tensor,
            group_size=share.number,
            group_key=_GROUP,
            instance_key=next(_keys),
            ordering_token=token,
            merge_op="Add",
            final_op="Id",
            communication_hint="nccl",  # On GPUs; processors have one way only.
        )
        return found, total

    return summed(tensor)


def mean(tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Returns the mean of each tensor over all workers, by one all-reduce of one flat buffer:
    the time of an all-reduce over a network is mostly that of its messages, not of its bytes.

    These sums are the ones that are timed: a step has little else to do meanwhile."""
    share = _share.get()
    if share.number == 1:
        return list(tensors)
    flat = tf.concat([tf.reshape(each, [-1]) for each in tensors], 0)
    found = total(flat) if share.waited is None else _timed(flat, share.waited)
    sizes = [each.shape.num_elements() for each in tensors]
    parts = tf.split(found / share.number, sizes)
    return [tf.reshape(part, t.shape) for part, t in zip(parts, tensors, strict=True)]


def _timed(tensor: tf.Tensor, waited: tf.Variable) -> tf.Tensor:
    """The same as `total`; adds the seconds that it takes. The read comes after the sum before this
    one: while that waits, this one does not."""
    with tf.control_dependencies([tensor, waited.read_value()]):
        start = tf.timestamp()
    with tf.control_dependencies([start]):
        found = total(tf.identity(tensor))
    with tf.control_dependencies([found]):
        waited.assign_add(tf.timestamp() - start)
    return found


def stacked(tensor: tf.Tensor) -> tf.Tensor:
    """Returns the tensors of all workers, `[N, ...]`, in the order of their ranks."""
    share = _share.get()
    own = tf.one_hot(share.rank, share.number, dtype=tensor.dtype)
    return total(tf.tensordot(own, tensor, 0))
