"""The lock on a run directory: one process at a time trains there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from gan_tf.host import files
from gan_tf.host.errors import InputError, TrainingFailedError
from gan_tf.training import run_directory

_NAME = "run.lock"


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[Callable[[], None]]:
    """Holds the run directory for this process; InputError if another is training in it. A start
    that is refused leaves no new directory behind.

    It yields a function that raises TrainingFailedError once the directory was removed or renamed:
    what lies at its place then is another run's.
    """
    new = not directory.exists()
    with contextlib.ExitStack() as stack:
        try:
            is_held = stack.enter_context(files.locked(directory / _NAME))
        except BlockingIOError:
            raise InputError(f"--run_dir={directory}: another process is training in it") from None
        if new:
            stack.callback(_remove_bare, directory)

        def check() -> None:
            if not is_held():
                raise TrainingFailedError(
                    f"{directory}: it, or its {_NAME}, was removed or renamed while the run "
                    "trained in it; where it lies now, the run goes on from its last checkpoint"
                )

        for place in (run_directory.CHECKPOINTS, "samples", "attempts/*"):
            for each in directory.glob(place):
                files.remove_leftovers(each)
        files.remove_leftovers(directory)
        yield check


def _remove_bare(directory: Path) -> None:
    """Removes a run directory in which there is nothing but its lock."""
    with contextlib.suppress(OSError):
        if [each.name for each in directory.iterdir()] == [_NAME]:
            (directory / _NAME).unlink()
            directory.rmdir()
