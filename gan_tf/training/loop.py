"""The compiled call: several steps at a time, with no word to the host in between."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Generator

import tensorflow as tf

from gan_tf.data.feed import Batch, Feed, Take
from gan_tf.game.players import GanState
from gan_tf.game.rules import Metrics, metrics_of
from gan_tf.host.graphs import graph
from gan_tf.workers import replica
from gan_tf.workers.connection import Message
from gan_tf.workers.team import Team
from gan_tf.workers.waiting import Own, Waits

Step = Callable[[Batch], Metrics]

SUMMED = "sums/steps"  # How many steps the sums are of.


class NotFiniteError(ArithmeticError):
    """A step gave a metric that is not finite: `args` are the step and the metrics' names."""


class Loop:
    """Runs steps and sums their metrics, until told to stop or a metric is not finite.

    The sums are part of what a checkpoint must hold: with them a resumed run logs the
    same means as one that was never stopped.

    Attributes:
      executed: steps that this object has run.
      compiled: whether XLA compiles a step.
      stop_requested: whether another worker was asked to stop.
      waits: how long the workers wait for one another, as the chief knows it; None without others.
      steps_per_second: the speed of the newest call that is worth a word: it did not compile, and
        was long; None before one.
    """

    def __init__(
        self,
        step: Step,
        state: GanState,
        feed: Feed,
        seconds_per_call: float = 1.0,
        team: Team | None = None,
        compiled: bool = False,
    ) -> None:
        """Takes the step, the state that it changes, the reals, the workers that run the same
        steps, and whether XLA is to compile a step; the seconds bound how long a signal waits, and
        how often the bar moves."""
        self.executed, self._seconds_per_call = 0, seconds_per_call
        self.stop_requested, self._team = False, team
        self.steps_per_second: float | None = None
        self._state, self._feed = state, feed
        self.compiled = compiled and team is None  # XLA knows no sum over processes.
        self._step = graph(step, jit_compile=True, autograph=False) if self.compiled else step
        self._sums = {name: tf.Variable(0.0, name=name) for name in metrics_of(state)}
        self._summed = tf.Variable(0, dtype=tf.int64, name="summed")
        self._own = Own()
        self.waits = Waits(team.place) if team else None
        run = self._run_steps
        if team:
            run = functools.partial(self._run_together, team)
        # One trace serves every number of steps.
        self._run = graph(run, input_signature=[feed.signature], autograph=False)

    @property
    def variables(self) -> dict[str, tf.Variable]:
        """The state's variables and the loop's own, by name."""
        sums = {f"sums/{name}": variable for name, variable in self._sums.items()}
        return self._state.variables | sums | {SUMMED: self._summed}

    def run_until(
        self, total: int, pause_after: Callable[[int], int]
    ) -> Generator[int, None, None]:
        """Runs steps up to `total`; yields the step reached whenever the host has a say.

        Args:
          total: the step to stop at.
          pause_after: called with a step; the next one at which it yields. It yields in between,
            too, about as often as a call lasts.

        Raises:
          NotFiniteError: a metric was not finite; the state is the one after that step.
          ReadError: reals could not be read; the state is the one that was yielded last.
        """
        step = int(self._state.step.numpy())
        steps_per_call = 1
        with self._feed.reading(step, total) as take:
            while step < total:
                steps = min(min(total, pause_after(step)) - step, steps_per_call)
                start = time.monotonic()
                done, finite = self._call(take, step, steps)
                elapsed = time.monotonic() - start
                if self.executed and elapsed > self._seconds_per_call / 2:
                    self.steps_per_second = done / elapsed
                self.executed += done
                if elapsed > 0:  # A suspended machine or a virtual one's clock may say anything.
                    # The first call also compiles, so one step says little, and the next corrects
                    # it. How many steps share a call never shows in the results.
                    fitting = round(steps * self._seconds_per_call / elapsed)
                    fitting = min(fitting, 10 * steps_per_call, self._feed.most_steps)
                    steps_per_call = max(1, fitting)
                step = int(self._state.step.numpy())
                if not finite:
                    means = self.means().items()
                    raise NotFiniteError(step, [n for n, v in means if not math.isfinite(v)])
                yield step

    def follow(self, total: int, stop_requested: Callable[[], bool]) -> Message | None:
        """Runs the steps up to `total` that the chief runs, as it tells; returns what it tells
        instead of more of them, which is None at the end of the run.

        Args:
          total: the step to stop at.
          stop_requested: whether this worker was asked to stop, which the chief is told.

        Raises:
          InterruptedRunError: a worker was asked to stop, and the state is saved.
          ReadError: reals could not be read.
        """
        team = self._team
        assert team
        with self._feed.reading(int(self._state.step.numpy()), total) as take:
            while True:
                words: Message | None = team.told()
                if words is None or "steps" not in words:
                    return words
                fed = take(words["step"], words["steps"])
                done, _ = team.compute(functools.partial(self._computed, fed))
                self.executed += done
                team.answer({"stop": stop_requested(), **self._own.told()})

    def _call(self, take: Take, step: int, steps: int) -> tuple[int, bool]:
        """Runs steps, the other workers too; returns how many, and whether all was finite."""
        fed, team = take(step, steps), self._team
        if team is None:
            return self._computed(fed)
        team.tell({"step": step, "steps": steps})
        start = time.monotonic()
        found = team.compute(functools.partial(self._computed, fed))
        elapsed, mine, answers = time.monotonic() - start, self._own.told(), team.hear()
        self.stop_requested = any(each["stop"] for each in answers)
        if self.executed and self.waits:  # The first call compiles, each worker at its own speed.
            self.waits.add([mine, *answers], steps, elapsed)
        return found

    def _computed(self, fed: list[tf.Tensor]) -> tuple[int, bool]:
        if self._team:
            self._own.begin()
        done, finite = self._run(fed)
        return int(done.numpy()), bool(finite.numpy())

    def means(self) -> dict[str, float]:
        """Returns each metric's mean over the steps since the last `reset`, and that of the seconds
        that workers wait for one another. {} where no step was made since."""
        steps = int(self._summed.numpy())
        if not steps:
            return {}
        found = {name: float(total.numpy()) / steps for name, total in self._sums.items()}
        return found | (self.waits.means() if self.waits else {})

    def reset(self) -> None:
        """Starts the sums of the metrics anew."""
        for total in self._sums.values():
            total.assign(0.0)
        self._summed.assign(0)
        if self.waits:
            self.waits.reset()

    def _run_together(self, team: Team, reals: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """The same as one of several workers."""
        with replica.together(*team.share, self._own.waited):
            return self._run_steps(reals)

    def _run_steps(self, reals: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        steps = tf.shape(reals[0])[0]

        def proceed(done: tf.Tensor, finite: tf.Tensor) -> tf.Tensor:
            return tf.logical_and(done < steps, finite)

        def one_step(done: tf.Tensor, finite: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            metrics = self._step(self._feed.batch(reals, done))
            for name, total in self._sums.items():
                total.assign_add(metrics[name])
            self._summed.assign_add(1)
            finite = tf.reduce_all(tf.math.is_finite(tf.stack(list(metrics.values()))))
            return done + 1, finite

        done, finite = tf.while_loop(proceed, one_step, [0, True], parallel_iterations=1)
        return done, finite
