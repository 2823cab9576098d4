"""Trains on more made images than the memory allowed would hold; says what memory that took.

It writes the images into a directory of its own, in the package's cache format, and removes them at
its end. The run is in a control group of Linux that may use less memory than the images take,
page cache included; where none can be made, its data segment is limited instead.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.data import cache
from gan_tf.data.cache import Part
from gan_tf.host.errors import TrainingFailedError

_CHUNK = 2_000  # Images made at a time.
_ALLOWED = 1.2  # GiB above the import of TensorFlow.
_LEAST = 1.6  # GiB that a control group gets at least, for TensorFlow and the networks.
_SIDE = 64
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Options:
    """How much data, and how long."""

    images: int = knob(200_000, "Images of 64x64x3 to make.", low=100, high=10_000_000)
    steps: int = knob(40, "Steps of dcgan, of 64 images.", low=1, high=1_000_000)
    place: str = knob(
        tempfile.gettempdir(), "Where a directory for the images is made.", unit="a directory"
    )


def main(options: Options) -> str:
    """Makes the images, trains, and returns the figures."""
    with tempfile.TemporaryDirectory(prefix="gan_tf-large-", dir=options.place) as name:
        place = Path(name)
        start = time.monotonic()
        write(place, options.images)
        size = options.images * _SIDE * _SIDE * 3 / 2**30
        made = (
            f"{options.images:,} images, {size:.2f} GiB, made in {time.monotonic() - start:.0f} s"
        )
        imported = peak([sys.executable, "-c", "import tensorflow"])
        command = [sys.executable, "-m", "gan_tf.train", "--dataset=large", "--arch=dcgan"]
        command += [f"--data_dir={place}", f"--run_dir={place / 'run'}", f"--steps={options.steps}"]
        command += ["--placement=streamed", "--export=none", "--evaluate_every=0"]
        limit = int(max(0.8 * size, _LEAST) * 2**30)
        with limited(limit) as (kind, enter):
            start = time.monotonic()
            trained = peak(command, enter)
            seconds = time.monotonic() - start
    above = trained - imported
    if above > _ALLOWED:
        raise TrainingFailedError(
            f"{above:.2f} GiB above the import: at most {_ALLOWED} is allowed"
        )
    return "\n".join(
        [
            made,
            f"limit: {limit / 2**30:.2f} GiB, of {kind}",
            f"import of TensorFlow: {imported:.2f} GiB at its peak",
            f"{options.steps:,} steps in {seconds:.0f} s, start included: {trained:.2f} GiB at its "
            f"peak, mapped pages included; {above:.2f} GiB above the import",
        ]
    )


def write(data_dir: Path, number: int) -> None:
    """Prepares a dataset `large` of made images, chunk by chunk: noise around a colour each."""
    made = itertools.chain(parts("train", number, seed=0), parts("test", 500, seed=1))
    cache.write(cache.directory("large", data_dir), "large", made)


def parts(split: str, number: int, seed: int) -> Iterator[Part]:
    """Yields the images and labels of a split, some at a time."""
    random = np.random.Generator(np.random.Philox(seed))
    for start in range(0, number, _CHUNK):
        shape = (min(_CHUNK, number - start), _SIDE, _SIDE, 3)
        colours = random.integers(0, 192, (shape[0], 1, 1, 3), np.uint8)
        images = colours + random.integers(0, 64, shape, np.uint8)
        yield Part(split, images, random.integers(0, 10, shape[0]))


@contextlib.contextmanager
def limited(limit: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yields what limits memory, and what a new process calls to be limited to so many bytes."""
    for root, name in (
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ("/sys/fs/cgroup", "memory.max"),
    ):
        group = Path(root) / f"gan_tf-large-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / name).write_text(str(limit), encoding="ascii")
            yield "a control group", functools.partial(_enter, group / "cgroup.procs")
            return
        except FileNotFoundError:
            continue  # No controller of memory.
        finally:
            group.rmdir()
    yield "its data segment", lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _enter(processes: Path) -> None:
    processes.write_text(str(os.getpid()), encoding="ascii")


def peak(command: list[str], enter: Callable[[], None] | None = None) -> float:
    """Runs a command to its end; returns the most memory that was resident, in GiB."""
    root = Path(__file__).parents[1]
    found = 0
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(
            command, cwd=root, stdout=said, stderr=subprocess.STDOUT, preexec_fn=enter
        )
        try:
            while child.poll() is None:
                status = Path(f"/proc/{child.pid}/status").read_text(encoding="ascii")
                found = max([found, *map(int, _PEAK.findall(status))])
                time.sleep(0.02)
        finally:
            child.kill()
            child.wait()
        if child.returncode:
            said.seek(0)
            raise TrainingFailedError(
                f"the run ended with {child.returncode}: {said.read()[-500:]}"
            )
    return found / 2**20


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
