"""All that a run remembers, and the order in which it writes it. Exact resume rests on both.

A checkpoint holds these arrays:

    generator/NNN, discriminator/NNN    weights, batch statistics, dropout's seeds, then the
                                        optimiser's count and moments, in the order of
                                        `Player.variables`
    ema_generator/NNN                   the averaged generator
    step/000                            steps done
    augment/000 ... 002                 with --augment=ada: its probability, the sum of D's signs
                                        since it last moved, and of how many reals
    sums/<metric>, sums/steps           sums of the metrics since the last line, over how many steps
    run/attempt                         which attempt of the run this is, from 1
    timing/seconds                      seconds of training, the one array that no two runs share

Nothing else is remembered: reals, latents, labels, augmentations and penalties' points are
functions of the seed and the step. What is written at a step is written in the order of
`write_in_order`, so that a process killed at any moment leaves a checkpoint from which everything
after it is made again, with the same bits.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gan_tf.host import archive
from gan_tf.host.errors import InputError
from gan_tf.host.files import by_step
from gan_tf.training.loop import SUMMED, NotFiniteError
from gan_tf.training.run_directory import BEFORE, BEST, CHECKPOINTS, attempts_given_up, move
from gan_tf.training.schedule import Schedule

Arrays = dict[str, npt.NDArray[np.generic]]
Write = Callable[[], Any]

STEP = "step/000"
_ATTEMPT, _SECONDS = "run/attempt", "timing/seconds"
_ATTEMPT_FROM_0 = "attempt"  # What version 0.1.0 wrote instead: 0 for the first.


def write_in_order(
    check_held: Callable[[], None],
    *,
    best: Write | None,
    line: Write | None,
    grid: Write | None,
    checkpoint: Write | None,
) -> None:
    """Writes what is due at a step, the checkpoint last: whatever came before it, and is cut
    short, is written again by the run that goes on from the checkpoint before. The best state
    comes before the line that names it, so that no line names a state that is not there.
    `check_held` raises once the run directory is not this process's any more."""
    for write in (best, line, grid, checkpoint):
        if write is not None:
            check_held()
            write()


@dataclass(frozen=True)
class Point:
    """Where an attempt goes on.

    Attributes:
      step: steps done.
      seconds: seconds of training behind it.
    """

    step: int = 0
    seconds: float = 0.0


