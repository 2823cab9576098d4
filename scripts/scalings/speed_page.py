"""The part of `scaling`'s page that was measured on two cores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Values = dict[str, Any]

_SPEED = """
## Two workers of one core each

A worker has one core and half of the batch. Beside it stands one process on one core with the same
half of the batch. *By twice one* is what the workers reach of twice its speed: the efficiency. *Two
alone* are two such processes at once that know nothing of one another: what they lack of twice one
is the machine's, not the workers'. Each speed is the median of a run's own lines, each figure that
of the rounds.

| images/s | batch | one alone | two alone | two workers | by twice one | by two alone | wanted | |
|---|---|---|---|---|---|---|---|---|
"""
_PARTS = """
### What a step is made of

Seconds. *Alone* is a step of one process with a worker's share of the batch, *own* the same as a
worker computes it, with its sums left out: batch norm is separate operations there, and what is
random is drawn for the whole batch. *Sums* is what the all-reduces of a step take by themselves
over loopback, one after the other. The model says own + sums. What a step takes beyond that is
waiting: for the worker that comes later, and for the words between calls. Four workers have half a
core each, so the model takes own twice.

| run | workers | alone | own | sums | model | measured | beyond |
|---|---|---|---|---|---|---|---|
"""
_BYTES = """
Bytes a step that a worker adds up, in float32: four a parameter and update, and batch norm's
moments, which lie beside those of the other workers and so grow with their number.

| run | workers | all-reduces | D's gradients | G's gradients | batch norm | metrics |
|---|---|---|---|---|---|---|
"""
_WAITED = """
What the runs themselves say of it, in seconds a step: *waited* is what workers spend in the sums of
gradients and metrics, their mean, *least* what the one spends that waits least. Batch norm's sums
are not in it.

| run | workers | waited | least |
|---|---|---|---|
"""


def row(*cells: object) -> str:
    """Returns a line of a table in Markdown."""
    return f"| {' | '.join(map(str, cells))} |\n"


def parts(cases: Values) -> Iterator[str]:
    """Returns the text of what was measured of each case."""
    yield _SPEED
    for name, case in cases.items():
        speeds = [f"{case[side]:.1f}" for side in ("alone", "two_alone", "workers")]
        shares = [f"{case[side]:.2f}" for side in ("efficiency", "by_two_alone", "target")]
        shares.append("met" if case["efficiency"] >= case["target"] else "missed")
        yield row(name, case["batch"], *speeds, *shares)
    yield "\n"
    for name, case in cases.items():
        four, rounds = case["four"], len(case["rounds"]["workers"])
        yield (
            f"`{name}`: {rounds} round{'s' * (rounds > 1)} of {case['seconds']:g} s a side. Four "
            f"workers, with half a core each: {four['workers']['speed']:.1f} images/s, "
            f"{four['efficiency']:.2f} of twice one process with a quarter of the batch "
            f"({four['alone']['speed']:.1f}). {case['machine']}.\n\n"
        )
    yield _PARTS.removeprefix("\n")
    for name, case in cases.items():
        for number, step in case["steps"].items():
            predicted, measured = prediction(case, number)
            figures = [step["alone"], step["own"], step["reduce"], predicted, measured]
            yield row(name, number, *(f"{each:.3f}" for each in (*figures, measured - predicted)))
    yield _BYTES
    for name, case in cases.items():
        for number, step in case["steps"].items():
            kinds = ("D's gradients", "G's gradients", "batch norm", "metrics")
            moved = [f"{step['bytes'].get(kind, 0):,}" for kind in kinds]
            yield row(name, number, len(case["sums"]), *moved)
    sizes = {name: case["steps"]["2"]["sizes"] for name, case in cases.items()}
    for name, known in sizes.items():
        few, many = known["16"], known[str(2**24)]
        yield (
            f"\nOne sum of two workers over loopback, measured beside `{name}`: {few * 1e3:.1f} ms "
            f"for 16 bytes, {many * 1e3:.0f} ms for 16 MiB: {2**24 / many / 1e9:.2f} GB/s.\n"
        )
    waited = [
        row(name, number, *(f"{run[key]:.4f}" for key in ("waited", "waited_least")))
        for name, case in cases.items()
        for number, run in ((2, case["rounds"]["workers"][-1]), (4, case["four"]["workers"]))
        if "waited" in run and "waited_least" in run
    ]
    if waited:
        yield "".join([_WAITED, *waited])


def prediction(case: Values, number: str) -> tuple[float, float]:
    """Returns the seconds of a step of so many workers by the model, and as measured."""
    step, four = case["steps"][number], number == "4"
    measured = case["four"]["workers"]["speed"] if four else case["workers"]
    return (2.0 if four else 1.0) * step["own"] + step["reduce"], case["batch"] / measured
