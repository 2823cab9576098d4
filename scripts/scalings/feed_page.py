"""The part of `scaling`'s page that is of 256 workers and 100 million images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scalings import model, plots

Values = dict[str, Any]

IMAGES, IMAGE, WORKERS = 100_000_000, 64 * 64 * 3, 256
ROWS = 64  # Of a worker, in a step.
SHARD_ROWS = 100_000
# Assumptions: a data centre's NVMe disk, and a shared file system of a middling cluster.
NVME_READS, NVME_BYTES = 800e3, 6e9
SHARED_READS, SHARED_BYTES = 100e3, 10e9
_FASTEST = "200 Gbit/s, NCCL"

_SIMULATION = """
## 100 million images for 256 workers

100 million images of 64x64x3 are {tera:.2f} TB. First a simulation at a five-hundredth of that,
then what it means, on paper.

### The simulation

{images:,} images ({gigabytes:.2f} GB) in {shards:,} shards of {rows:,}; each image says its number
in its first pixels. {workers} workers, one after the other in one process, read a global batch of
{batch:,} step by step: the order, the rows of a worker and the reading are the package's own
(`Feed.indices`, `Rows`), only the choice of the shard is the script's. What was read is known from
the pixels. {machine}.

| what | found |
|---|---|
| an image of the first epoch was read | at least {least} and at most {most} times, by one of \
{readers} workers |
| the order of 1, 8 and {workers} workers | {same}: SHA-256 {order}... |
| reads a second by the clock, from disk | {cold_reads:,.0f} of {image:,} bytes, \
{cold_bytes:.0f} MB/s |
| from the page cache, a second of the processor | {warm_reads:,.0f}, {warm_bytes:.0f} MB/s |
| from disk in the first step | {amplified:.2f} times the bytes of its images |
| shards that a worker touches in a step | {touched:.0f} of {shards:,} |
| images of one shard in a global batch | {step_least} to {step_most}, {step_mean:.1f} in the \
mean, deviation {step_deviation:.1f} (by chance: {chance:.1f}) |
| reads of a shard in all, by the mean | {hits_least:.3f} to {hits_most:.3f} |
| which rows are a worker's, a step | {ordering:.1f} ms, for it looks up the whole batch |
| digest of a shard (SHA-256) | {digest:.2f} GB/s |

"From disk" is after the kernel was asked to forget the shards; what a step reads stays in its
cache, so later steps find more and more there. By the clock other programs count,
too. A row is three pages long and begins {header} bytes into a page, so it lies on four.

**The order itself**: NumPy's permutation by Philox, a new one each epoch. *Later* is a batch of an
epoch whose order is there.

| images | seconds | later, ms | memory | as uint32: seconds | memory | same order |
|---|---|---|---|---|---|---|
"""
_PAPER = """
### On paper

256 workers, {rows} images each a step; a step takes what the model above says for `dcgan` at 64x64
by NCCL over 200 Gbit/s.

| a step computes | steps/s | reads/s a worker | MB/s a worker | reads/s of a machine | reads/s \
in all | GB/s in all | an epoch |
|---|---|---|---|---|---|---|---|
"""
_CHANGES = """
- **Which rows.** Worker r takes the rows r B / 256 to (r + 1) B / 256 - 1 of each global batch of
  {batch:,}, as today. The image's number divided by {shard_rows:,} is its shard (1,000 shards of
  1.23 GB), the rest its row there. Nothing is shuffled within shards, so the order is exactly
  that of one process.
- **A disk in each machine** (assumed {nvme_reads:,.0f} random reads of 4 KiB a second, and
  {nvme_bytes:.0f} GB/s) is asked for at most {share:.0%} of its bytes and {pages:.0%} of its reads,
  four pages an image. So 1.23 TB on each of 32 machines is the simple way: filling them reads 39 TB
  once.
- **Shared storage** (assumed {shared_reads:,.0f} reads a second and {shared_bytes:.0f} GB/s for all
  machines) is asked for {shared:.1f} to {shared_most:.1f} times its reads, and {shared_b:.2f} to
  {shared_b_most:.2f} times its bytes. Larger reads would be another order.
- **One reading thread a worker** reads {warm_reads:,.0f} images a second here from the page cache,
  in Python; it needs {least:,.0f} to {most:,.0f}. {enough}

### What in today's design would have to change

| today | at this size | the smallest change that would do |
|---|---|---|
| one array file on each machine | 1.23 TB in one file; a transfer that breaks off begins anew | \
a list of shards in `cache.json`, and a `Rows` that divides the index: 25 lines in \
`scripts/scalings/feed.py` |
| every worker makes the whole order, int64 | {order_seconds:.0f} s at the start of each epoch of \
{epoch_least:.1f} to {epoch_most:.1f} min, \
in which the reading thread stands still, and {order_memory:.1f} GB; twice that while a batch \
straddles two epochs; eight times on a machine | shuffle uint32, which gives the same order in \
half the memory, one epoch ahead in a thread, and keep a worker's own rows: {own:.1f} MB |
| all labels in memory, int64 | {labels:.1f} GB a worker, {labels_node:.1f} GB a machine | read \
them beside the images, or map them |
| a digest of each file, when it is written | {digest:.0f} min on one core | one digest a shard, \
which many processes make at once; a start still compares sizes and times |
| workers compare one digest of the data | the same | nothing: it is a digest of the list |
| int32 for the images' numbers | enough to 2.1 billion | nothing |
| `--batch_size` up to 65,536 | {batch:,} here | nothing up to 256 images a GPU |
| rows begin {header} bytes into a page | four pages an image in place of three | a header of \
4,096 bytes |

