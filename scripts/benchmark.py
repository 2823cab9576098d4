"""Measures the package against plain loops of the same networks, alternating the sides.

A table on standard output, the same as JSON in a file, targets and whether each
was met. The rows against PyTorch want a Python that has it (--torch_python);
without one they are left out. The part peer wants --images, and a Python that has
lightweight-gan, too.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from etils import epy

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.data.dataset import open_dataset
from gan_tf.host import devices, files, process
from gan_tf.host.errors import InputError

with epy.lazy_imports():  # So that TensorFlow starts in its own quiet way.
    from benchmarks import costs, peer, quality, serving, speed
    from benchmarks import devices as computing
    from benchmarks.figures import Figure

PARTS = (
    "training",
    "sampling",
    "start",
    "memory",
    "host",
    "evaluation",
    "quality",
    "serving",
    "images",
    "streaming",
    "devices",
    "peer",
)


@dataclasses.dataclass(frozen=True)
class Options:
    """What to measure, and how long."""

    parts: str = knob("all", "Parts to measure.", unit="all, or names between commas")
    rounds: int = knob(5, "Rounds of each comparison; the median counts.", low=1, high=100)
    seconds: float = knob(20.0, "About how long a side runs in a round.", low=1.0, high=600.0)
    quality_seconds: float = knob(
        600.0, "How long the plain loops train for the part quality.", low=1.0, high=1e5
    )
    seeds: str = knob("0,1,2", "Seeds of the default runs.", unit="whole numbers and commas")
    quick: bool = knob(False, "A look of minutes: one round, short sides, a short quality part.")
    torch_python: str | None = knob(
        None, "A Python that has PyTorch's CPU build.", unit="a path to python"
    )
    images: str | None = knob(
        None, "What both train on in the part peer.", unit="a folder or archive of pictures"
    )
    peer_seconds: float = knob(1_800.0, "How long each trains in the part peer.", low=1.0, high=1e6)
    data_dir: str | None = knob(None, "See gan_tf.train.", unit="a directory")
    output: str = knob("runs/benchmark.json", "The figures, as JSON.", unit="a file")


def main(options: Options) -> str:
    """Measures part after part; the JSON file is written anew after each."""
    if options.quick:
        options = dataclasses.replace(
            options, rounds=1, seconds=3.0, quality_seconds=12.0, seeds="0"
        )
    is_complete = bool(options.images and options.torch_python)
    possible = [name for name in PARTS if name != "peer" or is_complete]
    chosen = possible if options.parts == "all" else options.parts.split(",")
    for name in chosen:
        if name not in PARTS:
            raise InputError(f"--parts={options.parts}: {name} is none of {', '.join(PARTS)}")
    if not all(seed.isdecimal() for seed in options.seeds.split(",")):
        raise InputError(f"--seeds={options.seeds}: must be whole numbers and commas, as in 0,1,2")
    if "peer" in chosen and not is_complete:
        raise InputError(f"--parts={options.parts}: peer needs --images and --torch_python")
    torch = files.user_path("torch_python", options.torch_python) if options.torch_python else None
    if torch and not os.access(torch, os.X_OK):
        raise InputError(f"--torch_python={torch}: must be a Python that has PyTorch")
    process.start_tensorflow()
    data_dir = files.data_directory(options.data_dir)
    open_dataset("mnist", data_dir)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="gan_tf-benchmark-") as directory:
        measures = parts(options, Path(directory), data_dir, torch)
        for name in chosen:
            figures += measures[name]()
            files.write_text(Path(options.output), document(figures))
    return f"{machine()}\n\n{table(figures)}"


def parts(
    options: Options, place: Path, data_dir: Path, torch: Path | None
) -> dict[str, Callable[[], list[Figure]]]:
    """What measures each part."""
    rounds, steps = options.rounds, 200 if options.quick else 2_000
    length, answers = (500, 2_000) if options.quick else (None, 100_000)
    compared = (place, data_dir, torch, rounds, options.seconds)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    return {
        "training": functools.partial(speed.training, *compared),
        "images": functools.partial(speed.images, place, torch, rounds, options.seconds),
        "streaming": functools.partial(speed.streaming, place, rounds),
        "devices": functools.partial(computing.devices, place, data_dir, rounds, options.seconds),
        "sampling": functools.partial(speed.sampling, *compared),
        "start": functools.partial(costs.start, place, data_dir, rounds),
        "memory": functools.partial(costs.memory, place, data_dir, steps),
        "host": functools.partial(costs.overhead, rounds),
        "evaluation": functools.partial(costs.evaluation, place, data_dir, rounds),
        "quality": functools.partial(
            quality.quality, place, data_dir, seeds, options.quality_seconds, length
        ),
        "peer": functools.partial(
            peer.peer,
            place,
            data_dir,
            options.images or "",  # `main` asks for both before this part.
            torch or Path(),
            options.peer_seconds,
            Path(options.output).with_name("lightweight-gan.png"),
        ),
        "serving": functools.partial(
            serving.serving, place, data_dir, options.seconds / 4, answers
        ),
    }


def machine() -> str:
    """One line on the machine and the day."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    day = datetime.datetime.now(tz=datetime.UTC).date()
    return f"{model}; {devices.description()}; {day}"


def document(figures: list[Figure]) -> str:
    """The JSON file's text."""
    content: dict[str, Any] = {
        "machine": machine(),
        "figures": [figure.to_json() for figure in figures],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def table(figures: list[Figure]) -> str:
    """The figures as Markdown."""
    head = ["part", "what", "figure", "rounds", "target", ""]
    rows = [head, ["---"] * len(head), *(figure.cells() for figure in figures)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
