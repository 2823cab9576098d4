"""The page of `scaling`, from what it has on record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import scaling_feed_page as feed_page
import scaling_model as model
import scaling_plots as plots

from gan_tf.host import files

Values = dict[str, Any]

_HEAD = """\
# Scaling

How the speed of a run grows with its [workers](workers.md): measured on two cores, and on paper
past that. `scripts/scaling` writes this page, its plots, and `{record}`.

```sh
scripts/scaling --parts=speed   # two workers of one core each, against one process
scripts/scaling --parts=model   # 8 to 256 GPUs
scripts/scaling --parts=feed    # 256 workers that read shards
```
"""
_SPEED = """
## Two workers of one core each

A worker has one core and half of the batch. Beside it stands one process on one core with the same
half of the batch. *By twice one* is what the workers reach of twice its speed: the efficiency. *Two
alone* are two such processes at once that know nothing of one another: what they lack of twice one
is the machine's, not the workers'. Each speed is the median of a run's own lines, each figure that
of the rounds.

| images/s | batch | one alone | two alone | two workers | by twice one | by two alone | wanted |
|---|---|---|---|---|---|---|---|
"""
_PARTS = """
### What a step is made of

Seconds. *Alone* is a step of one process with a worker's share of the batch, *own* the same as a
worker computes it, with its sums left out: batch norm is separate operations there, and what is
random is drawn for the whole batch. *Sums* is what the all-reduces of a step take by themselves
over loopback, one after the other. The model says own + sums. What a step takes beyond that is
waiting: for the worker that comes later, and for the words between calls. Four workers have half a
core each, so the model takes own twice.

| run | workers | alone | own | sums | model | measured | beyond |
|---|---|---|---|---|---|---|---|
"""
_BYTES = """
Bytes a step that a worker adds up, in float32: four a parameter and update, and batch norm's
moments, which lie beside those of the other workers and so grow with their number.

| run | workers | all-reduces | D's gradients | G's gradients | batch norm | metrics |
|---|---|---|---|---|---|---|
"""
_WAITED = """
What the runs themselves say of it, in seconds a step: *waited* is what the chief spends in sums
over workers, *least* what the worker spends that comes last, so the sums without waiting.

| run | workers | waited | least |
|---|---|---|---|
"""
_MODEL = """
## 8 to 256 GPUs, by a model

Nothing here was measured on more than one GPU. A step of a worker computes, and then waits for its
sums, one after the other:

    efficiency = compute / (compute + all-reduces of a step)

**What is summed** is recorded from a traced step: {sums}. Batch norm is one sum of 2 C numbers *of
each worker* a layer and pass, so it grows with N: {growth}.

**What a sum takes.** A machine has {node} GPUs, joined by NVLink ({nvlink:.0f} GB/s of a ring,
assumed), and one network of 25 or 200 Gbit/s, which they share. Beside the bytes each sum costs
{start:.0f} us for TensorFlow's executor and the launch (assumed).

