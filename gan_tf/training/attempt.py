"""One attempt at training: from its first step, or where it was left, to its end or illness.

A run is one attempt unless its health turns out bad; see `run` for what follows then.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from gan_tf.config import Config
from gan_tf.data.cache import Split
from gan_tf.data.rows import ReadError
from gan_tf.evaluation.judging import Evaluation
from gan_tf.evaluation.reals import Unseen
from gan_tf.game.step import step
from gan_tf.host.errors import InterruptedRunError
from gan_tf.report import pictures
from gan_tf.training import (
    build,
    costs,
    drawing,
    followers,
    grids,
    health,
    patience,
    resume,
    sharing,
    warm_start,
)
from gan_tf.training.health import Verdict
from gan_tf.training.journal import Journal
from gan_tf.training.loop import Loop, NotFiniteError
from gan_tf.training.metrics import Line, is_best, is_judged
from gan_tf.training.progress import Progress
from gan_tf.training.resume import Memory
from gan_tf.training.schedule import Due
from gan_tf.workers.team import Team


class Attempt:
    """Trains the configuration's game with the seed of one attempt.

    Attributes:
      number: 1 for the first attempt of a run.
      step: the step that it stands at.
      seconds: seconds of training behind it, those before a restart of the process included.
      schedule: what is due when; its total is the step that the attempt ends at.
      images: how many reals there are.
      loop: what runs the steps.
      streams: whether the reals are streamed.
      measure: what D thinks of held-out reals.
      cost: how large the networks are, and what a step computes.
      state: the players and the average.
    """

    def __init__(
        self,
        config: Config,
        number: int,
        directory: Path,
        *,
        reals: Split,
        held_out: Unseen,
        evaluation: Evaluation | None,
        classes: int = 0,
        team: Team | None = None,
        check_held: Callable[[], None],
    ) -> None:
        """Builds the game and takes up the attempt's newest checkpoint, if there is one; `team` are
        the workers that train it. `check_held` raises once the directory is another's."""
        self._config = config = config.of_attempt(number)
        self._directory, self._evaluation, self._team = directory, evaluation, team
        self._check_held = check_held
        self._game = game = build.game(config, reals, classes)
        self.state = game.state
        if team:
            followers.check_networks(game)
        self.cost = costs.of(game, config)
        feed = build.feed(config, reals, team.share if team else (0, 1))
        self.number, self.streams = number, feed.streams
        compiled = config.compile == "xla"
        self.loop = Loop(
            lambda batch: step(game, batch), game.state, feed, team=team, compiled=compiled
        )
        self.measure = build.measure(config, game.state, held_out)
        self._grid = drawing.for_grid(config, classes)
        judged = evaluation.samples if evaluation else 0
        self._judged = drawing.for_evaluation(config, judged, reals, classes)
        self.schedule = build.schedule(config, len(reals.images), evaluation is not None)
        self.images = len(reals.images)
        self._memory = Memory(self.loop.variables, directory, number, config.keep_checkpoints)
        rollback = number > 1 and config.on_collapse == "rollback"
        point = self._memory.restore(self.schedule, rollback)
        self.step, self.seconds = point.step, point.seconds
        self._waited = patience.waited_until(directory, number, self.step) if self.step else 0
        if config.init_from and self.step == 0:
            about = warm_start.words(config.to_json(), reals.image_shape)
            warm_start.begin(game.state, config, number, about, directory)

    @property
    def stopped(self) -> str | None:
        """Why it ends here, before its length, in words; None if it does not."""
        most, total = self._config.patience, self.schedule.total
        waits = not most or self._waited < most or self.step >= total
        return None if waits else patience.words(self._waited, self.step, total)

    @property
    def over(self) -> str | None:
        """Why no step is left, in words; None if one is."""
        if self.step < self.schedule.total:
            return self.stopped
        longer = "steps" if self._config.steps else "epochs"
        return f"already at step {self.step:,}: a larger --{longer} goes on"

    def train(self, stop_requested: Callable[[], bool]) -> Verdict | None:
        """Runs the steps that are left; returns what made it give up, if anything did.

        Args:
          stop_requested: whether SIGINT or SIGTERM has come.

        Raises:
          InterruptedRunError: SIGINT or SIGTERM came; the state is saved.
          ReadError: images could not be read; the state is saved.
        """
        total = self.schedule.total
        with (
            closing(self._open_journal()) as journal,
            closing(Progress(self.step, total)) as progress,
            closing(self.loop.run_until(total, self.schedule.pause_after)) as pauses,
        ):
            settled = 0  # The step at which all due was written.
            try:
                self._begin(journal)
                if self._team:
                    followers.lead(self._team, self.number, self.loop)
                # It may stand where it is to end, but not have ended there.
                for reached in [self.step] if self.over else pauses:
                    self.step = reached
                    progress.update(reached)
                    progress.remark(self.loop, total - reached, self._config)
                    # Asked once: what is said must be what is done.
                    stopping = stop_requested() or self.loop.stop_requested
                    if verdict := self._pause(journal, progress, stopping):
                        return verdict
                    settled = reached
                    if self.stopped:
                        progress.say(self.stopped)
                        break
                    if stopping and reached < total:
                        said = f"saved at step {reached:,} of {total:,}"
                        raise InterruptedRunError(f"{said}; the same command goes on from there")
            except NotFiniteError as error:
                self.step, names = error.args
                verdict = health.not_finite(names)
                progress.say(self._words(verdict))
                return verdict
            except ReadError:
                if settled and settled == self.step:
                    self._memory.save(journal.seconds)
                raise
            finally:
                self.seconds = journal.seconds
        return None

    def _open_journal(self) -> Journal:
        place, batch = self._directory, self._config.batch_size
        return Journal(
            place, attempt=self.number, step=self.step, seconds=self.seconds, batch_size=batch
        )

    def _begin(self, journal: Journal) -> None:
        """Writes what there is before the first step that is left."""
        self._check_held()
        if not self.step:
            self._draw_grid(journal)
        elif self._memory.is_empty:  # A rollback: from here on it is this attempt's own state.
            self._memory.save(journal.seconds)

    def _pause(self, journal: Journal, progress: Progress, stopping: bool) -> Verdict | None:
        """Does what is due at this step; returns the verdict that ends the attempt."""
        due = self.schedule.due(self.step)
        line: Line = journal.said(self.step)
        if due.line and not line and not (line := self._take_metrics(due)):
            progress.say("its line in metrics.jsonl is lost, so this end is not judged")
            due = due._replace(line=False, evaluation=False, best=False)
        if due.evaluation and not is_judged(line):
            assert self._evaluation
            generator = self._game.state.ema_generator
            # A classifier that was trained for a dataset is on the chief's disk.
            helpers = None if self._config.classifier == "train" else self._team
            line |= sharing.judged(self._evaluation, generator, self._judged, helpers)
        if due.best:
            self._waited = patience.waited([*journal.evaluated(self.step), line])
        if self.stopped:
            due = due._replace(grid=True, checkpoint=True)
        verdict = self._diagnose(line, due, journal, progress)
        given_up = health.ends(verdict, self._config.on_collapse, self.images)
        epoch = build.epochs(self._config, self.step, self.images)
        keeps_best = due.best and is_best(line, journal.lines)
        # At its end it may be the best, and a longer run goes on from there.
        saves = (due.checkpoint or stopping) and (self.over or not given_up)
        resume.write_in_order(
            self._check_held,
            best=(lambda: self._memory.save_best(journal.seconds)) if keeps_best else None,
            line=(lambda: progress.show(journal.append(self.step, epoch, line)))
            if due.line
            else None,
            grid=(lambda: self._draw_grid(journal)) if due.grid else None,
            checkpoint=(lambda: self._memory.save(journal.seconds)) if saves else None,
        )
        return verdict if given_up else None

    def _take_metrics(self, due: Due) -> Line:
        """The means since the last line, and what D thinks; {} where no step was made since."""
        means = self.loop.means()
        if due.sums:
            self.loop.reset()
        return means and means | self.measure(self.step)

    def _diagnose(
        self, line: Line, due: Due, journal: Journal, progress: Progress
    ) -> Verdict | None:
        """Returns what the figures say of the attempt's health, which goes into the line too."""
        before, here = journal.evaluated(self.step), {"step": self.step, **line}
        history = [*before, here] if due.evaluation else before
        verdict = health.verdict(history, self.images) if due.evaluation else None
        on_collapse = self._config.on_collapse
        if self.over and not (verdict and not health.is_borne(verdict, on_collapse, self.images)):
            verdict = health.ending(history, here) or verdict
        if verdict:
            line["health"] = verdict.kind
            ends = health.ends(verdict, on_collapse, self.images)
            if ends or [each.get("health") for each in before[-1:]] != [verdict.kind]:
                progress.say(self._words(verdict))
        return verdict

    def _draw_grid(self, journal: Journal) -> None:
        """Draws the grid of this step, thins the older ones out, and shows it in TensorBoard if
        it is one that lasts."""
        path, every = grids.path(self._directory, self.step), self._config.sample_every
        samples = drawing.draw(self._game.state.ema_generator, self._grid.draw)
        pictures.write_grid(path, samples, self._grid.columns)
        grids.thin(self._directory, every, self.step)
        if self.step % grids.spacing(every, self.step) == 0 or self.over:
            journal.show(self.step, path)

    def _words(self, verdict: Verdict) -> str:
        return f"health: attempt {self.number}, step {self.step:,}: {verdict}"
