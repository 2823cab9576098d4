"""Work on all pairs of two sets of points, block by block, on every core."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

Floats = npt.NDArray[np.floating]
Found = TypeVar("Found")

_ENTRIES = 2**21  # Pairs of a block, which bounds the memory: 16 MiB in float64.


def over_blocks(function: Callable[[slice], Found], rows: int, columns: int) -> list[Found]:
    """Returns what `function` gives for each block of rows, in their order.

    Args:
      function: called with a slice of the rows, from several threads.
      rows, columns: how many points the sets have; a block pairs some rows with all columns.
    """
    step = max(1, _ENTRIES // max(columns, 1))
    blocks = [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
    # A core a block: BLAS's own threads lose more time waiting for each other on products this
    # narrow, and their number would change the last bits.
    with _blas().limit(limits=1), ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(function, blocks))


@functools.cache
def _blas() -> ThreadpoolController:
    """NumPy's, which it has loaded by now; to look for it takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")


def squared_distances(x: Floats, y: Floats) -> Callable[[slice], Floats]:
    """Returns the function from a block of x to its |x - y|^2 to all y.

    In the points' own precision; rounding can make it negative.

    Args:
      x, y: points `[N, D]` and `[M, D]`.
    """
    norms, other_norms = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
    # In one product, [-2 x, |x|^2, 1] . [y, 1, |y|^2]: memory is what takes the time.
    left = np.column_stack([-2.0 * x, norms, np.ones_like(norms)])
    right = np.column_stack([y, np.ones_like(other_norms), other_norms]).T
    return lambda block: left[block] @ right


def slack(x: Floats, y: Floats) -> float:
    """Returns more than rounding can do to any of the squared distances of x and y."""
    largest = max(np.einsum("ij,ij->i", points, points).max() for points in (x, y))
    return float(8.0 * (x.shape[1] + 4) * np.finfo(x.dtype).eps * largest)
