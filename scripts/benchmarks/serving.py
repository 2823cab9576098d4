"""The export under load, on the session path: every answer compared with its seed's own image."""

from __future__ import annotations

import itertools
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.figures import Figure, gan_tf, say
from benchmarks.session import Session

_SEEDS = 1_000
_THREADS = (1, 4, 16)
_BATCHES = (1, 8, 64)
_MOST_SECONDS = 900.0

Pixels = npt.NDArray[np.uint8]


def serving(place: Path, data_dir: Path, seconds: float, answers: int) -> list[Figure]:
    """Images a second and latencies of `generate`, by threads and batch; wrong answers; memory.

    Args:
      place: where a short run may lie.
      data_dir: where the dataset is prepared.
      seconds: how long each mix of threads and batch is measured.
      answers: how many images are to be compared in all.
    """
    run = place / "served"
    flags = [f"--run_dir={run}", f"--data_dir={data_dir}", "--steps=100", "--evaluate_every=0"]
    gan_tf("train", *flags)
    session = Session(run / "export" / "1")
    alone = np.concatenate([images(session, [seed]) for seed in range(_SEEDS)])
    for batch in _BATCHES:
        images(session, range(batch))  # Traced and compiled before it is measured.
    before = peak()
    figures, compared, wrong = [], 0, 0
    part = "serving"
    for threads, batch in itertools.product(_THREADS, _BATCHES):
        found = load(session, alone, threads, [batch], seconds)
        name = f"{threads} thread{'s' * (threads > 1)}, batches of {batch}"
        p50, p99 = np.percentile(found.latencies, [50, 99]) * 1000
        figures += [
            Figure(part, name, found.answers / found.seconds, "images/s"),
            Figure(part, f"{name}: median", float(p50), "ms"),
            Figure(part, f"{name}: 99th percentile", float(p99), "ms"),
        ]
        compared, wrong = compared + found.answers, wrong + found.wrong
        say(f"{name}: {found.answers:,} answers, {found.wrong} wrong")
    start = time.monotonic()
    while compared < answers and time.monotonic() - start < _MOST_SECONDS:
        found = load(session, alone, max(_THREADS), range(1, 65), seconds)
        compared, wrong = compared + found.answers, wrong + found.wrong
        say(f"mixed batches: {compared:,} answers in all, {wrong} wrong")
    return [
        *figures,
        Figure(
            part, "answers compared with their seed's image alone", compared, "", f">= {answers}"
        ),
        Figure(part, "wrong answers", wrong, "", "<= 0"),
        Figure(part, "memory that the load added", peak() - before, "GiB"),
    ]


class Load:
    """What came of some seconds of requests.

    Attributes:
      seconds: how long it took.
      latencies: seconds of each request.
      answers: images that came back.
      wrong: those of them that differ from their seed's own.
    """

    def __init__(self) -> None:
        self.seconds, self.answers, self.wrong = 0.0, 0, 0
        self.latencies: list[float] = []


def load(
    session: Session, alone: Pixels, threads: int, batches: Sequence[int], seconds: float
) -> Load:
    """Has threads ask for random seeds, one request after the other, each of a random batch."""
    start = time.perf_counter()

    def ask(number: int) -> Load:
        rng, mine = np.random.default_rng(number), Load()
        while time.perf_counter() - start < seconds:
            seeds = rng.integers(0, len(alone), rng.choice(batches))
            sent = time.perf_counter()
            found = images(session, seeds)
            mine.latencies.append(time.perf_counter() - sent)
            mine.answers += len(found)
            mine.wrong += int((found != alone[seeds]).any(axis=(1, 2, 3)).sum())
        return mine

    together = Load()
    with ThreadPoolExecutor(threads) as pool:
        for each in pool.map(ask, range(threads)):
            together.latencies += each.latencies
            together.answers += each.answers
            together.wrong += each.wrong
    together.seconds = time.perf_counter() - start
    return together


def images(session: Session, seeds: Sequence[int] | npt.NDArray[np.int64]) -> Pixels:
    """The images of seeds."""
    found: Pixels = session("generate", {"seeds": seeds})["images"]
    return found


def peak() -> float:
    """The most memory that this process has held, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
