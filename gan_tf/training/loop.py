"""The compiled call: several steps at a time, with no word to the host in between."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator

import tensorflow as tf

from gan_tf.data.feed import Batch, Feed
from gan_tf.game.players import GanState
from gan_tf.game.rules import Metrics, metrics_of

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
      steps_per_second: the speed of the newest call that is worth a word: it did not compile, and
        was long; None before one.
    """

    def __init__(
        self, step: Step, state: GanState, feed: Feed, seconds_per_call: float = 1.0
    ) -> None:
        """Takes the step, the state that it changes, and the reals; the seconds bound how long a
        signal waits, and how often the bar moves."""
        self.executed, self._seconds_per_call = 0, seconds_per_call
        self.steps_per_second: float | None = None
        self._step, self._state, self._feed = step, state, feed
        self._sums = {name: tf.Variable(0.0, name=name) for name in metrics_of(state)}
        self._summed = tf.Variable(0, dtype=tf.int64, name="summed")
        # One trace serves every number of steps.
        self._run = tf.function(self._run_steps, [feed.signature], autograph=False)

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
                done, finite = (result.numpy() for result in self._run(take(step, steps)))
                elapsed = time.monotonic() - start
                if self.executed and elapsed > self._seconds_per_call / 2:
                    self.steps_per_second = int(done) / elapsed
                self.executed += int(done)
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

    def means(self) -> dict[str, float]:
        """Returns each metric's mean over the steps since the last `reset`."""
        steps = int(self._summed.numpy())
        return {name: float(total.numpy()) / steps for name, total in self._sums.items()}

    def reset(self) -> None:
        """Starts the sums of the metrics anew."""
        for total in self._sums.values():
            total.assign(0.0)
        self._summed.assign(0)

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
