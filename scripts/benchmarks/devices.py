"""What each device computes with, and how fast: a processor, and a GPU where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import tensorflow as tf

from benchmarks import speed
from benchmarks.figures import Figure, Measure, alternate, gan_tf, ratio
from gan_tf.training import resume, run_directory

_PRECISIONS = ("float32", "auto")  # auto is bfloat16 where the device has instructions for it.
_STEPS = 40  # Of the runs whose bits are compared.
_BATCH = 64


def devices(place: Path, data_dir: Path, rounds: int, seconds: float) -> list[Figure]:
    """Training steps of the default recipe at batch 64, on MNIST and on images of 64x64x3; and
    whether runs have the same bits.

    Args:
      place: where runs may lie.
      data_dir: where MNIST is prepared.
      rounds: how often the sides take turns.
      seconds: about how long each measures.
    """
    noise = ["--dataset=noise", "--augment=none", f"--data_dir={speed.noise(place)}"]
    data = {"28x28x1": [f"--data_dir={data_dir}"], "64x64x3": noise}
    seen: dict[str, Mapping[str, str]] = {"CPU": {"CUDA_VISIBLE_DEVICES": "-1"}}
    if tf.config.list_physical_devices("GPU"):
        seen["GPU"] = {}
    found: list[Figure] = []
    for shape, images in data.items():
        rates = alternate(
            {
                f"{device}, {precision}": _side(
                    place, [*images, f"--precision={precision}"], seconds, only
                )
                for device, only in seen.items()
                for precision in _PRECISIONS
            },
            rounds,
        )
        found += [
            Figure(shape, n, median(each), "images/s", rounds=each) for n, each in rates.items()
        ]
        for precision in _PRECISIONS if "GPU" in seen else ():
            value, each = ratio(rates, f"GPU, {precision}", f"CPU, {precision}")
            found.append(Figure(shape, f"GPU : CPU, {precision}", value, "times", "", each))
    return found + [
        figure for device, only in seen.items() for figure in _bits(place, device, data_dir, only)
    ]


def _side(place: Path, flags: Sequence[str], seconds: float, only: Mapping[str, str]) -> Measure:
    """Images a second of the default recipe with such flags and surroundings."""

    def measure() -> float:
        rate = speed.steps_per_second(place, flags, 3, 10, only)
        every, lines = max(5, round(5 * rate)), speed.lines_in(seconds)
        return _BATCH * speed.steps_per_second(place, flags, lines, every, only)

    return measure


def _bits(place: Path, device: str, data_dir: Path, only: Mapping[str, str]) -> list[Figure]:
    """How many arrays of a checkpoint differ between runs that should be the same."""

    def arrays(name: str, *flags: str, parts: int = 1) -> dict[str, np.ndarray]:
        run_dir = place / f"bits-{device}-{name}"
        for part in range(1, parts + 1):
            gan_tf(
                "train",
                *flags,
                f"--run_dir={run_dir}",
                f"--data_dir={data_dir}",
                f"--steps={_STEPS * part // parts}",
                "--evaluate_every=0",
                "--export=none",
                surroundings=only,
            )
        newest = max(resume.paths(run_dir / run_directory.CHECKPOINTS).items())[1]
        with np.load(newest) as found:
            return {name: found[name] for name in found.files}

    def differ(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> float:
        return float(
            sum(not np.array_equal(a[name], b[name]) for name in a if name != "timing/seconds")
        )

    first, unit = arrays("first"), "arrays"
    exact = arrays("exact", "--deterministic")
    again = arrays("again", "--deterministic")
    resumed = arrays("resumed", "--deterministic", parts=2)
    return [
        Figure(f"bits, {device}", "the same run twice", differ(first, arrays("second")), unit),
        Figure(f"bits, {device}", "twice, --deterministic", differ(exact, again), unit, "<= 0"),
        Figure(f"bits, {device}", "resumed, --deterministic", differ(exact, resumed), unit, "<= 0"),
    ]
