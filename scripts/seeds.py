"""Trains a run with several seeds and writes every figure of each, none dropped.

It is the default run, or what --flags make of it. A run that is done is not trained again, and one
that was cut off goes on. Example, digits on request:

  scripts/seeds --flags=--conditional=projection --runs_dir=runs/classes
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

from commands import FAILED, flags_in, run

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.evaluation.figures import SHOWN
from gan_tf.host import files
from gan_tf.host.errors import InputError, TrainingFailedError


@dataclasses.dataclass(frozen=True)
class Options:
    """Which seeds, how long, and to where."""

    seeds: str = knob("0,1,2", "Seeds of the runs.", unit="whole numbers and commas")
    steps: int | None = knob(
        None, "Length of every run, instead of the default.", unit="steps", low=1, high=10**8
    )
    flags: str | None = knob(
        None, "Flags of gan_tf.train for every run.", unit="flags between blanks"
    )
    num: int = knob(
        10_000, "Samples that are judged, of each of 3 seeds.", unit="images", low=100, high=10_000
    )
    runs_dir: str = knob("runs/seeds", "Where the runs go.", unit="a directory")
    data_dir: str | None = knob(None, "See gan_tf.train.", unit="a directory")
    output: str = knob("runs/seeds/table.md", "The table, as Markdown.", unit="a file")


def main(options: Options) -> str:
    """Trains and judges each seed in processes of their own; writes the table."""
    if not all(seed.isdecimal() for seed in options.seeds.split(",")):
        raise InputError(f"--seeds={options.seeds}: must be whole numbers and commas, as in 0,1,2")
    seeds = [int(seed) for seed in options.seeds.split(",")]
    if len(set(seeds)) < len(seeds):
        raise InputError(f"--seeds={options.seeds}: must not have a seed twice")
    flags = flags_in(options.flags)
    place = [f"--data_dir={options.data_dir}"] if options.data_dir else []
    length = [f"--steps={options.steps}"] if options.steps else []
    cards, results = [], []
    for seed in options.seeds.split(","):
        run_dir = Path(options.runs_dir) / f"seed-{seed}"
        status = run("train", f"--seed={seed}", f"--run_dir={run_dir}", *place, *length, *flags)
        if status == FAILED:
            raise TrainingFailedError(f"{run_dir}: see above; no table without this seed")
        output = run_dir / "evaluation.json"
        run("evaluate", f"--run_dir={run_dir}", f"--num={options.num}", f"--output={output}")
        cards.append(json.loads(output.read_text(encoding="utf-8")))
        results.append(json.loads((run_dir / "result.json").read_text(encoding="utf-8")))
    text = table(options.seeds.split(","), cards, results)
    files.write_text(Path(options.output), text)
    return text


def table(seeds: list[str], cards: list[dict[str, Any]], results: list[dict[str, Any]]) -> str:
    """The figures of each seed, their median and that of the real images, as Markdown."""
    heads = [f"seed {seed}" for seed in seeds]
    rows = [["figure", *heads, "median", "real images", "better is"]]
    for name in (name for name in SHOWN if name in cards[0]):
        form, better = SHOWN[name]
        values = [card[name]["value"] for card in cards]
        floor = cards[0][name]["floor"]
        cells = [
            "" if each is None else format(each, form) for each in (*values, median(values), floor)
        ]
        rows.append([f"`{name}`", *cells, better])
    if all(card.get("worst_class") for card in cards):
        rows.append(_worst_classes(cards))
    for name, found in (
        ("best step", [f"{each['best']['step']:,}" for each in results]),
        ("attempts", [str(1 + len(each["attempts"])) for each in results]),
    ):
        rows.append([name, *found, "", "", ""])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]) + "\n"


def _worst_classes(cards: list[dict[str, Any]]) -> list[str]:
    """The row of the class that each run covers least, of a run with --conditional."""
    worst = [card["worst_class"] for card in cards]
    shares = [each["coverage_of_the_real"] for each in worst]
    cells = [f"{each['coverage_of_the_real']:.2f} ({each['name']})" for each in worst]
    return [
        "coverage in the worst class, of the real",
        *cells,
        f"{median(shares):.2f}",
        "1.00",
        "higher",
    ]


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
