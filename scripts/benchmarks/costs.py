"""What the package costs besides the steps: start, memory, the loop itself, evaluation."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import tensorflow as tf

from benchmarks.figures import (
    MNIST_SHAPE,
    ROOT,
    Figure,
    alternate,
    gan_tf,
    ratio,
    whole_process,
)
from gan_tf.config import Config
from gan_tf.data.cache import Split
from gan_tf.data.feed import Batch, Feed
from gan_tf.game.rules import METRICS, Metrics
from gan_tf.host import process
from gan_tf.training import build
from gan_tf.training.loop import Loop
from gan_tf.training.schedule import Schedule

_IMPORT = [sys.executable, "-c", "import tensorflow"]


def start(place: Path, data_dir: Path, rounds: int) -> list[Figure]:
    """From the start of the process to the first line of the log, after one step."""
    found = alternate(
        {
            "import tensorflow": lambda: whole_process(_IMPORT)[0],
            "first step": lambda: first_step(place, data_dir),
        },
        rounds,
    )
    value, rounds_of = ratio(found, "first step", "import tensorflow")
    return [
        Figure("start", "python -c 'import tensorflow'", median(found["import tensorflow"]), "s"),
        Figure("start", "to the first step in the log", median(found["first step"]), "s"),
        Figure("start", "first step : import", value, "times", "<= 2.5", rounds_of),
    ]


def first_step(place: Path, data_dir: Path) -> float:
    """Seconds until a run of one step has logged it."""
    run_dir = place / f"start-{time.monotonic_ns()}"
    command = [sys.executable, "-m", "gan_tf.train", f"--run_dir={run_dir}"]
    command += [f"--data_dir={data_dir}", "--steps=1", "--log_every=1", "--evaluate_every=0"]
    command += ["--export=none"]
    begin = time.monotonic()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        lines = run_dir / "metrics.jsonl"
        while not (lines.exists() and lines.stat().st_size):
            if child.poll() is not None:
                raise RuntimeError(f"{' '.join(command[1:])} failed")
            time.sleep(0.005)
        seconds = time.monotonic() - begin
    return seconds


def memory(place: Path, data_dir: Path, steps: int) -> list[Figure]:
    """Peak of resident memory of a default run, above that of the import alone."""
    _, imported = whole_process(_IMPORT)
    run_dir = place / "memory"
    command = [sys.executable, "-m", "gan_tf.train", f"--run_dir={run_dir}"]
    _, peak = whole_process([*command, f"--data_dir={data_dir}", f"--steps={steps}"])
    return [
        Figure("memory", "python -c 'import tensorflow'", imported, "GiB"),
        Figure("memory", f"default run of {steps:,} steps, its peak", peak, "GiB"),
        Figure("memory", "above the import", peak - imported, "GiB", "<= 1.1"),
    ]


def overhead(rounds: int, steps: int = 2_000) -> list[Figure]:
    """What the loop costs a step, around one that learns nothing."""
    reals = Split(np.zeros([60_000, *MNIST_SHAPE], np.uint8), np.zeros([60_000], np.int64))
    state = build.game(Config(arch="noise_classifier").resolved(), reals).state

    def empty(_: Batch) -> Metrics:
        state.step.assign_add(1)
        return {name: tf.zeros([]) for name in METRICS}

    loop = Loop(empty, state, Feed(reals, batch_size=64, discriminator_steps=1, seed=0))

    def run() -> float:
        total, every = int(state.step.numpy()) + steps, 500
        schedule = Schedule(
            total, log_every=every, sample_every=every, checkpoint_every=every, evaluate_every=0
        )
        begin = time.perf_counter()
        for _ in loop.run_until(total, schedule.pause_after):
            pass
        return 1e3 * (time.perf_counter() - begin) / steps

    with process.reproducible():
        run()
        found = [run() for _ in range(rounds)]
    return [Figure("host", "loop around an empty step", median(found), "ms/step", "<= 0.1", found)]


def evaluation(place: Path, data_dir: Path, rounds: int) -> list[Figure]:
    """The evaluate command over 10,000 samples, as a whole process, real features cached."""
    run_dir = place / "evaluation"
    gan_tf(
        "train",
        f"--run_dir={run_dir}",
        f"--data_dir={data_dir}",
        "--steps=200",
        "--evaluate_every=0",
    )
    command = [sys.executable, "-m", "gan_tf.evaluate", f"--run_dir={run_dir}"]
    command += [f"--data_dir={data_dir}"]
    whole_process(command)
    found = [whole_process(command)[0] for _ in range(rounds)]
    name = "3 x 10,000 samples, whole process"
    return [Figure("evaluation", name, median(found), "s", "<= 20", found)]