- *NCCL*: a ring sends 2 (N - 1) / N of the bytes in 2 (N - 1) hops, a tree all of them twice in
  2 log2(machines) hops of the network; each has a quick protocol for few bytes, which has a quarter
  of the rate. It takes what is quickest. Hops and rates are those of
  [NCCL's own model](https://github.com/NVIDIA/nccl/blob/01afd20a77b5804e0ecf1042509dd9d20ebf9e93/src/graph/tuning.cc)
  of 2020; newer GPUs are a little quicker.
- *TensorFlow's ring*: the same ring, by calls of gRPC through the hosts' memory, {hop:.0f} us a hop
  and at most {grpc:.1f} GB/s (assumed; over loopback see above).

**Which of them it is today.** By TensorFlow's source, a `CollectiveReduceV2` takes NCCL if its
`communication_hint` is `nccl` or the process is configured so
([collective_param_resolver_local.cc](https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/common_runtime/collective_param_resolver_local.cc)).
Ours leaves the hint at `auto`, and `MultiWorkerMirroredStrategy` does not configure it. So on GPUs
it would be the ring over gRPC. That was read, not run.

**What a step computes.** The only figure of an H100 that we have is `dcgan` at 28x28, batches of
{batch}, not compiled, as a step of several workers is: {speed:,.0f} images/s ([gpu.md](gpu.md)),
which is {rate:.1f} TFLOP/s. It waits for its launches, so larger images must be better. Both ends:

- *as at 28x28*: the same operations a second. Too slow, and so too kind to the sums.
- *{faster:.0f} times that*: but no step is shorter than that run's, {floor:.1f} ms.

| network | GFLOP an image | parameters | all-reduces a step |
|---|---|---|---|
"""
_PLOT = """
![Efficiency over the number of GPUs: two networks, two rates, NCCL and TensorFlow's \
ring]({place}/efficiency.png)

Batches of 64 a GPU. By the batch of a GPU, with NCCL:

| network | a step computes | batch of a GPU | ms | network | 8 | 32 | 128 | 256 GPUs |
|---|---|---|---|---|---|---|---|---|
"""
_REMEDIES = """
### What would help most

At {most} GPUs, batches of 64 each. *2 C numbers* are sums about the moving mean, which every worker
knows: one sum of 2 C numbers a layer whatever N is. *Within a machine* batch norm sees {node} GPUs'
images only, which is another run than that of one process. *Overlapped* hides the sums of gradients
behind backward passes, taken to be half of a step.

![Efficiency at 256 GPUs by what is mended]({place}/remedies.png)

| `{network}`, a step computes | {rates} |
|---|{bars}|
"""
_MISSING = """
**What the model leaves out.** Workers that are not equally fast; what each draws for the whole
batch (16,384 rows of 64 numbers an update at 256 GPUs: little); reading; evaluations, grids and
checkpoints, for which all wait for the chief; and XLA. A single GPU that compiles its step is 2.5
times as fast as one that does not ([gpu.md](gpu.md)), and several workers do without: by that
measure every figure here is to be divided by 2.5. With these sums, XLA would have to know them.
"""


def write(record: Path, known: Values) -> None:
    """Writes the page and its plots beside a record, a path that ends in .json."""
    shown, parts = record.with_suffix(""), [_HEAD.format(record=record.name)]
    if "speed" in known:
        parts += _speed(known["speed"]["cases"])
    if "model" in known and known["model"]["networks"]:
        parts += _model(known["model"], shown)
    if "feed" in known:
        parts += feed_page.parts(known["feed"], known.get("model"))
    files.write_text(record.with_suffix(".md"), "".join(parts))


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |\n"


def _speed(cases: Values) -> Iterator[str]:
    yield _SPEED
    for name, case in cases.items():
        speeds = [f"{case[side]:.1f}" for side in ("alone", "two_alone", "workers")]
        shares = [f"{case[side]:.2f}" for side in ("efficiency", "by_two_alone", "target")]
        yield _row(name, case["batch"], *speeds, *shares)
    yield "\n"
    for name, case in cases.items():
        four, rounds = case["four"], len(case["rounds"]["workers"])
        yield (
            f"`{name}`: {rounds} round{'s' * (rounds > 1)} of {case['seconds']:g} s a side. Four "
            f"workers, with half a core each: {four['workers']['speed']:.1f} images/s, "
            f"{four['efficiency']:.2f} of twice one process with a quarter of the batch "
            f"({four['alone']['speed']:.1f}). {case['machine']}.\n\n"
        )
    yield _PARTS.removeprefix("\n")
    for name, case in cases.items():
        for number, step in case["steps"].items():
            predicted, measured = prediction(case, number)
            figures = [step["alone"], step["own"], step["reduce"], predicted, measured]
            yield _row(name, number, *(f"{each:.3f}" for each in (*figures, measured - predicted)))
    yield _BYTES
    for name, case in cases.items():
        for number, step in case["steps"].items():
            kinds = ("D's gradients", "G's gradients", "batch norm", "metrics")
            moved = [f"{step['bytes'].get(kind, 0):,}" for kind in kinds]
            yield _row(name, number, len(case["sums"]), *moved)
    sizes = {name: case["steps"]["2"]["sizes"] for name, case in cases.items()}
    for name, known in sizes.items():
        few, many = known["16"], known[str(2**24)]
        yield (
            f"\nOne sum of two workers over loopback, measured beside `{name}`: {few * 1e3:.1f} ms "
            f"for 16 bytes, {many * 1e3:.0f} ms for 16 MiB: {2**24 / many / 1e9:.2f} GB/s.\n"
        )
    waited = [
        _row(name, number, *(f"{run[key]:.4f}" for key in ("waited", "waited_least")))
        for name, case in cases.items()
        for number, run in ((2, case["rounds"]["workers"][-1]), (4, case["four"]["workers"]))
        if "waited" in run and "waited_least" in run
    ]
    if waited:
        yield "".join([_WAITED, *waited])


def prediction(case: Values, number: str) -> tuple[float, float]:
    """Returns the seconds of a step of so many workers by the model, and as measured."""
    step, four = case["steps"][number], number == "4"
    measured = case["four"]["workers"]["speed"] if four else case["workers"]
    return (2.0 if four else 1.0) * step["own"] + step["reduce"], case["batch"] / measured


def _model(known: Values, shown: Path) -> Iterator[str]:
    networks = known["networks"]
    plots.draw(known, shown)
    sums = "; ".join(f"`{name}` {_kinds(each['sums'])}" for name, each in networks.items())
    growth = [
        f"`{name}` {sum(s['each'] for s in each['sums']) * max(model.GPUS) / 1e6:.1f} MB a step at "
        f"{max(model.GPUS)} GPUs, beside {sum(s['fixed'] for s in each['sums']) / 1e6:.1f} MB else"
        for name, each in networks.items()
        if any(s["each"] for s in each["sums"])
    ]
    yield _MODEL.format(
        sums=sums,
        growth="; ".join(growth) or "none here",
        node=model.Link(25).node,
        nvlink=model.NVLINK / 1e9,
        start=model.START * 1e6,
        hop=model.GRPC_HOP * 1e6,
        grpc=model.GRPC_BYTES / 1e9,
        batch=model.H100_BATCH,
        speed=model.H100_SPEED,
        rate=model.H100_SPEED * known["reference"] / 1e12,
        faster=model.FASTER,
        floor=model.H100_BATCH / model.H100_SPEED * 1e3,
    )
    for name, each in networks.items():
        size = f"{each['operations'] / 1e9:.2f}", f"{each['parameters']:,}"
        yield _row(name, *size, len(each["sums"]))
    yield _PLOT.format(place=shown.name)
    for name, each in networks.items():
        for assumed, found in each["assumed"].items():
            for gigabits in model.GIGABITS:
                times, batch = assumed.split(", ")
                reached = found["efficiency"][f"{gigabits} Gbit/s, NCCL"]
                chosen = [reached[model.GPUS.index(number)] for number in (8, 32, 128, 256)]
                cells = plots.ASSUMED[times], batch, f"{found['seconds'] * 1e3:.1f}"
                yield _row(name, *cells, f"{gigabits} Gbit/s", *(f"{c:.2f}" for c in chosen))
    name, each = next(iter(networks.items()))
    chosen = [(times, gigabits) for times in plots.ASSUMED for gigabits in model.GIGABITS]
    yield _REMEDIES.format(
        most=max(model.GPUS),
        node=model.Link(25).node,
        place=shown.name,
        network=name,
        rates=" | ".join(f"{plots.ASSUMED[times]}, {g} Gbit/s" for times, g in chosen),
        bars="|".join("---" for _ in chosen),
    )
    found = [each["assumed"][f"{times}, 64"]["remedies"][str(g)] for times, g in chosen]
    for remedy in found[0]:
        yield _row(remedy, *(f"{each[remedy]:.2f}" for each in found))
    yield _MISSING
    yield f"\nOperations, parameters and sums were counted by {known['machine']}.\n"


def _kinds(sums: list[Values]) -> str:
    """How many sums of each kind a step has."""
    kinds = [each["kind"] for each in sums]
    return ", ".join(f"{kinds.count(kind)} of {kind}" for kind in dict.fromkeys(kinds))
