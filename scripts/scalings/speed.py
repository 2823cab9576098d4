"""The part `speed` of `scaling`: workers of one core each, against processes that stand alone.

A side is a run of `gan_tf.train` on noise, and its speed is the median of its own lines of
`metrics.jsonl`. The sides of a round follow one another, so what else the machine does meets all of
them alike. `sums` measures what a step of several workers is made of.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

import benchmark
import numpy as np
from pairs import Workers

from gan_tf.data import cache
from gan_tf.host.errors import InputError, TrainingFailedError
from gan_tf.training import metrics
from gan_tf.workers import launch
from scalings import model, sums, traced

Values = dict[str, Any]

_START = 600.0  # Seconds in which a run must have written its first lines.
_WARM = 1  # Lines that are not counted: the first call compiles, the next ones find their length.
# Each line asks D about that many held-out images, by the chief alone: a step, if they were 250.
_HELD_OUT = 8
_NEVER = "100000000"
_WAITED = ("waited", "waited_least")  # Seconds a step, where the package writes them.


class Case(NamedTuple):
    """What is trained.

    Attributes:
      shape: (H, W, C).
      batch: of all workers together.
      target: the speed of two workers, by twice that of one process.
    """

    shape: model.Shape
    batch: int
    target: float


CASES = {
    "dcgan, 64x64x3": Case((64, 64, 3), 64, 0.90),
    "dcgan, 28x28x1": Case((28, 28, 1), 256, 0.80),
}
# Two alone are two processes at once that know nothing of one another: what they lack of twice one
# is the machine's, not the workers'.
SIDES = ("alone", "two alone", "workers")


def measure(
    place: Path, sizes: Sequence[int], rounds: int, seconds: float, say: Callable[[str], None]
) -> Values:
    """Returns what was measured of each case.

    Args:
      place: an empty directory for data and runs.
      sizes: the cases, by the sides of their images.
      rounds: how often each side of two workers runs; four workers run once.
      seconds: how long a side is watched, once it is warm.
      say: called with a line for each side.

    Raises:
      InputError: there is only one core.
      TrainingFailedError: a run failed.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # And end the runs.
    with two_cores():
        return {
            name: _case(place, name, rounds, seconds, say)
            for name, case in CASES.items()
            if case.shape[0] in sizes
        }


@contextlib.contextmanager
def two_cores() -> Iterator[None]:
    """Within it, this process and those that it starts have two cores."""
    before = os.sched_getaffinity(0)
    if len(before) < 2:
        raise InputError("--parts=speed: needs two cores, and this process may use one")
    os.sched_setaffinity(0, sorted(before)[:2])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _case(
    place: Path, name: str, rounds: int, seconds: float, say: Callable[[str], None]
) -> Values:
    case = CASES[name]
    here = place / name.replace(", ", "-")
    _images(here, case.shape)
    network = traced.network("dcgan", case.shape)
    watch = functools.partial(_watch, here, case, seconds)
    found: dict[str, list[Values]] = {side: [] for side in SIDES}
    for number in range(rounds):
        found["alone"].append(watch("alone", 2, 1))
        found["two alone"].append(watch("alone", 2, 2))
        found["workers"].append(watch("workers", 2, 2))
        speeds = ", ".join(f"{side} {each[-1]['speed']:.1f}" for side, each in found.items())
        say(f"{name}, round {number + 1}: images/s: {speeds}")
    four = {"alone": watch("alone", 4, 1), "workers": watch("workers", 4, 4)}
    say(f"{name}, 4 workers: images/s: {four['workers']['speed']:.1f}")
    alone, two, workers = (median(each["speed"] for each in found[side]) for side in SIDES)
    result: Values = {
        "machine": benchmark.machine(),
        "batch": case.batch,
        "seconds": seconds,
        "target": case.target,
        "rounds": found,
        "alone": alone,
        "two_alone": two,
        "workers": workers,
        "efficiency": median(
            w["speed"] / (2.0 * a["speed"])
            for w, a in zip(found["workers"], found["alone"], strict=True)
        ),
        "by_two_alone": median(
            w["speed"] / t["speed"]
            for w, t in zip(found["workers"], found["two alone"], strict=True)
        ),
        "four": four | {"efficiency": four["workers"]["speed"] / (2.0 * four["alone"]["speed"])},
        "parameters": network.parameters,
        "sums": [each._asdict() for each in network.sums],
        "steps": {},
    }
    for number in (2, 4):
        say(f"{name}: what a step of {number} workers is made of ...")
        result["steps"][str(number)] = sums.parts_of_a_step(
            case.shape, case.batch, number, network.sums, seconds
        )
    return result


