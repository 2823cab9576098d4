"""Work on many items at once, with the results in the items' order.

Threads do: Pillow lets go of Python's lock while it decodes and resizes.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_BATCH = 16  # Items a task, so that small ones are worth their way.
_MOST = 16  # Threads beyond that wait for Python's lock.


def ordered(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Yields `work(item)` of each item, in order; a few are under way at a time."""
    threads = min(_MOST, len(os.sched_getaffinity(0)))
    waiting: deque[Future[list[_Result]]] = deque()
    stream = iter(items)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="pictures")
    try:
        while batch := list(itertools.islice(stream, _BATCH)):
            waiting.append(pool.submit(lambda batch: [work(item) for item in batch], batch))
            if len(waiting) > 2 * threads:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
