"""How a run went, as curves over its steps."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_tf.host.files import published
from gan_tf.report.charts import are_probabilities

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# What a colour means in every panel.
_DISCRIMINATOR, _GENERATOR, _REALS, _BEST = "C0", "C1", "C2", "C3"


def write_curves(path: Path, lines: Sequence[Mapping[str, float]], title: str) -> None:
    """Publishes the curves of a run as a PNG; see `curves`."""
    import matplotlib.style

    # A program may have set a style of its own, which needs LaTeX, say.
    style = matplotlib.style.context("default")
    with style, published(path) as temporary, warnings.catch_warnings():
        # A run may be named in a script that the font lacks: boxes then, and no word of it.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        curves(lines, title).savefig(temporary, format="png", dpi=100)


def curves(lines: Sequence[Mapping[str, float]], title: str) -> Figure:
    """Returns the losses, D(x), D(G(z)) and, where there are any, the Fréchet distances of metrics
    lines over their steps."""
    # Slow to import; needs no screen without pyplot.
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    evaluated = [line for line in lines if "frechet_distance" in line]
    rows = 3 if evaluated else 2
    figure = Figure(figsize=(8, 3 * rows), layout="constrained")
    figure.suptitle(title, parse_math=False)
    losses, beliefs, *quality = figure.subplots(rows, 1, sharex=True)
    _plot(losses, lines, "discriminator_loss", "discriminator", _DISCRIMINATOR)
    _plot(losses, lines, "generator_loss", "generator", _GENERATOR)
    losses.set_ylabel("loss")
    _plot(beliefs, lines, "d_real", "D(x), of reals", _REALS)
    _plot(beliefs, lines, "d_fake", "D(G(z)), of the generator's fakes", _GENERATOR)
    if are_probabilities(lines):
        beliefs.set_ylabel("probability of being real")
        beliefs.axhline(0.5, color="gray", linestyle="--", linewidth=1)
    else:
        beliefs.set_ylabel("sigmoid of D's output")
    beliefs.set_ylim(0, 1)
    for axes in quality:
        _plot(axes, evaluated, "frechet_distance", "generator", _GENERATOR)
        least = min(evaluated, key=lambda line: line["frechet_distance"])
        label = f"least: {least['frechet_distance']:.2f} at step {least['step']:,}"
        axes.plot(least["step"], least["frechet_distance"], "o", color=_BEST, label=label)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylabel("Fréchet distance")
    for axes in (losses, beliefs, *quality):
        axes.grid(alpha=0.3)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    axes.set_xlabel("step")
    return figure


def _plot(
    axes: Axes, lines: Sequence[Mapping[str, float]], name: str, label: str, colour: str
) -> None:
    """Draws one value of the lines over their steps."""
    steps = [line["step"] for line in lines]
    marker = "" if len(steps) > 1 else "o"
    axes.plot(steps, [line[name] for line in lines], marker=marker, label=label, color=colour)
