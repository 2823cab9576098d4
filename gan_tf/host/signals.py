"""What SIGINT, SIGTERM and SIGHUP do: end a command while it starts, save a run while it trains. So
does a pipe of standard error that nobody reads any more.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TextIO, cast

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
    """Within it, the first SIGINT, SIGTERM or SIGHUP is only noted. A second ends a command at
    once, and does in another program what it did there before; but a second SIGHUP is only noted,
    too, for a terminal that is closed may send two. One that the process was started to ignore (by
    `nohup`, or in the background of a script) stays ignored.

    A signal that came when the work was done already is the calling program's own: it gets it then.

    A pipe of standard error that nobody reads any more counts as a signal. Whatever else keeps text
    from being written there changes nothing: a run that is to outlive its terminal, say.

    Yields:
      A function that says whether a signal has come.
    """
    received: list[int] = []
    before: dict[signal.Signals, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        for each, handler in before.items():
            if each != signal.SIGHUP:  # A program of one's own has more to lose than a run.
                signal.signal(each, signal.SIG_DFL if _is_command() else handler)

    # Python delivers signals to the main thread alone, and lets no other change handlers.
    if threading.current_thread() is threading.main_thread():
        for each in _ENDING:
            if signal.getsignal(each) is not signal.SIG_IGN:
                before[each] = signal.signal(each, note)
    told = sys.stderr
    if told is not None:  # So it is in a program without one.
        # Ctrl-C ends `tee`, too, and may come after its end: it is no second signal then.
        sys.stderr = cast(TextIO, _Unfailing(told, lambda: received.append(signal.SIGPIPE)))
    ours = sys.stderr
    try:
        yield lambda: bool(received)
    finally:
        if sys.stderr is ours:
            sys.stderr = told
        for each, handler in before.items():
            signal.signal(each, handler)
    # What saved a run has left by an exception.
    if not _is_command():
        for number in set(received) & set(before):
            signal.raise_signal(number)


class _Unfailing:
    """A stream that throws away what it cannot write."""

    def __init__(self, stream: TextIO, unread: Callable[[], None]) -> None:
        """Takes the stream, and what to do once nobody reads it any more."""
        self._stream, self._unread = stream, unread

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes text, or not."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Writes what is left, or not."""
        self._try(self._stream.flush)

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError as error:
            if _is_command():  # What the stream still holds would be tried again at the end.
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            if isinstance(error, BrokenPipeError):
                self._unread()