class Memory:
    """Saves and restores the variables of one attempt."""

    def __init__(
        self, variables: Mapping[str, tf.Variable], run_dir: Path, attempt: int, keep: int
    ) -> None:
        """Takes the variables by name, where they are kept, the attempt's number, and how many
        checkpoints to keep."""
        self._variables, self._attempt, self._keep = variables, attempt, keep
        self._directory, self._best = run_dir / CHECKPOINTS, run_dir / BEST
        self._before, self._is_ahead = run_dir / BEFORE, False

    @property
    def is_empty(self) -> bool:
        """Whether no checkpoint of this attempt has been saved yet."""
        return not paths(self._directory)

    def save(self, seconds: float) -> None:
        """Saves a checkpoint; see `arrays`."""
        found = self.arrays(seconds)
        step = int(found[STEP])
        archive.write(self._directory / f"step-{step:08d}.npz", found)
        kept = paths(self._directory)
        # What lies ahead was damaged when this run went back behind it.
        for old in [each for each in kept if each < step][: 1 - self._keep or None]:
            kept[old].unlink(missing_ok=True)
        for ahead in [each for each in kept if each > step]:
            kept[ahead].unlink(missing_ok=True)
        self._before.unlink(missing_ok=True)
        self._is_ahead = False

    def save_best(self, seconds: float) -> None:
        """Saves the state of the best generator so far; see `arrays`. Until a checkpoint is made,
        a process that is killed goes back behind it, and the best of before is the best again."""
        found = self.arrays(seconds)
        if not self._is_ahead and self._best.exists():
            self._before.unlink(missing_ok=True)
            try:
                os.link(self._best, self._before)
            except OSError:  # Some file systems have no links.
                shutil.copyfile(self._best, self._before)
        archive.write(self._best, found)
        self._is_ahead = True

    def arrays(self, seconds: float) -> Arrays:
        """Returns the whole state, after so many seconds of training.

        Raises:
          NotFiniteError: a weight or a moment overflowed in a step whose metrics were still
            finite.
        """
        found: Arrays = {name: variable.numpy() for name, variable in self._variables.items()}
        if names := [name for name, array in found.items() if not np.isfinite(array).all()]:
            raise NotFiniteError(int(found[STEP]), names[:1])
        return found | {_SECONDS: np.array(seconds), _ATTEMPT: np.array(self._attempt)}

    def restore(self, schedule: Schedule, rollback: bool) -> Point:
        """Restores the newest checkpoint; returns where the attempt goes on.

        Args:
          schedule: what is due when.
          rollback: whether an attempt without a checkpoint goes on from the best state.

        Raises:
          InputError: a checkpoint is of other networks.
        """
        found = load_newest(self._directory)
        if found is not None and attempt_of(found) != self._attempt:
            raise InputError(
                f"{self._directory}: are of attempt {attempt_of(found)}, and {self._attempt - 1} "
                "were given up by what attempts/ says; put back what is missing there"
            )
        if found is None and rollback and self._best.exists():
            try:
                found = archive.load(self._best)
            except InputError as error:
                print(f"warning: {error}; beginning anew instead", file=sys.stderr)
            if found is not None and int(found[STEP]) >= schedule.total:
                found = None  # Nothing would be left to do differently.
            elif found is not None and attempt_of(found) >= self._attempt:
                found = None  # Its own: it began anew, and was killed before its first checkpoint.
        if found is None:
            return Point()
        seconds = float(found.pop(_SECONDS, np.array(0.0)))
        for name in (_ATTEMPT, _ATTEMPT_FROM_0):
            found.pop(name, None)
        if SUMMED in self._variables and SUMMED not in found:  # Version 0.1.0 did not count.
            found[SUMMED] = np.array(schedule.summed(int(found[STEP])), np.int64)
        if {n: a.shape for n, a in found.items()} != {
            n: v.shape for n, v in self._variables.items()
        }:
            raise InputError(f"{self._directory}: hold other networks than --arch builds")
        for name, variable in self._variables.items():
            variable.assign(found[name])
        return Point(int(found[STEP]), seconds)


def take_back(run_dir: Path) -> None:
    """Puts back the checkpoints and samples of an attempt whose giving up was cut short before its
    record, so that it comes to the same end again. The run directory must be held."""
    number = len(attempts_given_up(run_dir)) + 1
    place = run_dir / "attempts" / str(number)
    if not place.exists():
        return
    newest = load_newest(run_dir / CHECKPOINTS)
    if newest is not None and attempt_of(newest) != number:
        return  # It is another's record that is missing.
    for name in ("samples", CHECKPOINTS):
        (run_dir / name).mkdir(exist_ok=True)
        for path in sorted((place / name).glob("step-*")):
            move(path, run_dir / name / path.name)


def when(arrays: Arrays) -> tuple[int, int]:
    """Returns the attempt and the step that a state is of."""
    return attempt_of(arrays), int(arrays.get(STEP, np.array(-1)))


def attempt_of(arrays: Mapping[str, npt.NDArray[np.generic]]) -> int:
    """Returns which attempt of its run a checkpoint is of, from 1."""
    if _ATTEMPT in arrays:
        return int(arrays[_ATTEMPT])
    return int(arrays.get(_ATTEMPT_FROM_0, np.array(0))) + 1


def paths(directory: Path) -> dict[int, Path]:
    """Returns {step: path} of the checkpoints in a directory, oldest first."""
    return by_step(directory, ".npz")


def load_newest(directory: Path) -> Arrays | None:
    """Returns the newest sound checkpoint's arrays; None where there is none at all.

    A damaged checkpoint is named on standard error and the one before it is taken.
    """
    damaged = []
    for path in reversed(paths(directory).values()):
        try:
            arrays = archive.load(path)
        except InputError as error:
            damaged.append(str(error))
            continue
        for each in damaged:
            print(f"warning: {each}; going back to {path.name}", file=sys.stderr)
        return arrays
    if damaged:
        raise InputError(
            f"{directory}: every checkpoint was truncated or altered; another --run_dir begins anew"
        )
    return None