def _images(here: Path, shape: model.Shape) -> None:
    """A data set of noise by the name `noise`."""
    chance = np.random.Generator(np.random.Philox(0))
    parts = [
        cache.Part(name, chance.integers(0, 256, (n, *shape), np.uint8), np.zeros(n, np.int64))
        for name, n in (("train", 512), ("test", _HELD_OUT))
    ]
    here.mkdir()
    cache.write(here / "data" / "gan_tf" / "noise", "noise", parts)


def _watch(here: Path, case: Case, seconds: float, kind: str, share: int, at_once: int) -> Values:
    """Runs a side until it is warm and was watched long enough; returns its speed.

    Args:
      here: where its data are.
      case: what is trained.
      seconds: how long it is watched.
      kind: `alone`, with a batch of one `share`-th, or `workers` with the whole.
      share: workers that the batch is for.
      at_once: processes at once: those workers, or as many alone, a core each.
    """
    place = here / f"run-{time.monotonic_ns()}"
    place.mkdir()
    flags = [f"--data_dir={here / 'data'}", "--dataset=noise", "--arch=dcgan"]
    flags += ["--augment=none"]
    flags += ["--evaluate_every=0", "--export=none", "--on_collapse=ignore", f"--steps={_NEVER}"]
    flags += [f"--{name}_every={_NEVER}" for name in ("sample", "checkpoint")]
    flags += [f"--log_every={sums.INTERVAL}"]
    flags += [f"--batch_size={case.batch // (1 if kind == 'workers' else share)}"]
    runs = [place / f"run-{each}" for each in range(1 if kind == "workers" else at_once)]
    if kind == "workers":
        processes: Mapping[int, subprocess.Popen[bytes]] = Workers(
            [*flags, f"--run_dir={runs[0]}"], place, number=at_once
        ).processes
    else:
        processes = {number: _alone(flags, run, number) for number, run in enumerate(runs)}
    try:
        _wait(processes, runs, seconds)
    finally:
        for each in list(processes.values())[: len(runs)]:
            each.send_signal(signal.SIGTERM)
        for each in processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                each.wait(60.0)
            each.kill()
            each.wait()
    lines = [_lines(run)[_WARM:] for run in runs]
    found = {"speed": sum(median(line["images_per_second"] for line in each) for each in lines)}
    for name in _WAITED:
        if all(name in line for each in lines for line in each):
            found[name] = mean(line[name] for each in lines for line in each)
    return found


def _alone(flags: Sequence[str], run: Path, number: int) -> subprocess.Popen[bytes]:
    """Starts a process that trains alone, on one core."""
    core = launch.shares(2)[number % 2]
    with run.with_suffix(".log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "gan_tf.train", *flags, f"--run_dir={run}"],
            stdout=log,
            stderr=log,
            preexec_fn=functools.partial(os.sched_setaffinity, 0, core),
        )


def _lines(run: Path) -> list[Values]:
    return metrics.read_metrics(run / "metrics.jsonl")


def _wait(processes: Mapping[int, Any], runs: Sequence[Path], seconds: float) -> None:
    """Waits until each run was warm for so many seconds."""
    deadline = time.monotonic() + _START + seconds
    while not all(_is_watched(run, seconds) for run in runs):
        if time.monotonic() > deadline or any(p.poll() is not None for p in processes.values()):
            logs = sorted(runs[0].parent.glob("*.log"))
            said = [line for log in logs for line in log.read_text().splitlines() if line.strip()]
            raise TrainingFailedError(f"a run of gan_tf.train failed: {said[-1] if said else ''}")
        time.sleep(0.2)


def _is_watched(run: Path, seconds: float) -> bool:
    lines = _lines(run)
    return len(lines) > _WARM and lines[-1]["seconds"] - lines[_WARM - 1]["seconds"] >= seconds
