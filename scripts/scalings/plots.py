"""The plots of `scaling`: efficiencies of the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from gan_tf.host import files
from scalings import model

ASSUMED = {"1": "as at 28x28", f"{model.FASTER:g}": f"{model.FASTER:g} times as fast"}
_COLOURS = {25: "tab:orange", 200: "tab:blue"}
_BATCH = 64  # Of a GPU.


def draw(known: dict[str, Any], shown: Path) -> None:
    """Writes the plots of a record of the model into a directory."""
    for name, figure in {"efficiency": efficiency(known), "remedies": remedies(known)}.items():
        with files.published(shown / f"{name}.png") as temporary:
            figure.savefig(temporary, format="png", dpi=90)


def efficiency(known: dict[str, Any]) -> Figure:
    """Efficiency over the number of GPUs: a column a network, a row an assumption."""
    networks = known["networks"]
    figure = Figure(figsize=(4.6 * len(networks) + 0.4, 6.6), layout="constrained")
    grid = figure.subplots(len(ASSUMED), len(networks), sharex=True, sharey=True, squeeze=False)
    for row, (times, words) in zip(grid, ASSUMED.items(), strict=True):
        for axes, (name, network) in zip(row, networks.items(), strict=True):
            found = network["assumed"][f"{times}, {_BATCH}"]
            for rate, values in found["efficiency"].items():
                gigabits, nccl = int(rate.split()[0]), rate.endswith("NCCL")
                if not nccl and gigabits != max(model.GIGABITS):
                    continue  # Its calls, and not the network, bound it: the lines coincide.
                style, colour = ("-", _COLOURS[gigabits]) if nccl else (":", "tab:gray")
                label = rate if nccl else "ring over gRPC, at either rate"
                axes.plot(model.GPUS, values, style, color=colour, marker="o", ms=4, label=label)
            computed = f"{found['seconds'] * 1e3:.0f} ms a step, {words}"
            axes.set_title(f"{name}: {computed}", fontsize=9)
            axes.set_xscale("log", base=2)
            axes.set_xticks(model.GPUS, [str(each) for each in model.GPUS])
            axes.set_ylim(0.0, 1.04)
            axes.grid(alpha=0.3)
    for axes in grid[-1]:
        axes.set_xlabel("GPUs, eight a machine")
    for row in grid:
        row[0].set_ylabel("efficiency")
    lines, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def remedies(known: dict[str, Any]) -> Figure:
    """Efficiency at the most GPUs of the first network, by what is mended."""
    name, network = next(iter(known["networks"].items()))
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    both = figure.subplots(1, len(ASSUMED), sharey=True, sharex=True)
    for axes, (times, words) in zip(both, ASSUMED.items(), strict=True):
        found = network["assumed"][f"{times}, {_BATCH}"]["remedies"]
        for number, gigabits in enumerate(model.GIGABITS):
            values = found[str(gigabits)]
            places = [place + 0.38 * number for place in range(len(values))]
            bars = axes.barh(
                places,
                list(values.values()),
                height=0.36,
                color=_COLOURS[gigabits],
                label=f"{gigabits} Gbit/s",
            )
            axes.bar_label(bars, fmt="%.2f", padding=2, fontsize=8)
        axes.set_yticks([place + 0.19 for place in range(len(values))], list(values), fontsize=9)
        seconds = network["assumed"][f"{times}, {_BATCH}"]["seconds"]
        axes.set_title(f"{seconds * 1e3:.0f} ms a step, {words}", fontsize=9)
        axes.set_xlim(0.0, 1.12)
        axes.set_xlabel(f"efficiency at {max(model.GPUS)} GPUs")
    both[0].invert_yaxis()
    lines, labels = both[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    figure.suptitle(f"{name}, batches of {_BATCH} a GPU", fontsize=10)
    return figure
