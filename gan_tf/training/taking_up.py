"""What a run directory becomes before an attempt's first step of now."""

from __future__ import annotations

import dataclasses
import shlex
import shutil
import sys
from pathlib import Path

from gan_tf.config import Config
from gan_tf.data.dataset import Dataset
from gan_tf.evaluation import judges
from gan_tf.host import files
from gan_tf.host.errors import InputError
from gan_tf.training import (
    best_state,
    build,
    going_on,
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
from gan_tf.training.schedule import Schedule

_AT_THE_END = ("result.json", "curves.png", "samples.gif", reporting.NAME)


def is_done(directory: Path, attempt: Attempt, data: Dataset) -> bool:
    """Whether an attempt has come to its end, so that nothing is left to do.

    Raises:
      TrainingFailedError: a longer form of it failed.
      InputError: it stands beyond the length that is asked for, and at no end.
    """
    if not attempt.over:
        return False
    check_result(directory, attempt.number, attempt.step)
    if run_directory.has_ended(directory, attempt.number, attempt.step):
        return True
    if attempt.step > attempt.schedule.total:
        total = _schedule_of_before(directory, attempt, data).total
        raise InputError(
            f"--run_dir={directory}: stands at step {attempt.step:,} of {total:,}, and not at its "
            f"end: --steps={total} goes on, and --steps={attempt.step} ends it there"
        )
    return False


def _schedule_of_before(directory: Path, attempt: Attempt, data: Dataset) -> Schedule:
    """What was due when, and until when, as the run was until now."""
    before = run_directory.read(directory).config
    return build.schedule(before, attempt.images, build.is_judged(before, data))


def leave(directory: Path, attempt: Attempt, config: Config, data: Dataset) -> None:
    """Leaves a run that is done as it is, and says so; notes a licence that is said only now."""
    before = run_directory.read(directory)
    if config.licence not in (None, before.config.licence):
        run = run_directory.Run(
            dataclasses.replace(before.config, licence=config.licence),
            dataclasses.replace(before.data, licence=data.description.licence),
        )
        run_directory.note(directory, run)
        (directory / reporting.NAME).unlink(missing_ok=True)  # It says the licence, too.
        print(
            "--licence: noted; exports have it from now on: python -m gan_tf.export "
            f"--run_dir={shlex.quote(str(directory))}",
            file=sys.stderr,
        )
    print(attempt.over, file=sys.stderr)


def take_up(directory: Path, attempt: Attempt, config: Config, data: Dataset) -> None:
    """Prepares the run directory for an attempt that begins, or goes on, or comes to its end, now.

    Killed anywhere within, it is at no end, and the next start does all of it.

    Args:
      directory: the run directory.
      attempt: what is about to train.
      config: the configuration of the run.
      data: what it trains on.
    """
    # A rollback stands at a step, and has no checkpoint of its own yet: no step is behind it.
    resumed = bool(resume.paths(directory / run_directory.CHECKPOINTS))
    judged_by = _judge(directory, config, data)
    here = attempt.number, attempt.step if resumed else -1
    lasting: set[str] = set()
    if (directory / "config.json").exists():
        run_directory.note_end(directory, None, None)
        _forget_another_beginning(directory, config, data)
        # What came after this step is made again; what is here only because a run ended is not.
        # What lasts is what was due when it was made: a start that went on from here has said so.
        said = run_directory.lasting_at(directory, *here)
        due = _schedule_of_before(directory, attempt, data).lasting(here[1])
        lasting = due if said is None else said
        if resumed:
            taken_up = attempt.step, lasting
            attempt.schedule = dataclasses.replace(attempt.schedule, taken_up=taken_up)
        journal.forget(directory, *here, lasting)
        grids.forget(directory, here[1], lasts="grid" in lasting)
        best_state.forget(directory, *here)
    for name in _AT_THE_END:  # Of a shorter run; cut short, this one must not be said by them.
        (directory / name).unlink(missing_ok=True)
    run = run_directory.Run(config, data.description)
    if going_on.judge(directory, data) is None:  # It is of other images.
        (directory / run_directory.JUDGE).unlink(missing_ok=True)
    run_directory.write(directory, run, here if resumed else None, lasting, judged_by)
    if config.classifier == "train" and build.is_judged(config, data):
        _keep_judge(directory / run_directory.JUDGE, data)
    first = attempt.number == 1 or not (directory / run_directory.INIT).exists()
    if config.init_from and not attempt.step and first:
        warm_start.keep(attempt.state, directory)


def _forget_another_beginning(directory: Path, config: Config, data: Dataset) -> None:
    """Removes what a run began with of which nothing came, before config.json says that this other
    one is here: killed between the two, it would begin with those networks."""
    before = run_directory.read(directory)
    same_shape = before.data.image_shape == data.description.image_shape
    if going_on.differences(before.config, config) or not same_shape:
        (directory / run_directory.INIT).unlink(missing_ok=True)


def _judge(directory: Path, config: Config, data: Dataset) -> str | None:
    """The digest of the classifier of the data's labels that judges a run; None without.

    Raises:
      InputError: another one has judged it until now.
    """
    before = run_directory.judged_by(directory)
    if config.classifier != "train" or not build.is_judged(config, data):
        return before
    now = files.sha256(going_on.judge(directory, data) or data.directory / judges.CLASSIFIER)[:8]
    lines = metrics.read_metrics(directory / "metrics.jsonl")
    if before not in (None, now) and any(map(metrics.is_judged, lines)):
        raise InputError(
            f"--run_dir={directory}: its {run_directory.JUDGE} is gone or another, and the "
            f"classifier of now ({now}) is not the one of its figures ({before}); put it back, or "
            "use another --run_dir"
        )
    return now


def _keep_judge(path: Path, data: Dataset) -> None:
    """Keeps the classifier of the data's labels: trained again elsewhere, it may be another one."""
    if not path.exists():
        with files.published(path) as temporary:
            shutil.copyfile(data.directory / judges.CLASSIFIER, temporary)
