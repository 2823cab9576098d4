"""The figures of a conditional generator by class, for people: a table, and a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_tf.evaluation.figures import CLASS_FIGURES
from gan_tf.report import pictures

_MOST = 20  # Classes in the table.
_NAME, _CELL = 15, 15  # Characters of a name and of figures.
_COLUMNS = 8


def lines(card: Mapping[str, Any]) -> Iterator[str]:
    """Yields the table of a scorecard's classes, at 80 columns: each figure, and in brackets that
    of real images."""
    classes = card["classes"]
    figures = [f for f in CLASS_FIGURES if any(f in row["samples"] for row in classes.values())]
    if not figures:
        yield "no figures by class: each needs 40 samples and reals of a class (--num)"
        return
    heads = {f: f.replace("_", " ").rjust(max(_CELL, len(f) + 2)) for f in figures}
    yield f"{'asked for':<{_NAME}}{''.join(heads.values())}"
    order = sorted(classes, key=lambda name: _goodness(classes[name]))  # The worst first.
    shown = list(classes) if len(classes) <= _MOST else order[:_MOST]
    for name in shown:
        cells = "".join(_cell(classes[name], f).rjust(len(head)) for f, head in heads.items())
        yield f"{_short(name):<{_NAME}}{cells}"
    if len(shown) < len(classes):
        better = ", with better coverage" if "coverage" in figures else ""
        yield f"and {len(classes) - len(shown):,} more{better} (--output has all)"
    yield "in brackets: real images; -: too few samples or reals of that class"
    if worst := card.get("worst_class"):
        share = f"{100 * worst['coverage_of_the_real']:.0f} %"
        yield f"worst class: {_short(worst['name'])}, with {share} of the coverage of real images"


def write(
    path: Path, images: npt.NDArray[np.uint8], names: list[str], card: Mapping[str, Any]
) -> None:
    """Publishes a picture with a row a class, with its name and accuracy.

    Args:
      path: where it goes, a PNG.
      images: `[classes * 8, H, W, C]`, those of a class after one another.
      names: of the classes.
      card: the scorecard.
    """
    tiles = images.reshape(len(names), _COLUMNS, *images.shape[1:])
    texts = []
    for name in names:
        accuracy = card["classes"][name]["samples"].get("accuracy")
        said = "" if accuracy is None else f"{100 * accuracy:.1f} % right"
        texts.append([_short(name), said, *[""] * (_COLUMNS - 2)])
    pictures.write_rows(path, tiles, texts)


def _goodness(row: Mapping[str, Any]) -> tuple[bool, float, float]:
    """What classes are sorted by: coverage, then accuracy; those of which no coverage of real
    images is known come last."""
    real, own = (row["real"] or {}).get("coverage"), row["samples"]
    coverage = float(own.get("coverage", np.inf)) / float(real or 1.0)
    return not real, coverage, float(own.get("accuracy", np.inf))


def _cell(row: Mapping[str, Any], figure: str) -> str:
    form, real = CLASS_FIGURES[figure], (row["real"] or {}).get(figure)
    value = row["samples"].get(figure)
    if value is None:
        return "-"
    return format(value, form) + ("" if real is None else f" ({format(real, form)})")


def _short(name: str) -> str:
    return name if len(name) < _NAME else f"{name[: _NAME - 2]}\N{HORIZONTAL ELLIPSIS}"
