"""What a run directory becomes before an attempt's first step of now."""

from __future__ import annotations

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

_AT_THE_END = ("result.json", "curves.png", "samples.gif", reporting.NAME)


def has_said_its_end(directory: Path, attempt: Attempt) -> bool:
    """Whether the line of the step that an attempt ends at is there, or a result that was made of
    it. A longer run that is killed before it saves anything has forgotten both."""
    here = attempt.number, attempt.step
    lines = metrics.read_metrics(directory / "metrics.jsonl")
    said = any((line["attempt"], line["step"]) == here for line in lines)
    is_end = attempt.step == attempt.schedule.total
    return said or not is_end or (directory / "result.json").exists()


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
    if (directory / "config.json").exists():
        before = run_directory.read(directory).config
        judged = build.is_judged(before, data)
        due = build.schedule(before, attempt.images, judged)
        # What came after this step is made again; what is here only because a run ended is not.
        # A run that was killed since it went on from here has forgotten that before.
        sifted = run_directory.went_on_at(directory) == here
        journal.forget(directory, *here, schedule=None if sifted else due)
        grids.forget(directory, here[1], 1 if sifted else due.sample_every)
        resume.forget_best(directory, *here)
    for name in _AT_THE_END:  # Of a shorter run; cut short, this one must not be said by them.
        (directory / name).unlink(missing_ok=True)
    run = run_directory.Run(config, data.description)
    run_directory.write(directory, run, *(here if resumed else (None, None)))
    first = attempt.number == 1 or not (directory / run_directory.INIT).exists()
    if config.init_from and not attempt.step and first:
        warm_start.keep(attempt.state, directory)
