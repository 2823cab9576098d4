"""What is due at which step: the one place that decides it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple


class Due(NamedTuple):
    """What is due at a step.

    Attributes:
      line: a line of metrics.
      sums: the sums of the metrics begin anew after that line. Not so where the line is due only
        because the run ends: a longer run would not have made it.
      evaluation: the generator is judged.
      best: that evaluation may name the best generator. Not so where it is due only because the
        run ends.
      grid: a grid of samples.
      checkpoint: the state is saved.
    """

    line: bool
    sums: bool
    evaluation: bool
    best: bool
    grid: bool
    checkpoint: bool


@dataclass(frozen=True)
class Schedule:
    """The cadences of a run, in steps.

    Attributes:
      total: the step that it ends at.
      log_every, sample_every, checkpoint_every: steps between two lines of metrics, grids of
        samples and checkpoints.
      evaluate_every: steps between two evaluations; 0 if there are none.
      taken_up: the step that the run stands at now, and what of that lasts by the cadences of
        before: it may end there by others.
    """

    total: int
    log_every: int
    sample_every: int
    checkpoint_every: int
    evaluate_every: int
    taken_up: tuple[int, Collection[str]] | None = None

    def due(self, step: int) -> Due:
        """Returns what is due at a step; at the last one everything is."""
        last = step == self.total
        logged, evaluated = self.logs(step), self.evaluates(step)
        evaluation = evaluated or (last and self.evaluate_every > 0)
        lasting: Collection[str] = ("line", "evaluation")
        if self.taken_up and self.taken_up[0] == step:
            lasting = self.taken_up[1]
        return Due(
            line=logged or evaluation or last,
            sums=(logged or evaluated) and "line" in lasting,
            evaluation=evaluation,
            best=evaluated and "evaluation" in lasting,
            grid=last or step % self.sample_every == 0,
            checkpoint=last or step % self.checkpoint_every == 0,
        )

    def lasting(self, step: int) -> set[str]:
        """Returns what is due at a step whatever the run's length: line, evaluation, grid."""
        due = {
            "line": self.due(step).sums,
            "evaluation": self.evaluates(step),
            "grid": step % self.sample_every == 0,
        }
        return {name for name, lasts in due.items() if lasts}

    def logs(self, step: int) -> bool:
        """Whether a line is due, whatever the run's length."""
        return step % self.log_every == 0

    def evaluates(self, step: int) -> bool:
        """Whether an evaluation is due, whatever the run's length."""
        return self.evaluate_every > 0 and step % self.evaluate_every == 0

    def pause_after(self, step: int) -> int:
        """Returns the first step after `step` at which something is due."""
        every = (self.log_every, self.sample_every, self.checkpoint_every, self.evaluate_every)
        return min(self.total, *((step // each + 1) * each for each in every if each))

    def summed(self, step: int) -> int:
        """Returns over how many steps the sums are that a checkpoint of `step` holds."""
        every = filter(None, (self.log_every, self.evaluate_every))
        return step - max(step // each * each for each in every)
