"""What SIGINT, SIGTERM and SIGHUP do: end a command while it starts, save a run while it trains."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from gan_tf.host.errors import InterruptedStartError

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_quietly() -> None:
    """Lets SIGINT end a command of ours at once and without a word while it starts, as SIGTERM
    does; in another program nothing changes. Python would show where it was in its imports."""
    # One that the process was started to ignore stays ignored.
    if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _is_command() -> bool:
    """Whether this process is `python -m gan_tf...` or the console command."""
    _, *given = sys.orig_argv
    module = given[given.index("-m") + 1 :] if "-m" in given else []
    names = [*module[:1], *(Path(each).name for each in given[:1])]
    return any(f"{name}.".startswith("gan_tf.") for name in names)


def raise_at_signals() -> None:
    """From here on a signal lets a command of ours clear up, and say that it was interrupted."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise InterruptedStartError(number)

    if _is_command():
        for each in _ENDING:
            if signal.getsignal(each) is signal.SIG_DFL:
                signal.signal(each, stop)


@contextlib.contextmanager
def deferred_signals() -> Iterator[Callable[[], bool]]:
    """Within it, the first SIGINT, SIGTERM or SIGHUP is only noted; a second ends the process at
    once. One that the process was started to ignore (by `nohup`, or in the background of a script)
    stays ignored.

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
        for each in _ENDING:
            if signal.getsignal(each) is not signal.SIG_IGN:
                before[each] = signal.signal(each, note)
    try:
        yield lambda: bool(received)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
