"""The lines of `metrics.jsonl`, as they are read; `journal` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gan_tf.evaluation.figures import LIKELIHOOD, distance
from gan_tf.host.errors import InputError
from gan_tf.host.files import parse_json

Line = dict[str, Any]

_TEXTS = {"health", "narrowest_class"}  # All else are numbers.


def read_metrics(path: Path) -> list[Line]:
    """Returns the whole lines of a metrics file; a line that a crash cut short is left out.

    Attempts are counted from 1. Version 0.1.0 counted from 0, which its first line shows.

    Raises:
      InputError: a line is not as it was written.
    """
    lines, wrong = readable(path)
    if wrong:
        raise InputError(wrong)
    return lines


def readable(path: Path) -> tuple[list[Line], str | None]:
    """Returns the lines of a metrics file before the first that is not as it was written, and
    what is wrong with that one; None if all are whole."""
    lines: list[Line] = []
    wrong = None
    for text in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
        if not text.endswith(b"\n"):
            break
        try:
            line = parse_json(text)
            whole = isinstance(line, dict) and line.keys() >= {"attempt", "step", "seconds"}
            if not whole or not all(_is_number(line[name]) for name in line.keys() - _TEXTS):
                raise ValueError
            if not isinstance(line["attempt"], int) or not isinstance(line["step"], int):
                raise ValueError
        except ValueError:
            start = text[:40].decode(errors="replace").rstrip()
            wrong = (
                f"{path}: line {len(lines) + 1} must be metrics as they were written, and begins "
                f"with {start!r}"
            )
            break
        lines.append(line)
    if lines and lines[0]["attempt"] == 0:
        for line in lines:
            line["attempt"] += 1
    return lines, wrong


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def is_judged(line: Line) -> bool:
    """Whether a line has the figures of an evaluation."""
    return "frechet_distance" in line


def best(lines: Sequence[Line]) -> Line | None:
    """Returns the line of the best generator, of any attempt, the first such; None without any."""
    return min(filter(is_judged, lines), key=distance, default=None)


def is_best(line: Line, lines: Sequence[Line]) -> bool:
    """Whether no line of any attempt is of as good a generator as this one."""
    known = best(lines)
    return known is None or distance(line) < distance(known)


def value(line: Line) -> str:
    """Returns the figure that an evaluated generator is chosen by; a likelihood in nats."""
    likelihood = line.get(LIKELIHOOD)
    return f"{line['frechet_distance']:.2f}" if likelihood is None else f"{likelihood:.1f}"


def words(line: Line) -> str:
    """Returns the same with its name."""
    name = "log-likelihood" if LIKELIHOOD in line else "Fréchet distance"
    return f"{name} {value(line)}"
