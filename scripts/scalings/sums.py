"""What a step of several workers is made of: its own operations, and sums over loopback.

`scaling` predicts a step by these two, and compares it with the runs. What the prediction lacks is
waiting: for the worker that comes last, and for the words between calls.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import numpy as np
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.data import cache
from gan_tf.data.feed import Batch
from gan_tf.game import step as steps
from gan_tf.game.rules import Metrics
from gan_tf.host import process
from gan_tf.host.errors import TrainingFailedError
from gan_tf.training import build, loop
from gan_tf.workers import launch, replica
from gan_tf.workers.place import Place
from gan_tf.workers.team import joined
from scalings import model

Values = dict[str, Any]

INTERVAL = 16  # Steps, in which R1 comes once.
SIZES = (16, 2**12, 2**14, 2**16, 2**18, 2**20, 2**22, 2**24)  # Bytes.
_TIMES = 7  # Each size is timed so often; the median counts.
_LONG = 2**20  # Bytes from which few sums a call will do.


def parts_of_a_step(
    shape: model.Shape, batch: int, workers: int, sums: Sequence[model.Sum], seconds: float
) -> Values:
    """Returns seconds a step of one of so many workers.

    Args:
      shape: of the images that `dcgan` is trained on.
      batch: of all workers together.
      workers: how many; where there are fewer cores, each has a part of one.
      sums: the all-reduces of a step.
      seconds: about how long its operations are timed.

    Returns:
      `alone`: a step of one process that stands alone, at its share of the batch, on one core.
      `own`: the same as a worker computes it, with its sums left out.
      `reduce`: what its sums take by themselves, one after the other.
      `sizes`: seconds of a sum by its bytes.
      `bytes`: of a step's sums, by their kind.
    """
    by_size = _spawned(_sums, workers)
    known = [by_size[size] for size in SIZES]
    took = sum(np.interp(each.bytes(workers), SIZES, known) for each in sums)
    moved: dict[str, int] = {}
    for each in sums:
        moved[each.kind] = moved.get(each.kind, 0) + each.bytes(workers)
    return {
        "alone": _spawned(_operations, 1, shape, batch // workers, 1, seconds),
        "own": _spawned(_operations, 1, shape, batch, workers, seconds),
        "reduce": float(took),
        "sizes": {str(size): each for size, each in by_size.items()},
        "bytes": moved,
    }


def _spawned(work: Any, number: int, *arguments: Any) -> Any:
    """Runs a function as so many workers, on the cores that such workers have; returns what the
    first one found."""
    places = [
        Place(rank, addresses)
        for addresses in [launch.free_addresses(number)]
        for rank in range(number)
    ]
    spawn = multiprocessing.get_context("spawn")
    cores = launch.shares(max(2, number))
    with tempfile.TemporaryDirectory(prefix="gan_tf-scaling-") as directory:
        output = Path(directory) / "found.json"
        started = [
            spawn.Process(target=work, args=(place, cores[place.rank], output, *arguments))
            for place in places
        ]
        for each in started:
            each.start()
        for each in started:
            each.join()
        if any(each.exitcode for each in started):
            raise TrainingFailedError("a process that measures a step failed; see above")
        found = json.loads(output.read_text(encoding="utf-8"))
    return {int(size): each for size, each in found.items()} if isinstance(found, dict) else found


def _sums(place: Place, cores: set[int], output: Path) -> None:
    """One of several workers that do nothing but add up."""
    os.sched_setaffinity(0, cores)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with joined(place, {}, 60.0) as team:
        process.start_tensorflow(begin=team.connect)
        found = {}
        for size in SIZES:
            count = 4 if size >= _LONG else 20

            def work(numbers: tf.Tensor, count: int = count) -> tf.Tensor:
                with replica.together(*team.share):
                    return tf.while_loop(
                        lambda done, _: done < count,
                        lambda done, each: (done + 1, replica.total(each) / team.place.number),
                        [0, numbers],
                        parallel_iterations=1,
                    )[1]

            call = tf.function(work, autograph=False)
            numbers = tf.ones([size // 4])
            call(numbers)
            taken = []
            for _ in range(_TIMES):
                start = time.monotonic()
                call(numbers)[0].numpy()
                taken.append((time.monotonic() - start) / count)
            found[size] = median(taken)
        if team.is_chief:
            output.write_text(json.dumps(found), encoding="utf-8")
        else:
            team.told()  # That it is done: the end of any other would be a fault.


def _operations(
    _: Place,
    cores: set[int],
    output: Path,
    shape: model.Shape,
    batch: int,
    workers: int,
    seconds: float,
) -> None:
    """A step of one of so many workers, alone and with its sums left out, on one core."""
    os.sched_setaffinity(0, cores)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    process.start_tensorflow()
    chance = np.random.Generator(np.random.Philox(0))
    reals = cache.Split(chance.integers(0, 256, (512, *shape), np.uint8), np.zeros(512, np.int64))
    config = Config(arch="dcgan", batch_size=batch)
    game = build.game(config, reals)

    def one_step(batch: Batch) -> Metrics:
        with replica.together(0, workers):
            return steps.step(game, batch)

    def left_out(input: tf.Tensor, **_: Any) -> tf.Tensor:
        return tf.identity(input)

    with mock.patch.object(tf.raw_ops, "CollectiveReduceV2", left_out):
        run = loop.Loop(one_step, game.state, build.feed(config, reals, (0, workers)), 0.5)
        begun, before, took = time.monotonic(), 0, 0.0
        for step in run.run_until(10**6, lambda step: step - step % INTERVAL + INTERVAL):
            if step == INTERVAL:
                begun, before = time.monotonic(), step  # It is warm.
            took = time.monotonic() - begun
            if before and step > before and step % INTERVAL == 0 and took > seconds:
                break
    output.write_text(json.dumps(took / (step - before)), encoding="utf-8")
