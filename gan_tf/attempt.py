"""One attempt at training: from its first step, or where it was left, to its end or illness.

A run is one attempt unless the monitor finds it ill; see `run` for what follows then.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gan_tf import build, checkpoints, data, images, latents, monitor, run_directory
from gan_tf.checkpoints import ATTEMPT
from gan_tf.config import Config
from gan_tf.errors import InputError, InterruptedRunError
from gan_tf.evaluation import Evaluation
from gan_tf.loop import Loop, NotFiniteError
from gan_tf.measure import Measure
from gan_tf.monitor import Verdict
from gan_tf.records import Line, Progress, Records, best

_GRID_IMAGES = 64
_BATCH = 250
_SECONDS = "timing/seconds"  # In a checkpoint, the one array that no two runs share.

Pixels = npt.NDArray[np.uint8]


class Attempt:
    """Trains the configuration's game with the seed of one attempt.

    Attributes:
      number: 0 for the first attempt of a run.
      step: the step that it stands at.
      total: the step that it ends at.
      seconds: seconds of training behind it, those before a restart of the process included.
      loop: what runs the steps.
      measure: what D thinks of held-out reals.
    """

    def __init__(
        self,
        config: Config,
        number: int,
        directory: Path,
        reals: Pixels,
        held_out: Pixels,
        evaluation: Evaluation | None,
    ) -> None:
        """Builds the game and takes up the attempt's newest checkpoint, if there is one."""
        self.number, self._directory, self._reals = number, directory, reals
        self._config = config = config.of_attempt(number)
        self._evaluation = evaluation
        self._game = build.game(config, reals)
        self.loop = Loop(
            self._game.step, self._game.state, reals, config.discriminator_steps, config.batch_size
        )
        draw = latents.LATENTS[config.latents]
        self.measure = Measure(
            self._game.state, held_out, draw, config.latent_dim, config.seed, config.loss
        )
        self._grid_latents, self._evaluation_latents = (
            draw((count, config.latent_dim), latents.stream_seed(config.seed, stream))
            for count, stream in (
                (_GRID_IMAGES, latents.GRID_STREAM),
                (evaluation.reals if evaluation else 0, latents.EVALUATION_STREAM),
            )
        )
        self.total = config.total_steps(len(reals))
        self.step, self.seconds = self._restore()

    def records(self) -> Records:
        """Opens the records where the attempt goes on."""
        return Records(
            self._directory,
            self.number,
            self.step,
            self._config.log_every,
            self._config.evaluate_every if self._evaluation else 0,
            self._config.batch_size,
            self.seconds,
        )

    def train(self, records: Records, stop_requested: Callable[[], bool]) -> Verdict | None:
        """Runs the steps that are left; returns what made it give up, if anything did.

        Args:
          records: where its metrics go.
          stop_requested: whether SIGINT or SIGTERM has come.

        Raises:
          InterruptedRunError: SIGINT or SIGTERM came; the state is saved.
        """
        config = self._config
        if self.step == 0:
            self._draw_grid()
        elif not checkpoints.paths(self._directory / "checkpoints"):
            self._save(records)  # A rollback: from here on it is this attempt's own state.
        pauses = [config.log_every, config.sample_every, config.checkpoint_every]
        if self._evaluation and config.evaluate_every:
            pauses.append(config.evaluate_every)
        with closing(Progress(self.step, self.total)) as progress:
            try:
                for step in self.loop.run_until(self.total, self._batches, pauses):
                    self.step = step
                    progress.update(self.step)
                    stopping = stop_requested()  # Asked once: what is said must be what is done.
                    if verdict := self._pause(records, progress, stopping):
                        return verdict
                    if stopping and self.step < self.total:
                        raise InterruptedRunError(
                            f"saved at step {self.step:,} of {self.total:,}; the same command "
                            "goes on from there"
                        )
            except NotFiniteError as error:
                self.step, names = error.args
                verdict = monitor.not_finite(names)
                progress.say(self._health(verdict))
                return verdict
            finally:
                self.seconds = records.seconds
        return None

    def _pause(self, records: Records, progress: Progress, stopping: bool) -> Verdict | None:
        """Does what is due at this step; returns the verdict that ends the attempt."""
        config, step, last = self._config, self.step, self.step == self.total
        verdict = None
        evaluated = self._evaluation is not None and (records.evaluates(step) or last)
        if records.logs(step) or evaluated or last:
            line: Line = self.loop.means(step - records.line_before(step)) | self.measure(step)
            if records.logs(step) or records.evaluates(step):
                self.loop.reset()
            if evaluated:
                line |= self._evaluate()
                verdict = monitor.verdict([*records.evaluated, line])
                if verdict:
                    line["health"] = verdict.kind
                    before = [each.get("health") for each in records.evaluated[-1:]]
                    if config.on_collapse != "ignore" or before != [verdict.kind]:
                        progress.say(self._health(verdict))
                if records.evaluates(step):
                    self._keep_if_best(records, line)
            epoch = epochs(config, step, self._reals)
            progress.show(records.append(step, epoch, line))
        if step % config.sample_every == 0 or last:
            self._draw_grid()
        if verdict and config.on_collapse != "ignore":
            return verdict
        if step % config.checkpoint_every == 0 or last or stopping:
            self._save(records)
        return None

    def _keep_if_best(self, records: Records, line: Line) -> None:
        """Keeps the whole state, before the line that says so is written: a resumed run makes
        both again. An evaluation that is due only because the run ends is left out; an extended
        run would never have made it."""
        due = [each for each in records.lines if records.evaluates(each["step"])]
        known = best(due)
        if known is None or line["frechet_distance"] < known["frechet_distance"]:
            checkpoints.write(self._directory / run_directory.BEST, self._arrays(records))

    def _evaluate(self) -> Line:
        """The figures of the averaged generator, and what they cost."""
        assert self._evaluation
        start = time.monotonic()
        figures: Line = dict(self._evaluation(self._draw(self._evaluation_latents)))
        return figures | {"evaluation_seconds": round(time.monotonic() - start, 3)}

    def _draw(self, z: tf.Tensor) -> Pixels:
        """Images of latents by the averaged generator, in batches that bound the memory."""
        generator = self._game.state.ema_generator
        starts = range(0, len(z), _BATCH)
        fakes = [generator(z[start : start + _BATCH], training=False) for start in starts]
        return data.unscale(np.concatenate(fakes))

    def _draw_grid(self) -> None:
        path = run_directory.grid(self._directory, self.step)
        images.write_grid(path, self._draw(self._grid_latents))
        run_directory.thin_grids(self._directory, self._config.sample_every, self.step)

    def _batches(self, first: int, steps: int) -> npt.NDArray[np.int32]:
        """Which reals make up the steps `first` to `first + steps - 1`."""
        k, batch = self._config.discriminator_steps, self._config.batch_size
        indices = data.batch_indices(
            first * k, steps * k, batch, len(self._reals), self._config.seed
        )
        return indices.reshape(steps, k, batch)

    def _arrays(self, records: Records) -> dict[str, npt.NDArray[np.generic]]:
        """The whole state; NotFiniteError if a weight or a moment overflowed in a step whose
        metrics were still finite."""
        arrays = {name: variable.numpy() for name, variable in self.loop.variables.items()}
        if names := [name for name, array in arrays.items() if not np.isfinite(array).all()]:
            raise NotFiniteError(self.step, names[:1])
        return arrays | {_SECONDS: np.array(records.seconds), ATTEMPT: np.array(self.number)}

    def _save(self, records: Records) -> None:
        directory = self._directory / "checkpoints"
        checkpoints.save(directory, self.step, self._arrays(records), self._config.keep_checkpoints)

    def _restore(self) -> tuple[int, float]:
        """Restores the newest checkpoint or, after a rollback, the best state; returns the step
        to go on from and the seconds of training behind it."""
        directory, kept = self._directory / "checkpoints", self._directory / run_directory.BEST
        found = checkpoints.load_newest(directory)
        if found is not None:
            arrays = found[1]
        elif self.number and self._config.on_collapse == "rollback" and kept.exists():
            try:
                arrays = checkpoints.load(kept)
            except InputError as error:
                print(f"warning: {error}; beginning anew instead", file=sys.stderr)
                return 0, 0.0
            if int(arrays["step/000"]) >= self.total:
                return 0, 0.0  # Nothing would be left to do differently.
        else:
            return 0, 0.0
        seconds = float(arrays.pop(_SECONDS, np.array(0.0)))
        arrays.pop(ATTEMPT, None)
        variables = self.loop.variables
        if {n: a.shape for n, a in arrays.items()} != {n: v.shape for n, v in variables.items()}:
            raise InputError(f"{directory}: hold other networks than --arch builds")
        for name, variable in variables.items():
            variable.assign(arrays[name])
        return int(self._game.state.step.numpy()), seconds

    def _health(self, verdict: Verdict) -> str:
        return (
            f"health: attempt {self.number + 1}, step {self.step:,}: {verdict.kind}: "
            f"{verdict.reason}"
        )


def epochs(config: Config, step: int, reals: Pixels) -> float:
    """Returns the passes over the reals after so many steps, counting every batch that D saw."""
    return step * config.discriminator_steps * config.batch_size / len(reals)
