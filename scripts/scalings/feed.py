"""Workers that read shards, simulated: the part `feed` of `scaling`.

The images are made, chunk by chunk, and each says its own number in its first pixels. So what a
worker read, and in which order, is known from the pixels themselves. The order, the rows of a
worker and the reading are the package's own.
"""

from __future__ import annotations

import hashlib
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_tf.data import feed
from gan_tf.data.cache import Split
from gan_tf.data.growing import Growing
from gan_tf.data.rows import Rows
from gan_tf.data.stream import StreamedFeed
from gan_tf.host import files

Values = dict[str, Any]

SHAPE = (64, 64, 3)
IMAGE = 64 * 64 * 3  # Bytes.
ROWS_OF_A_WORKER = 64  # Of a global batch.
_SEED = 0


class Shards:
    """Images that lie in several files, read as `Rows` reads those of one.

    Attributes:
      shape, nbytes: as those of `Rows`.
      hits: reads of each file.
    """

    def __init__(self, paths: list[Path]) -> None:
        """Takes the files, all of them but the last with as many images."""
        self._rows = [Rows(np.load(path, mmap_mode="r")) for path in paths]
        self._each = len(self._rows[0])
        number = sum(map(len, self._rows))
        self.shape, self.nbytes = (number, *self._rows[0].shape[1:]), number * IMAGE
        self.hits = np.zeros(len(paths), np.int64)

    def __len__(self) -> int:
        return int(self.shape[0])

    def files(self, indices: npt.NDArray[np.integer]) -> int:
        """Returns in how many files the images at indices lie."""
        return len(np.unique(indices // self._each))

    def __getitem__(self, indices: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        """Returns the images at indices `[n]`."""
        found = np.empty((len(indices), *self.shape[1:]), np.uint8)
        shards, rows = np.divmod(indices, self._each)
        for shard in np.unique(shards):
            here = shards == shard
            found[here] = self._rows[shard][rows[here]]
            self.hits[shard] += int(here.sum())
        return found


class ShardedFeed(StreamedFeed):
    """The feed of streamed images, but from shards. Only `indices` and the rows are used here."""

    def _place(self, reals: Split) -> None:
        self.rows = reals.images


def write(place: Path, images: int, rows: int) -> Iterator[Path]:
    """Writes shards of so many images each, and yields them as they are done."""
    chance = np.random.Generator(np.random.Philox(_SEED))
    for first in range(0, images, rows):
        numbers = np.arange(first, min(first + rows, images), dtype=np.uint64)
        pixels = chance.integers(0, 256, (len(numbers), IMAGE), np.uint8)
        pixels[:, :8] = numbers[:, None].view(np.uint8)
        shaped = pixels.reshape(-1, *SHAPE)
        path = place / f"shard-{first // rows:05}.npy"
        with Growing(path, shaped) as growing:
            growing.append(shaped)
        yield path


def read(shards: Shards, images: int, workers: int, batch: int, steps: int) -> Values:
    """Reads the steps of all workers, worker after worker, as each of them would.

    Returns:
      The digest of the order, how often the images of the first epoch were read at least and at
      most, how many workers read an image of it, the seconds of reading, by the clock and of the
      processor, and those of the processor for the order.
    """
    reals: Any = Split(shards, np.zeros(images, np.int64))  # type: ignore[arg-type]
    feeds = [
        ShardedFeed(
            reals, batch_size=batch, discriminator_steps=1, seed=_SEED, share=(rank, workers)
        )
        for rank in range(workers)
    ]
    digest = hashlib.sha256()
    times, readers = np.zeros(images, np.int64), np.full(images, -1)
    reading = ordering = processor = 0.0
    first_step = 0
    touched: list[int] = []
    position = 0
    before = _read_bytes()
    for step in range(steps):
        for rank, each in enumerate(feeds):
            start = time.process_time()
            indices = each.indices(step, 1)[0, 0]
            ordered, before_reading = time.process_time(), time.monotonic()
            pixels = shards[indices]
            reading += time.monotonic() - before_reading
            processor += time.process_time() - ordered
            ordering += ordered - start
            numbers = pixels.reshape(len(pixels), -1)[:, :8].copy().view(np.uint64)[:, 0]
            digest.update(numbers.tobytes())
            first_epoch = numbers[: max(0, images - position)].astype(np.int64)
            np.add.at(times, first_epoch, 1)
            readers[first_epoch] = rank
            touched.append(shards.files(indices))
            position += len(numbers)
        if step == 0:
            first_step = _read_bytes() - before
    return {
        "order": digest.hexdigest(),
        "least": int(times.min()),
        "most": int(times.max()),
        "readers": len(np.unique(readers)),
        "reads": position,
        "reading_seconds": reading,
        "processor_seconds": processor,
        "ordering_seconds": ordering,
        "from_disk": _read_bytes() - before,
        "from_disk_in_the_first_step": first_step,
        "shards_a_step": float(np.mean(touched)),
    }


def simulate(
    place: Path,
    images: int,
    rows: int,
    workers: int,
    most_permuted: int,
    say: Callable[[str], None],
) -> Values:
    """Makes the shards, reads an epoch by 1, 8 and all workers, and times the order itself."""
    start = time.monotonic()
    paths = list(write(place, images, rows))
    made = time.monotonic() - start
    say(f"{images:,} images in {len(paths):,} shards, made in {made:.0f} s")
    start = time.process_time()
    files.sha256(paths[0])
    digest_rate = paths[0].stat().st_size / (time.process_time() - start)
    batch = ROWS_OF_A_WORKER * workers
    steps = -(-images // batch)
    found: Values = {
        "images": images,
        "shard_rows": rows,
        "shards": len(paths),
        "workers": workers,
        "batch": batch,
        "steps": steps,
        "header": paths[0].stat().st_size - min(rows, images) * IMAGE,
        "digest_bytes_a_second": digest_rate,
        "made_seconds": made,
    }
    for path in paths:
        _forget(path)
    cold = Shards(paths)
    found["cold"] = read(cold, images, workers, batch, steps)
    hits = cold.hits / cold.hits.sum() * len(paths)
    found["shard_hits"] = {"least": float(hits.min()), "most": float(hits.max())}
    found["a_step"] = _spread(images, rows, batch, steps)
    found["warm"] = {}
    for number in sorted({1, 8, workers}):
        found["warm"][str(number)] = read(Shards(paths), images, number, batch, steps)
        say(f"{number} workers: order {found['warm'][str(number)]['order'][:16]}")
    found["permutations"] = {}
    number = 10**5
    while number <= most_permuted:
        found["permutations"][str(number)] = permuted(number)
        say(f"permutation of {number:,}: {found['permutations'][str(number)]}")
        number *= 10
    return found


def _spread(images: int, rows: int, batch: int, steps: int) -> Values:
    """How many rows of a shard a global batch has: the least, the mean and the most."""
    order = feed.batch_indices(0, steps, batch, images, _SEED) // rows
    whole = images // rows
    counts = np.stack([np.bincount(each, minlength=whole)[:whole] for each in order])
    return {
        "least": int(counts.min()),
        "mean": float(counts.mean()),
        "most": int(counts.max()),
        "deviation": float(counts.std()),
    }


def _forget(path: Path) -> None:
    """Asks the kernel to drop a file from the page cache, so that the disk is read."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _read_bytes() -> int:
    """What this process had from disks so far."""
    lines = Path("/proc/self/io").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("read_bytes")).split()[1])


def permuted(images: int) -> Values:
    """Returns what the order of so many images costs.

    `seconds` of the processor, so that other programs matter less, are of the first batch of an
    epoch, `later_seconds` of the next one, `bytes` the most memory meanwhile.
    `short_*` is of the same order, shuffled as uint32; `same` says whether it is the same.
    """
    batch = ROWS_OF_A_WORKER * 256
    feed._permutation.cache_clear()
    tracemalloc.start()
    start = time.process_time()
    feed.batch_indices(0, 1, batch, images, _SEED)
    between = time.process_time()
    feed.batch_indices(0, 1, batch, images, _SEED)
    later = time.process_time()
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    short = np.arange(images, dtype=np.uint32)
    np.random.Generator(np.random.Philox(key=[_SEED, 0])).shuffle(short)
    shuffled = time.process_time()
    least = tracemalloc.get_traced_memory()[1] - kept
    tracemalloc.stop()
    order = feed._permutation(images, _SEED, 0)
    parts = range(0, images, 10**6)
    same = all((order[at : at + 10**6] == short[at : at + 10**6]).all() for at in parts)
    feed._permutation.cache_clear()
    return {
        "seconds": between - start,
        "later_seconds": later - between,
        "bytes": most,
        "short_seconds": shuffled - later,
        "short_bytes": least,
        "same": same,
    }
