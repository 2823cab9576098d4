"""A run: attempt after attempt, from a `Config` to a trained, recorded, exported generator.

Below the commands only this folder sees a `Config`; the others take plain arguments.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_tf.config import Config
from gan_tf.config.data import IN_MEMORY
from gan_tf.config.following import Followed
from gan_tf.data.cache import Split
from gan_tf.data.dataset import Dataset
from gan_tf.data.images import arrays
from gan_tf.data.images.arrays import Arrays
from gan_tf.evaluation.judging import Evaluation
from gan_tf.evaluation.reals import Unseen, unseen
from gan_tf.host import files, process, signals
from gan_tf.host.errors import InputError, InterruptedRunError, TrainingFailedError
from gan_tf.report import curves, pictures
from gan_tf.training import (
    announcement,
    best_state,
    build,
    exporting,
    exports,
    followers,
    going_on,
    grids,
    health,
    lock,
    reporting,
    resume,
    run_directory,
)
from gan_tf.training.attempt import Attempt
from gan_tf.training.health import Verdict
from gan_tf.training.metrics import best, read_metrics
from gan_tf.training.result import Result, cannot_write, failure, publish
from gan_tf.training.taking_up import is_done, leave, take_up
from gan_tf.workers.team import Team

_RUNNING = threading.Lock()


def train(
    config: Config, images: Any = None, labels: Any = None, team: Team | None = None
) -> Result:
    """Trains the configuration, or goes on with it where its run directory stands.

    Args:
      config: the configuration.
      images: uint8 `[N, H, W]` or `[N, H, W, C]` to train on, C being 1, 3 or 4, in place of the
        configuration's dataset or images. They are kept as `--images` are, so that a run that
        goes on needs them no more.
      labels: whole numbers from 0 `[N]`, their classes; None where they have none.
      team: the workers that train it, of which this process is the chief; None if it is alone.

    Raises:
      InputError: it cannot train here, on this data or in this directory; nothing was changed.
      TrainingFailedError: the run turned out ill, and no attempt is left; or it cannot write.
      InterruptedRunError: SIGINT or SIGTERM came; the state is saved.
    """
    process.require_room()
    if not _RUNNING.acquire(blocking=False):
        raise InputError("another run is training in this process; wait for it, or use another")
    try:
        return _train_alone(config, arrays.given(images, labels), team)
    finally:
        _RUNNING.release()


def _train_alone(config: Config, given: Arrays | None, team: Team | None) -> Result:
    """Trains in a process that trains nothing else: seeds and dtype policy are the process's."""
    if given:
        if config.images not in (None, IN_MEMORY):
            raise InputError(f"images: are given, and --images={config.images} too; give one")
        config = dataclasses.replace(config, images=IN_MEMORY)
    directory = files.user_path("run_dir", str(config.resolved().run_dir))
    config = going_on.with_what_it_keeps(directory, config).resolved()
    going_on.check(directory, config)
    read_metrics(directory / "metrics.jsonl")
    data = build.dataset(config, going_on.data_it_began_with(directory, config), given)
    reals, others = data.reals(config.validation_images)
    held_out = unseen(data, others)
    followed = config.followed(reals.image_shape, len(reals.images))
    config = config.follow(reals.image_shape, len(reals.images))
    with lock.locked(directory) as check_held:
        resume.take_back(directory)
        best_state.take_back(directory)
        going_on.check(directory, config, data.description)
        if team:
            followers.propose(team, config, data)
        try:
            run = _Run(
                config=config,
                directory=directory,
                data=data,
                reals=reals,
                held_out=held_out,
                judge=build.evaluation(config, data, held_out, going_on.judge(directory, data)),
                followed=followed,
                team=team,
                check_held=check_held,
            )
            with (
                process.reproducible(config.deterministic),
                signals.deferred_signals() as stop_requested,
            ):
                return run.attempts(stop_requested)
        except OSError as error:
            check_held()  # Else it is the directory that is gone.
            raise TrainingFailedError(cannot_write(directory, error)) from None


