"""A process beside this one, which sees what no thread of it can while TensorFlow holds the
interpreter: it does so for as long as it waits to connect the workers, up to an hour."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

# Its arguments: the guarded process, how long, what to say then, and of each other worker the
# socket and what to say once that is closed.
_GUARD = """
import os, select, signal, sys, time
guarded, seconds, late, *others = sys.argv[1:]
said = {int(number): line for number, line in zip(others[::2], others[1::2])}
poll = select.poll()
for number in said:
    poll.register(number, select.POLLRDHUP)
found, end = [], time.monotonic() + float(seconds)
while not found and time.monotonic() < end and os.getppid() == int(guarded):
    found = poll.poll(200)
time.sleep(1)  # Mostly it is not held, and says so itself.
if os.getppid() == int(guarded):
    os.write(2, (said[found[0][0]] if found else late).encode(errors="replace"))
    os.kill(int(guarded), signal.SIGKILL)
"""


@contextlib.contextmanager
def beside(
    others: Mapping[int, str], seconds: float, late: str, standard_error: int
) -> Iterator[None]:
    """Within it, this process is killed, with a line, once another worker has ended or it takes
    too long.

    Args:
      others: what to say once a socket is closed at its other end, by the socket's number.
      seconds: how long it may take.
      late: what to say if it takes longer.
      standard_error: where to say it.
    """
    about = [str(os.getpid()), str(seconds), late]
    for number, line in others.items():
        about += [str(number), line]
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _GUARD, *about],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=standard_error,
        pass_fds=list(others),
    )
    try:
        yield
    finally:
        child.kill()
        child.wait()
