"""Says how the speed grows with the workers: measured here, and on paper past this machine.

Parts: speed compares two workers of one core each with twice one process of one core, and takes a
step of 2 and 4 workers apart; model says what a model gives for 8 to 256 GPUs; feed simulates
workers that read shards of images. What a part finds goes on record; the page is made from that.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from etils import epy

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host import files, process
from gan_tf.host.errors import InputError

with epy.lazy_imports():  # So that TensorFlow starts in its own quiet way.
    import benchmark
    from scalings import feed as feeding
    from scalings import model, page, traced
    from scalings import speed as speeds

Values = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Options:
    """Which parts, how long, and to where."""

    parts: str = knob("speed,model,feed", "Parts to do.", unit="names and commas, or none")
    rounds: int = knob(5, "Rounds of speed; the median counts.", low=1, high=100)
    seconds: float = knob(
        20.0, "How long a side of speed is watched in a round.", unit="seconds", low=1.0, high=600.0
    )
    sizes: str = knob(
        "64,28",
        "What speed trains: 64 is dcgan at 64x64x3, 28 at 28x28x1, in batches of 256.",
        unit="numbers and commas",
    )
    networks: str = knob(
        "dcgan,resnet", "Networks of the model: dcgan, resnet.", unit="names and commas"
    )
    images: int = knob(200_000, "Images of 64x64x3 that feed makes.", low=100, high=10_000_000)
    shard_rows: int = knob(1_000, "Images of a shard.", unit="images", low=1, high=10_000_000)
    workers: int = knob(256, "Workers that feed simulates.", low=1, high=1_024)
    most_permuted: int = knob(
        100_000_000,
        "Feed times the order of 100,000 images, of ten times as many, and so on to this; 17 bytes "
        "an image.",
        unit="images",
        low=100_000,
        high=1_000_000_000,
    )
    place: str = knob(
        tempfile.gettempdir(),
        "Where a directory for data is made, and removed at the end.",
        unit="a directory",
    )
    record: str = knob(
        "docs/scaling.json",
        "What was found; the page and its plots lie beside it.",
        unit="a path that ends in .json",
    )


def main(options: Options) -> str:
    """Does the parts; the record and the page are written anew after each."""
    parts: dict[str, Callable[[Options, Path], Values]] = {
        "speed": speed,
        "model": on_paper,
        "feed": feed,
    }
    chosen = [] if options.parts == "none" else options.parts.split(",")
    for name in chosen:
        if name not in parts:
            raise InputError(f"--parts={options.parts}: {name} is none of {', '.join(parts)}")
    for flag, allowed in {"networks": ("dcgan", "resnet"), "sizes": ("64", "28")}.items():
        text = getattr(options, flag)
        for name in text.split(","):
            if name not in allowed:
                raise InputError(f"--{flag}={text}: {name} is not {' or '.join(allowed)}")
    record = files.user_path("record", options.record)
    if record.suffix != ".json":
        raise InputError(f"--record={options.record}: must end in .json")
    if not chosen and not record.exists():
        raise InputError(f"--record={options.record}: is not there, and --parts=none makes none")
    if options.images < options.shard_rows:
        raise InputError(
            f"--images={options.images}: must be at least --shard_rows={options.shard_rows}"
        )
    place = files.user_path("place", options.place)
    if not place.is_dir():
        raise InputError(f"--place={options.place}: must be a directory that is there")
    process.start_tensorflow()
    for name in chosen:
        with tempfile.TemporaryDirectory(prefix="gan_tf-scaling-", dir=place) as directory:
            found = parts[name](options, Path(directory))
        known = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
        found["machine"] = benchmark.machine()
        if name == "speed":  # Each size is measured by itself.
            found["cases"] = known.get(name, {}).get("cases", {}) | found["cases"]
        known[name] = found
        files.write_text(record, json.dumps(known, indent=1) + "\n")
        page.write(record, known)
    if not chosen:
        page.write(record, json.loads(record.read_text(encoding="utf-8")))
    return str(record.with_suffix(".md"))


def say(line: str) -> None:
    """Says how far it is."""
    print(line, file=sys.stderr, flush=True)


def speed(options: Options, place: Path) -> Values:
    """Two workers and four on two cores, and what their steps are made of."""
    sizes = [int(each) for each in options.sizes.split(",")]
    cases = speeds.measure(place, sizes, options.rounds, options.seconds, say)
    return {"cases": cases}


def on_paper(options: Options, _: Path) -> Values:
    """What the networks cost, and what follows from it."""
    reference = traced.operations("dcgan", model.H100_SHAPE)
    found: Values = {"reference": reference, "networks": {}}
    for name, (arch, shape) in model.NETWORKS.items():
        if arch in options.networks.split(","):
            say(f"{name} ...")
            found["networks"][name] = model.table(traced.network(arch, shape), reference)
    return found


def feed(options: Options, place: Path) -> Values:
    """The simulation, and what an order costs."""
    return feeding.simulate(
        place,
        images=options.images,
        rows=options.shard_rows,
        workers=options.workers,
        most_permuted=options.most_permuted,
        say=say,
    )


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
