"""The figures of a run, for its report: those of a scorecard, or those that the run took itself."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_tf.evaluation.figures import SHOWN
from gan_tf.host import files
from gan_tf.report.account import Figure
from gan_tf.training.metrics import Line

Values = dict[str, Any]

_OF_A_CARD = {"num", "seeds", "classifier", "against"}


def newest(directory: Path, exported: Values) -> Values:
    """Returns the newest scorecard that `gan_tf.evaluate` made of a run's newest export, of those
    that lie in the run's directory; empty without.

    Args:
      directory: the run directory.
      exported: the description of the newest export, empty without one. A card of an older one,
        or of another run, says nothing of it.
    """
    found = [path for path in directory.glob("[!.]*.json") if path.is_file() and exported]
    for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True):
        card = None
        with contextlib.suppress(OSError, ValueError):
            card = files.parse_json(path.read_bytes())
        if not isinstance(card, dict) or not card.keys() >= _OF_A_CARD:
            continue
        which = ["checkpoint" if "checkpoint" in card else "step", "dataset"]
        which += ["digest"] if "digest" in card else []  # Version 0.2.0 did not say.
        same = all(card.get(name) == exported.get(name) for name in which)
        # An older card does not say; "precision" is one of its figures.
        computed_in = card.get("computed_in") or exported.get("precision")
        if same and computed_in == exported.get("precision"):
            return card
    return {}


def figures(card: Values, line: Line | None, result: Values) -> tuple[list[Figure], str]:
    """Returns the figures of a scorecard, else those that the run took itself, and who judged."""
    if card:
        taken = {name: card[name] for name in SHOWN if isinstance(card.get(name), dict)}
        found = [_figure(name, each) for name, each in taken.items()]
        seeds = card["seeds"] if isinstance(card["seeds"], list) else []
        step = f"step {card['step']:,}: " if type(card.get("step")) is int else ""
        return found, (
            f"{step}{number(card, 'num') or 0:,} samples of each of {len(seeds)} seeds, against "
            f"{card['against']} images, judged by {card['classifier']}"
        )
    if not line:
        return [], ""
    found = [_figure(name, {"value": line[name]}) for name in SHOWN if name in line]
    if result.get("classifier") and number(result, "judged"):
        return found, f"{result['judged']:,} samples, judged by {result['classifier']}"
    return found, ""


def _figure(name: str, found: Mapping[str, Any]) -> Figure:
    form, better = SHOWN[name]
    numbers = [number(found, key) for key in ("value", "low", "high", "floor")]
    value, low, high, real = ("" if each is None else format(each, form) for each in numbers)
    return Figure(name, value, f"{low} to {high}" if low and high else "", real, better)


def number(values: Mapping[str, Any], name: str) -> float | None:
    """Returns a value that is a number; None if there is none."""
    value = values.get(name)
    return value if type(value) in (int, float) else None