None of these changes was made.
"""


def parts(found: Values, known: Values | None) -> Iterator[str]:
    """Returns the text.

    Args:
      found: what the simulation found.
      known: the record of the model; without one only the simulation is told.
    """
    cold, warm = found["cold"], found["warm"][str(found["workers"])]
    everyone = [cold, *found["warm"].values()]
    warm_reads = warm["reads"] / warm["processor_seconds"]
    spread = found["a_step"]
    mean = spread["mean"]
    yield _SIMULATION.format(
        tera=IMAGES * IMAGE / 1e12,
        images=found["images"],
        gigabytes=found["images"] * IMAGE / 1e9,
        shards=found["shards"],
        rows=found["shard_rows"],
        workers=found["workers"],
        batch=found["batch"],
        machine=found["machine"],
        least=min(each["least"] for each in everyone),
        most=max(each["most"] for each in everyone),
        readers=warm["readers"],
        same="the same" if len({each["order"] for each in everyone}) == 1 else "DIFFERENT",
        order=warm["order"][:16],
        cold_reads=cold["reads"] / cold["reading_seconds"],
        image=IMAGE,
        cold_bytes=cold["reads"] * IMAGE / cold["reading_seconds"] / 1e6,
        warm_reads=warm_reads,
        warm_bytes=warm_reads * IMAGE / 1e6,
        amplified=cold["from_disk_in_the_first_step"] / (found["batch"] * IMAGE),
        touched=warm["shards_a_step"],
        step_least=spread["least"],
        step_mean=mean,
        step_most=spread["most"],
        step_deviation=spread["deviation"],
        chance=(mean * (1.0 - found["batch"] / found["images"])) ** 0.5
        if found["batch"] < found["images"]
        else 0.0,
        hits_least=found["shard_hits"]["least"],
        hits_most=found["shard_hits"]["most"],
        ordering=warm["ordering_seconds"] / (found["steps"] * found["workers"]) * 1e3,
        digest=found["digest_bytes_a_second"] / 1e9,
        header=found["header"],
    )
    for images, each in found["permutations"].items():
        cells = [f"{int(images):,}", f"{each['seconds']:.2f}", f"{each['later_seconds'] * 1e3:.1f}"]
        cells += [f"{each['bytes'] / 1e6:,.0f} MB", f"{each['short_seconds']:.2f}"]
        cells += [f"{each['short_bytes'] / 1e6:,.0f} MB", "yes" if each["same"] else "NO"]
        yield f"| {' | '.join(cells)} |\n"
    if known and "dcgan, 64x64x3" in known["networks"]:
        yield from _on_paper(found, known["networks"]["dcgan, 64x64x3"], warm_reads)


def _on_paper(found: Values, network: Values, warm_reads: float) -> Iterator[str]:
    yield _PAPER.format(rows=ROWS)
    rates = []
    for times, words in plots.ASSUMED.items():
        assumed = network["assumed"][f"{times}, {ROWS}"]
        reached = assumed["efficiency"][_FASTEST][model.GPUS.index(WORKERS)]
        steps = reached / assumed["seconds"]
        reads = steps * ROWS
        rates.append(reads)
        cells = [words, f"{steps:.1f}", f"{reads:,.0f}", f"{reads * IMAGE / 1e6:.1f}"]
        cells += [f"{8 * reads:,.0f}", f"{WORKERS * reads:,.0f}"]
        cells += [f"{WORKERS * reads * IMAGE / 1e9:.1f}"]
        cells += [f"{IMAGES / (WORKERS * reads) / 60:.1f} min"]
        yield f"| {' | '.join(cells)} |\n"
    least, most = min(rates), max(rates)
    largest = max(found["permutations"], key=int)
    order = found["permutations"][largest]
    scale = IMAGES / int(largest)
    yield _CHANGES.format(
        batch=ROWS * WORKERS,
        shard_rows=SHARD_ROWS,
        nvme_reads=NVME_READS,
        nvme_bytes=NVME_BYTES / 1e9,
        share=8 * most * 4 * 4096 / NVME_BYTES,
        pages=8 * most * 4 / NVME_READS,
        shared_reads=SHARED_READS,
        shared_bytes=SHARED_BYTES / 1e9,
        shared=WORKERS * least / SHARED_READS,
        shared_most=WORKERS * most / SHARED_READS,
        shared_b=WORKERS * least * 4 * 4096 / SHARED_BYTES,
        shared_b_most=WORKERS * most * 4 * 4096 / SHARED_BYTES,
        warm_reads=warm_reads,
        least=least,
        most=most,
        enough="That is enough."
        if warm_reads > 2 * most
        else "At the faster end that is too little: several threads, or rows in larger reads.",
        order_seconds=order["seconds"] * scale,
        epoch_least=IMAGES / (WORKERS * most) / 60,
        epoch_most=IMAGES / (WORKERS * least) / 60,
        order_memory=order["bytes"] * scale / 1e9,
        own=IMAGES / WORKERS * 4 / 1e6,
        labels=IMAGES * 8 / 1e9,
        labels_node=IMAGES * 8 * 8 / 1e9,
        digest=IMAGES * IMAGE / found["digest_bytes_a_second"] / 60,
        header=found["header"],
    )
