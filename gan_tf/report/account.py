"""What a report is made of: plain values of runs, gathered by whoever asks for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Words = Sequence[tuple[str, str]]
Pixels = npt.NDArray[np.uint8]


class Attempt(NamedTuple):
    """One attempt of a run.

    Attributes:
      number: 1 for the first one.
      lines: its lines of metrics, oldest first.
      frames: its grids of samples by their step.
      given_up: what is on record of why it was given up; None if it was not.
    """

    number: int
    lines: Sequence[Mapping[str, Any]]
    frames: Mapping[int, Path]
    given_up: Mapping[str, Any] | None


class Figure(NamedTuple):
    """One figure of the generator, printed.

    Attributes:
      name: what it is called.
      value, interval, real: what the generator scores, between what bounds, and what real images
        score; an interval and a score that are not known are empty.
      better: what a better generator has.
    """

    name: str
    value: str
    interval: str
    real: str
    better: str


@dataclass(frozen=True)
class Drawing:
    """Images that were drawn for the report.

    Attributes:
      title: what they show.
      text: how to read them.
      images: uint8 `[rows, columns, H, W, C]`.
      rows, columns: what stands beside each row and above each column, if anything does.
      notes: what stands below each image, as `[rows][columns]`, if anything does.
      holds_training_images: whether some of them are images that the run was trained on.
    """

    title: str
    text: str
    images: Pixels
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    notes: Sequence[Sequence[str]] = ()
    holds_training_images: bool = False


@dataclass(frozen=True)
class Account:
    """What is known of a run. All that a run directory did not say is empty.

    Attributes:
      name: what the run is called.
      about: what was trained on what, in a few words.
      state: how it stands: `finished`, `failed`, `under way` or `stopped`.
      ended: how it went, in sentences.
      missing: what could not be read, and why.
      networks, rules, versions: names and values in words.
      licence: of the images it was trained on.
      classes: those that G can be asked for, a row of each grid; empty where it knows none.
      private: whether these are the user's own.
      command: the command that makes this run.
      flags: every flag of the run, as text.
      given: the names of flags that are not at their defaults.
      attempts: the attempts, oldest first.
      best: the metrics line of the best generator; None if nothing was evaluated.
      figures: those of the generator, best evidence first.
      judged: by how many samples and by whom.
      evaluated: whether `gan_tf.evaluate` took the figures; the run itself did else.
      drawings: what was drawn for the report.
      grid: of what shape a tile of a grid of samples is: (height, width); None if not known.
      latents: what decides which latents the grids are drawn from.
    """

    name: str
    about: str = ""
    state: str = "stopped"
    ended: Sequence[str] = ()
    missing: Sequence[str] = ()
    networks: Words = ()
    rules: Words = ()
    versions: Words = ()
    licence: str = ""
    classes: Sequence[str] = ()
    private: bool = False
    command: str = ""
    flags: Mapping[str, str] = field(default_factory=dict)
    given: Sequence[str] = ()
    attempts: Sequence[Attempt] = ()
    best: Mapping[str, Any] | None = None
    figures: Sequence[Figure] = ()
    judged: str = ""
    evaluated: bool = False
    drawings: Sequence[Drawing] = ()
    grid: tuple[int, int] | None = None
    latents: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long the last attempt has trained, as far as its lines say."""
        lines = self.last.lines if self.last else ()
        return float(lines[-1]["seconds"]) if lines else 0.0

    @property
    def last(self) -> Attempt | None:
        """The attempt that the run came to its end by, or is in."""
        return self.attempts[-1] if self.attempts else None
