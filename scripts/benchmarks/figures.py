"""What every part of the benchmark gives: figures, with the rounds they are medians of."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]
MNIST_SHAPE = (28, 28, 1)

Measure = Callable[[], float]
Command = Sequence[str | Path]


@dataclasses.dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
      part: the subject it belongs to.
      name: what was measured.
      value: the figure; the median of `rounds`, where there are several.
      unit: its unit.
      target: what it is to be at least (from `>=`) or at most (`<=`), or nothing.
      rounds: one value a round.
    """

    part: str
    name: str
    value: float
    unit: str
    target: str = ""
    rounds: Sequence[float] = ()

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None if there is none."""
        if not self.target:
            return None
        sign, bound = self.target.split()
        return self.value >= float(bound) if sign == ">=" else self.value <= float(bound)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self) | {"rounds": list(self.rounds), "met": self.met}

    def cells(self) -> list[str]:
        """The table's cells."""
        if len(self.rounds) > 1:
            spread = f"{number(min(self.rounds))} to {number(max(self.rounds))}"
        else:
            spread = ""
        verdict = {None: "", True: "met", False: "missed"}[self.met]
        value = f"{number(self.value)} {self.unit}".strip()
        return [self.part, self.name, value, spread, self.target, verdict]


def number(value: float) -> str:
    """Three significant digits, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def alternate(sides: Mapping[str, Measure], rounds: int) -> dict[str, list[float]]:
    """Measures the sides in turn, round after round, so that all share the machine's moods."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds):
        for name, measure in sides.items():
            start = time.monotonic()
            found[name].append(measure())
            say(
                f"round {turn + 1} of {rounds}: {name}: {number(found[name][-1])} "
                f"({time.monotonic() - start:.0f} s)"
            )
    return found


def ratio(
    found: Mapping[str, Sequence[float]], above: str, below: str
) -> tuple[float, list[float]]:
    """The median of the ratio of two sides within each round, and those ratios."""
    rounds = [a / b for a, b in zip(found[above], found[below], strict=True)]
    return median(rounds), rounds


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def plain_loop(recipe: str, reals: Path, *, told: bool = False) -> Command:
    """The plain Keras loop, as its user's TensorFlow computes it; or told to use oneDNN, which it
    does by itself only on newer processors."""
    setting = ["TF_ENABLE_ONEDNN_OPTS=1"] if told else ["-u", "TF_ENABLE_ONEDNN_OPTS"]
    loop = Path(__file__).with_name("keras_loop.py")
    return ["env", *setting, sys.executable, loop, recipe, reals]


def last_line(command: Command) -> Any:
    """Runs a command that ends by printing one line of JSON; returns what it says."""
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    if finished.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{finished.stderr[-2_000:]}")
    return json.loads(finished.stdout.strip().splitlines()[-1])


def gan_tf(
    module: str, *flags: str, surroundings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command of the package to its end, with these environment variables besides."""
    command = [sys.executable, "-m", f"gan_tf.{module}", *flags]
    finished = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | (surroundings or {}),
    )
    if finished.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{finished.stderr[-2_000:]}")
    return finished


def whole_process(command: Command) -> tuple[float, float]:
    """Runs a command to its end; returns its seconds and its peak of resident memory in GiB."""
    # A process begins with the peak of the one that starts it, so a small one must.
    seconds, kibibytes = last_line([sys.executable, "-c", _START, ROOT, *command])
    return seconds, kibibytes / 2**20


_START = """
import json, resource, subprocess, sys, time
start = time.monotonic()
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
subprocess.run(sys.argv[2:], check=True, cwd=sys.argv[1], **quiet)
seconds = time.monotonic() - start
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""
