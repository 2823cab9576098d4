"""The state of the best generator, where a run goes back behind it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from gan_tf.host import archive
from gan_tf.host.errors import InputError
from gan_tf.training import resume
from gan_tf.training.run_directory import BEFORE, BEST, CHECKPOINTS, attempts_given_up


def take_back(run_dir: Path) -> None:
    """Puts back the best state of before, where a better one came after the newest checkpoint, from
    which the run goes on. The run directory must be held."""
    before, best = run_dir / BEFORE, run_dir / BEST
    if not before.exists():
        return
    newest = resume.load_newest(run_dir / CHECKPOINTS)
    here = len(attempts_given_up(run_dir)) + 1, -1 if newest is None else resume.when(newest)[1]
    with contextlib.suppress(InputError):  # The better one is damaged, or gone.
        if resume.when(archive.load(best)) <= here:
            before.unlink()
            return
    before.replace(best)


def forget(run_dir: Path, attempt: int, step: int) -> None:
    """Removes the best state if it came after this point. The steps that are made again may be
    evaluated at other ones, and no line would say then how good it is."""
    with contextlib.suppress(InputError):  # Missing, or damaged: whoever wants it says so.
        if resume.when(archive.load(run_dir / BEST)) > (attempt, step):
            (run_dir / BEST).unlink()
