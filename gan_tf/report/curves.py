"""How a run went, as curves over its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_tf.host.files import published

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def write_curves(path: Path, lines: Sequence[Mapping[str, float]]) -> None:
    """Publishes the losses, D(x), D(G(z)) and, where there are any, the Fréchet distances of
    metrics lines over their steps, as a PNG."""
    from matplotlib.figure import Figure  # Slow to import; needs no screen without pyplot.

    evaluated = [line for line in lines if "frechet_distance" in line]
    rows = 3 if evaluated else 2
    figure = Figure(figsize=(8, 3 * rows), layout="constrained")
    losses, beliefs, *quality = figure.subplots(rows, 1, sharex=True)
    _plot(losses, lines, {"discriminator_loss": "discriminator", "generator_loss": "generator"})
    losses.set_ylabel("loss")
    _plot(beliefs, lines, {"d_real": "D(x)", "d_fake": "D(G(z))"})
    beliefs.set_ylabel("probability of being real")
    beliefs.axhline(0.5, color="gray", linestyle="--", linewidth=1)
    beliefs.set_ylim(0, 1)
    for axes in quality:
        _plot(axes, evaluated, {"frechet_distance": "Fréchet distance"})
        best = min(evaluated, key=lambda line: line["frechet_distance"])
        label = f"best: {best['frechet_distance']:.2f} at step {best['step']:,}"
        axes.plot(best["step"], best["frechet_distance"], "o", color="C3", label=label)
        axes.set_yscale("log")
        axes.set_ylabel("distance from the data")
        axes.legend()
    (quality or [beliefs])[-1].set_xlabel("step")
    with published(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


def _plot(axes: Axes, lines: Sequence[Mapping[str, float]], names: Mapping[str, str]) -> None:
    """Draws some of the lines' values over their steps."""
    steps = [line["step"] for line in lines]
    for name, label in names.items():
        marker = "" if len(steps) > 1 else "o"
        axes.plot(steps, [line[name] for line in lines], marker=marker, label=label)
    axes.grid(alpha=0.3)
    axes.legend()
