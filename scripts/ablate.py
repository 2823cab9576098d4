"""Trains variants of the default for the same seconds and writes what each reached as a table.

Judging does not count, but other work on the machine does: leave it alone. A variant
that is done is not trained again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import sys
from typing import Any

from benchmarks.figures import MNIST_SHAPE
from etils import epy

from gan_tf.config import Config, command_line
from gan_tf.config.knobs import knob
from gan_tf.host import files, process
from gan_tf.host.errors import InputError
from gan_tf.models import ARCHITECTURES

with epy.lazy_imports():  # So that TensorFlow starts in its own quiet way.
    import tensorflow as tf
    from benchmarks import quality, variants
    from benchmarks.variants import Variant

_DAY = 86_400.0


@dataclasses.dataclass(frozen=True)
class Options:
    """Which variants, how long, and to where."""

    only: str | None = knob(
        None, "Variants whose part or name holds this; all by default.", unit="a text"
    )
    marks: str = knob("10,30,60", "When to judge.", unit="rising seconds and commas")
    num: int = knob(10_000, "Samples judged at each mark.", low=100, high=10_000)
    seed: int = knob(0, "Seed of every run.", low=0, high=2**31 - 1)
    data_dir: str | None = knob(None, "See gan_tf.train.", unit="a directory")
    output: str = knob(
        "runs/ablation.json", "The figures; the table lies beside it as .md.", unit="a file"
    )


def main(options: Options) -> str:
    """Trains what is not on record yet; both files are written anew after each variant."""
    marks = parsed(options.marks)
    output = files.user_path("output", options.output)
    if output.suffix != ".json":
        raise InputError(f"--output={options.output}: must end in .json")
    process.start_tensorflow()
    chosen = [v for v in variants.VARIANTS if (options.only or "") in f"{v.part} {v.name}"]
    if not chosen:
        raise InputError(f"--only={options.only}: is in the name of no variant")
    data_dir = files.data_directory(options.data_dir)
    head = {
        "marks": marks,
        "samples": options.num,
        "seed": options.seed,
        "default": fingerprint(),
    }
    record: dict[str, Any] = {**head, "rows": []}
    if output.exists():
        record = json.loads(output.read_text(encoding="utf-8"))
        if {name: record.get(name) for name in head} != head:
            raise InputError(
                f"--output={output}: holds other marks, another number of samples, another seed "
                "or another default; name another file"
            )
    done = {(row["part"], row["name"]) for row in record["rows"]}
    if left := [variant for variant in chosen if (variant.part, variant.name) not in done]:
        score = quality.judge_of_mnist(data_dir, options.num)
    for variant in left:
        print(f"{variant.part}: {variant.name}", file=sys.stderr, flush=True)
        record["rows"].append(train(variant, options, score))
        files.write_text(output, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
        files.write_text(output.with_suffix(".md"), table(record))
    return table(record)


def parsed(text: str) -> list[float]:
    """The marks; InputError if they are not rising seconds."""
    with contextlib.suppress(ValueError):
        marks = [float(mark) for mark in text.split(",")]
        if sorted(set(marks)) == marks and 0 < marks[0] <= marks[-1] <= _DAY:
            return marks
    raise InputError(f"--marks={text}: must be rising seconds, as in 10,30,60")


def fingerprint() -> str:
    """What tells one default from another: its flags and its networks."""
    pair = ARCHITECTURES["dcgan"]
    networks = [pair.generator(64, MNIST_SHAPE), pair.discriminator(MNIST_SHAPE)]
    layers = [
        (type(layer).__name__, [tuple(w.shape) for w in layer.weights])
        for network in networks
        for layer in network.layers
    ]
    return hashlib.sha256(f"{Config().to_json()} {layers}".encode()).hexdigest()


def train(variant: Variant, options: Options, score: Any) -> dict[str, Any]:
    """The figures of one variant at each mark that it reached."""
    ARCHITECTURES["variant"] = variant.architecture or ARCHITECTURES["dcgan"]
    config = Config(
        arch="variant",
        seed=options.seed,
        data_dir=options.data_dir,
        steps=10**8,
        **variant.flags,
    )
    found = quality.follow(config.resolved(), parsed(options.marks), score, options.num)
    tf.keras.backend.clear_session()
    return {"part": variant.part, "name": variant.name, "found": found}


def table(record: dict[str, Any]) -> str:
    """The record as Markdown: the distance at each mark, then the last figures."""
    marks = [f"{mark:g} s" for mark in record["marks"]]
    rows = [["varies", "how", *marks, "precision", "recall", "steps"]]
    rows.append(["---"] * len(rows[0]))
    for row in record["rows"]:
        found = row["found"]
        cells = [f"{figures['frechet_distance']:.2f}" for figures in found]
        cells += ["not finite"] * (len(marks) - len(found))
        if len(found) == len(marks):
            last = found[-1]
            cells += [f"{last[name]:.2f}" for name in ("precision", "recall")]
            cells.append(f"{last['step']:,}")
        rows.append([row["part"], row["name"], *cells])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
