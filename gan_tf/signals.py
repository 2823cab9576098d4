"""SIGINT and SIGTERM as a polite request: finish the step, save, go."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


@contextlib.contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Within it, the first SIGINT or SIGTERM is only noted; a second ends the process at once.

    Yields:
      A function that says whether a signal has come.
    """
    received: list[int] = []
    before: dict[signal.Signals, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        for each in before:
            signal.signal(each, signal.SIG_DFL)

    # Python delivers signals to the main thread alone, and lets no other change handlers.
    if threading.current_thread() is threading.main_thread():
        for each in (signal.SIGINT, signal.SIGTERM):
            before[each] = signal.signal(each, note)
    try:
        yield lambda: bool(received)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