@dataclass(frozen=True)
class _Run:
    """A run in a directory that is this process's alone.

    Attributes:
      config: the configuration.
      directory: the run directory.
      data: what it trains on.
      reals, held_out: the images of steps, and those that no step sees.
      judge: what judges the generator in training; None if nothing does.
      followed: what of the configuration the data decided.
      team: the workers that train it; None without others.
      check_held: raises once the directory is not this process's any more.
    """

    config: Config
    directory: Path
    data: Dataset
    reals: Split
    held_out: Unseen
    judge: Evaluation | None
    followed: Mapping[str, Followed]
    team: Team | None
    check_held: Callable[[], None]

    def attempts(self, stop_requested: Callable[[], bool]) -> Result:
        """Makes attempts until one comes to its end, or none is left."""
        executed = 0
        while True:
            number = len(run_directory.attempts_given_up(self.directory)) + 1
            attempt = Attempt(
                self.config,
                number,
                self.directory,
                reals=self.reals,
                held_out=self.held_out,
                evaluation=self.judge,
                classes=len(self.data.description.classes),
                team=self.team,
                check_held=self.check_held,
            )
            done, verdict = is_done(self.directory, attempt, self.data), None
            known = self.config, attempt, self.data, self.judge, self.followed
            for line in announcement.lines(*known):
                _say(line)
            if done:
                leave(self.directory, attempt, self.config, self.data)
            else:
                self.check_held()
                take_up(self.directory, attempt, self.config, self.data)
                verdict = attempt.train(stop_requested)
                if verdict is None:
                    run_directory.note_end(self.directory, attempt.number, attempt.step)
            executed += attempt.loop.executed
            self.check_held()
            if verdict is None:
                return self._finish(attempt, executed)
            self._give_up(attempt, verdict)
            if stop_requested():
                raise InterruptedRunError("stopped between two attempts; the same command goes on")

    def _give_up(self, attempt: Attempt, verdict: Verdict) -> None:
        """Records why an attempt ended; TrainingFailedError if none may follow it."""
        config, number = self.config, attempt.number
        record = {
            "attempt": number,
            "seed": config.of_attempt(number).seed,
            "step": attempt.step,
            "seconds": round(attempt.seconds, 3),
            "kind": verdict.kind,
            "reason": verdict.reason,
        }
        if config.on_collapse in ("stop", "ignore") or number > config.max_restarts:
            before = run_directory.attempts_given_up(self.directory)
            content = {"failed": True, "attempts": [*before, record]}
            publish(self.directory, content)
            reporting.write_at_the_end(self.directory)
            raise TrainingFailedError(failure(self.directory, record))
        run_directory.give_up(self.directory, record)
        seed = config.of_attempt(number + 1).seed
        _say(f"attempt {number + 1} of at most {config.max_restarts + 1}, with seed {seed}")

    def _finish(self, attempt: Attempt, executed: int) -> Result:
        """Exports the best generator, draws the run and records its result: what is missing."""
        directory = self.directory
        # What counts comes first.
        export = exporting.export_best(directory) if self.config.export == "best" else None
        drawn = {step: at for step, at in grids.found(directory).items() if step <= attempt.step}
        everything = read_metrics(directory / "metrics.jsonl")
        mine = (line for line in everything if line["attempt"] == attempt.number)
        lines = [line for line in mine if line["step"] <= attempt.step]
        if not (directory / "curves.png").exists():
            title = f"{directory.name}: {self.config.arch} on {self.data.name}"
            curves.write_curves(directory / "curves.png", lines, title)
        if not (directory / "samples.gif").exists():
            pictures.write_gif(directory / "samples.gif", drawn)
        result = Result(
            run_dir=directory,
            samples=grids.path(directory, max(drawn, default=attempt.step)),
            evolution=directory / "samples.gif",
            curves=directory / "curves.png",
            report=directory / reporting.NAME,
            export=export,
            steps=attempt.step,
            executed=executed,
            parameters=attempt.cost.parameters,
            batch_size=self.config.batch_size,
            seconds=attempt.seconds,
            evaluation_seconds=sum(line.get("evaluation_seconds", 0.0) for line in lines),
            discriminator_accuracy=attempt.measure.accuracy(),
            held_out=attempt.measure.held_out,
            in_pairs=attempt.measure.in_pairs,
            best=exports.line(export) if export else best(everything),
            last=lines[-1] if lines else {},
            classifier=self.judge.classifier.name if self.judge else None,
            judges=self.config.classifier if self.judge else None,
            judged=self.judge.samples if self.judge else 0,
            health=health.at_the_end(lines, attempt.images),
            stopped=attempt.stopped,
            attempts=run_directory.attempts_given_up(directory),
        )
        result.write()
        return dataclasses.replace(result, report=reporting.write_at_the_end(directory))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
