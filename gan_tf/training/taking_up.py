"""What a run directory becomes before an attempt's first step of now."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path

from gan_tf.config import Config
from gan_tf.data.dataset import Dataset
from gan_tf.training import (
    build,
    grids,
    journal,
    metrics,
    reporting,
    resume,
    run_directory,
    warm_start,
)
from gan_tf.training.attempt import Attempt
from gan_tf.training.result import check_result

_AT_THE_END = ("result.json", "curves.png", "samples.gif", reporting.NAME)


def has_said_its_end(directory: Path, attempt: Attempt) -> bool:
    """Whether what was said at the step that an attempt ends at is there. A longer run that was
    killed before it saved anything has forgotten that."""
    return _forgotten_end(directory, attempt) is None


def _forgotten_end(directory: Path, attempt: Attempt) -> metrics.Line | None:
    """The line of the end that an attempt stands at, if a longer run has forgotten it."""
    here = attempt.number, attempt.step
    is_end = attempt.step == attempt.schedule.total
    if not is_end or run_directory.went_on_at(directory) != here:
        return None
    return run_directory.end_of_before(directory)


def leave(directory: Path, config: Config, data: Dataset) -> None:
    """Leaves a run that is over as it is, but notes a licence that is said only now.

    Raises:
      TrainingFailedError: it is over because a longer form of it failed.
    """
    check_result(directory)
    before = run_directory.read(directory)
    if config.licence not in (None, before.config.licence):
        run = run_directory.Run(
            dataclasses.replace(before.config, licence=config.licence),
            dataclasses.replace(before.data, licence=data.description.licence),
        )
        point, end = run_directory.went_on_at(directory), run_directory.end_of_before(directory)
        run_directory.write(directory, run, *point, end=end)
        print(
            "--licence: noted; exports have it from now on: python -m gan_tf.export "
            f"--run_dir={shlex.quote(str(directory))}",
            file=sys.stderr,
        )


def take_up(directory: Path, attempt: Attempt, config: Config, data: Dataset) -> None:
    """Prepares the run directory for an attempt that begins, or goes on, now.

    Args:
      directory: the run directory.
      attempt: what is about to train.
      config: the configuration of the run.
      data: what it trains on.
    """
    # A rollback stands at a step, and has no checkpoint of its own yet: no step is behind it.
    resumed = bool(resume.paths(directory / run_directory.CHECKPOINTS))
    here = attempt.number, attempt.step if resumed else -1
    end = again = None
    if (directory / "config.json").exists():
        again = _forgotten_end(directory, attempt)
        before = run_directory.read(directory).config
        judged = build.is_judged(before, data)
        due = build.schedule(before, attempt.images, judged)
        # What came after this step is made again; what is here only because a run ended is not.
        # A run that was killed since it went on from here has forgotten that before.
        sifted = run_directory.went_on_at(directory) == here
        end = journal.forget(directory, *here, schedule=None if sifted else due)
        if sifted:
            end = run_directory.end_of_before(directory)
        grids.forget(directory, here[1], 1 if sifted else due.sample_every)
        resume.forget_best(directory, *here)
        if again:
            journal.put_back(directory, again)
    for name in _AT_THE_END:  # Of a shorter run; cut short, this one must not be said by them.
        (directory / name).unlink(missing_ok=True)
    run = run_directory.Run(config, data.description)
    number, step = here if resumed else (None, None)
    # With its end said again, a run is as it was before it went on from there.
    run_directory.write(directory, run, number, *((None, None) if again else (step, end)))
    first = attempt.number == 1 or not (directory / run_directory.INIT).exists()
    if config.init_from and not attempt.step and first:
        warm_start.keep(attempt.state, directory)
