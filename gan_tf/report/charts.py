"""Charts of a page: values for its script, and the same drawn as SVG for who runs none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from gan_tf.report.html import Element, data, element

Line = Mapping[str, float]

POINTS = 600  # Of a curve: more than there are pixels to show them.
_COLOURS = 8  # That page.css names.
_WIDTH, _HEIGHT = 640.0, 220.0  # Of the SVG, in its own units.


@dataclass(frozen=True)
class Curve:
    """One value over the steps, and over the seconds, of a run.

    Attributes:
      label: what it is called in the legend.
      steps, seconds, values: its points.
      colour: which of the page's colours it has, counted from 0 and beyond the last one again.
    """

    label: str
    steps: Sequence[float]
    seconds: Sequence[float]
    values: Sequence[float]
    colour: int


@dataclass(frozen=True)
class Mark:
    """Something that happened at a step; it is drawn as an upright line."""

    step: float
    seconds: float
    text: str


@dataclass(frozen=True)
class Chart:
    """Curves with one axis of values.

    Attributes:
      title: what it shows.
      unit: what the upright axis counts.
      curves: its curves.
      level: where a dashed line lies, such as 1/2; None for none.
      log: whether the axis of values is logarithmic.
      bounds: between what the axis of values reaches; None to follow the curves.
      marks: what happened when.
    """

    title: str
    unit: str
    curves: Sequence[Curve] = ()
    level: float | None = None
    log: bool = False
    bounds: tuple[float, float] | None = None
    marks: Sequence[Mark] = ()


BELIEFS = Chart("What D believes", "probability of being real", level=0.5, bounds=(0.0, 1.0))
# Of a loss in which D gives no probability.
OUTPUTS = replace(BELIEFS, title="What D says", unit="sigmoid of D's output", level=None)
LOSSES = Chart("Losses", "loss")
DISTANCE = Chart("Fréchet distance", "distance", log=True)
SHARES = Chart("Precision, recall, coverage", "share", bounds=(0.0, 1.0))


def are_probabilities(lines: Sequence[Line]) -> bool:
    """Whether D gives a probability, by metrics lines: they have a value V then."""
    return any("value" in line for line in lines)


def curve(
    label: str, colour: int, lines: Sequence[Line], name: str, points: int = POINTS
) -> Curve | None:
    """Returns one value of metrics lines over steps and seconds; None if no line has it. Of more
    points than so many some are left out, at equal distances."""
    found = [line for line in lines if math.isfinite(line.get(name, math.nan))]
    every = -(-len(found) // points) or 1
    found = found[:-1:every] + found[-1:]
    if not found:
        return None
    steps, seconds, values = ([line[key] for line in found] for key in ("step", "seconds", name))
    return Curve(label, steps, seconds, values, colour)


def shown(chart: Chart, identifier: str) -> Element:
    """Returns a chart as a figure, whose words say where each curve begins and ends."""
    values = {
        "title": chart.title,
        "unit": chart.unit,
        "log": chart.log,
        "level": chart.level,
        "bounds": chart.bounds,
        "marks": [vars(each) for each in chart.marks],
        "curves": [vars(each) for each in chart.curves],
    }
    said = summary(chart)
    return element(
        "figure",
        element("h3", chart.title),
        element("div", _svg(chart, f"{chart.title}. {said}"), class_="plot"),
        element("figcaption", said),
        data(f"{identifier}-data", values),
        class_="chart",
        id=identifier,
    )


def summary(chart: Chart) -> str:
    """Returns in words what the curves do, of the first few of them."""
    parts = [f"{each.label}: {_words(each)}" for each in chart.curves[:4]]
    more = len(chart.curves) - len(parts)
    return "; ".join([*parts, *([f"and {more} more"] if more else [])]) + "."


def _words(each: Curve) -> str:
    ends = [f"{each.values[at]:.3g} at step {each.steps[at]:,.0f}" for at in (0, -1)]
    return ", ".join(dict.fromkeys(ends))


def _svg(chart: Chart, said: str) -> Element:
    """The curves over the steps, with the bounds of both axes."""
    values = [value for each in chart.curves for value in each.values]
    level = [] if chart.level is None else [chart.level]
    low, high = chart.bounds or (min([*values, *level]), max([*values, *level]))
    last = max((each.steps[-1] for each in chart.curves), default=0.0) or 1.0

    def scaled(value: float) -> float:
        return math.log(max(value, 1e-12)) if chart.log else value

    def place(step: float, value: float) -> tuple[float, float]:
        span = scaled(high) - scaled(low) or 1.0
        down = (_HEIGHT - 30.0) * (1.0 - (scaled(value) - scaled(low)) / span)
        return 50.0 + (_WIDTH - 60.0) * step / last, 10.0 + down

    drawn = [
        element(
            "path",
            d=_path([place(*point) for point in _points(each)]),
            class_=f"curve c{each.colour % _COLOURS}",
        )
        for each in chart.curves
    ]
    for number in level:
        across = [place(0.0, number), place(last, number)]
        drawn.append(element("path", d=_path(across), class_="level"))
    for mark in chart.marks:
        x, _ = place(mark.step, high)
        upright = element("path", element("title", mark.text), class_="mark")
        upright.set("d", _path([(x, 10.0), (x, _HEIGHT - 20.0)]))
        drawn.append(upright)
    texts = [
        (0.0, 18.0, f"{high:.3g}"),
        (0.0, _HEIGHT - 20.0, f"{low:.3g}"),
        (50.0, _HEIGHT - 2.0, "step 0"),
        (_WIDTH - 110.0, _HEIGHT - 2.0, f"step {last:,.0f}"),
    ]
    drawn += [element("text", text, x=x, y=y) for x, y, text in texts]
    made = element("svg", drawn, role="img", aria_label=said)
    made.set("viewBox", f"0 0 {_WIDTH:g} {_HEIGHT:g}")
    return made


def _points(each: Curve) -> list[tuple[float, float]]:
    every = -(-len(each.steps) // 150) or 1
    pairs = list(zip(each.steps, each.values, strict=True))
    return pairs[:-1:every] + pairs[-1:]


def _path(points: Sequence[tuple[float, float]]) -> str:
    if len(points) == 1:
        points = [points[0], (points[0][0] + 3.0, points[0][1])]
    start = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    return start + "".join(f"L{x:.1f} {y:.1f}" for _, (x, y) in pairwise(points))
