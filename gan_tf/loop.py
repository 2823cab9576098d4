"""The compiled call: several steps at a time, with no word to the host in between."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gan_tf.data import scale
from gan_tf.state import GanState
from gan_tf.steps import METRICS, Metrics

Step = Callable[[tf.Tensor], Metrics]
Batches = Callable[[int, int], npt.NDArray[np.int32]]


class NotFiniteError(ArithmeticError):
    """A step gave a metric that is not finite: `args` are the step and the metrics' names."""


class Loop:
    """Runs steps and sums their metrics, until told to stop or a metric is not finite.

    The sums are part of what a checkpoint must hold: with them a resumed run logs the
    same means as one that was never stopped.

    Attributes:
      executed: steps that this object has run.
    """

    def __init__(
        self,
        step: Step,
        state: GanState,
        images: npt.NDArray[np.uint8],
        discriminator_steps: int,
        batch_size: int,
        seconds_per_call: float = 1.0,
    ) -> None:
        """Takes the step, the state that it changes, and all reals, uint8 `[N, H, W, C]`;
        the seconds bound how long a signal waits, and how often the bar moves."""
        self.executed, self._seconds_per_call = 0, seconds_per_call
        self._step, self._state = step, state
        self._images = tf.constant(images)  # Resident on the device.
        self._sums = {name: tf.Variable(0.0, name=name) for name in METRICS}
        # With Grappler on, the same steps differ in their last bits from one time to the next
        # (even under enable_op_determinism); probably it sums gradients in the order in which
        # they arrive. With it off they are reproducible on CPU, and as fast.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
        # One trace serves every number of steps.
        signature = tf.TensorSpec([None, discriminator_steps, batch_size], tf.int32)
        self._run = tf.function(self._run_steps, [signature], autograph=False)

    @property
    def variables(self) -> dict[str, tf.Variable]:
        """The state's variables and the loop's own, by name."""
        return self._state.variables | {f"sums/{name}": v for name, v in self._sums.items()}

    def run_until(self, total: int, batches: Batches, pauses: Sequence[int]) -> Iterator[int]:
        """Runs steps up to `total`; yields the step reached whenever the host has a say.

        Args:
          total: the step to stop at.
          batches: called with (first step, steps); int32 indices `[steps, k, B]` of reals.
          pauses: it yields at least at each multiple of these, and about so often as a call lasts.

        Raises:
          NotFiniteError: a metric was not finite; the state is the one after that step.
        """
        step = int(self._state.step.numpy())
        steps_per_call = 1
        while step < total:
            pause = min(total, *((step // every + 1) * every for every in pauses))
            steps = min(pause - step, steps_per_call)
            indices = tf.constant(batches(step, steps))
            start = time.monotonic()
            done, finite = (result.numpy() for result in self._run(indices))
            # The first call also compiles, so one step says little, and the next corrects
            # it. How many steps share a call never shows in the results.
            self.executed += int(done)
            elapsed = time.monotonic() - start
            if elapsed > 0:  # A suspended machine or a virtual one's clock may say anything.
                fitting = round(steps * self._seconds_per_call / elapsed)
                steps_per_call = max(1, min(fitting, 10 * steps_per_call))
            step = int(self._state.step.numpy())
            if not finite:
                raise NotFiniteError(
                    step, [n for n, v in self.means(1).items() if not math.isfinite(v)]
                )
            yield step

    def means(self, steps: int) -> dict[str, float]:
        """Returns each metric's sum since the last `reset`, divided by `steps`."""
        return {name: float(total.numpy()) / steps for name, total in self._sums.items()}

    def reset(self) -> None:
        """Starts the sums of the metrics anew."""
        for total in self._sums.values():
            total.assign(0.0)

    def _run_steps(self, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        steps = tf.shape(indices)[0]

        def proceed(done: tf.Tensor, finite: tf.Tensor) -> tf.Tensor:
            return tf.logical_and(done < steps, finite)

        def one_step(done: tf.Tensor, finite: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            metrics = self._step(scale(tf.gather(self._images, indices[done])))
            for name, total in self._sums.items():
                total.assign_add(metrics[name])
            finite = tf.reduce_all(tf.math.is_finite(tf.stack(list(metrics.values()))))
            return done + 1, finite

        done, finite = tf.while_loop(proceed, one_step, [0, True], parallel_iterations=1)
        return done, finite
