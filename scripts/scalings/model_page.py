"""The part of `scaling`'s page that is of the model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scalings import model, plots
from scalings.speed_page import row

Values = dict[str, Any]

_MODEL = """
## 8 to 256 GPUs, by a model

Nothing here was measured on more than one GPU. A step of a worker computes, and then waits for its
sums, one after the other:

    efficiency = compute / (compute + all-reduces of a step)

**What is summed** is recorded from a traced step, the bytes being those of {most} GPUs:

{sums}
Batch norm is one sum of 2 C numbers *of each worker* a layer and pass, so it grows with N.

**What a sum takes.** A machine has {node} GPUs, joined by NVLink ({nvlink:.0f} GB/s of a ring,
assumed), and one network of 25 or 200 Gbit/s, which they share. Beside its bytes each sum costs
{start:.0f} us for TensorFlow's executor and the launch (assumed).

- *NCCL*: a ring sends 2 (N - 1) / N of the bytes in 2 (N - 1) hops, a tree all of them twice in
  2 log2(machines) hops of the network; each has a quick protocol for few bytes, which has a quarter
  of the rate. It takes what is quickest. Hops and rates are those of
  [NCCL's own model](https://github.com/NVIDIA/nccl/blob/01afd20a77b5804e0ecf1042509dd9d20ebf9e93/src/graph/tuning.cc)
  of 2020; newer GPUs are a little quicker.
- *TensorFlow's ring*: the same ring, by calls of gRPC through the hosts' memory, {hop:.0f} us a hop
  and at most {grpc:.1f} GB/s (assumed). So the network's rate does not matter here.

**Which of them it is.** By [TensorFlow's \
source](https://github.com/tensorflow/tensorflow/blob/00f0938ae85c7dd68b44b4d80a873f42b1dca16a/\
tensorflow/core/common_runtime/collective_param_resolver_local.cc) (of an earlier version than ours)
a sum on GPUs takes NCCL if its `communication_hint` is `nccl`, as ours is, and else the ring. That
was read, not run.

**What a step computes.** The only figure of an H100 that we have is `dcgan` at 28x28, batches of
{batch}, not compiled, as a step of several workers is: {speed:,.0f} images/s ([gpu.md](gpu.md)),
which is {rate:.1f} TFLOP/s. It waits for its launches, so larger images must be better. Both ends:

- *as at 28x28*: the same operations a second. Too slow, and so too kind to the sums.
- *{faster:.0f} times as fast*: but no step is shorter than that run's, {floor:.1f} ms.

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


def parts(known: Values, shown: Path) -> Iterator[str]:
    """Returns the text of a record of the model, and writes its plots into a directory."""
    networks = known["networks"]
    plots.draw(known, shown)
    sums = "".join(f"- `{name}`: {_kinds(each['sums'])}.\n" for name, each in networks.items())
    yield _MODEL.format(
        sums=sums,
        most=max(model.GPUS),
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
        yield row(name, *size, len(each["sums"]))
    yield _PLOT.format(place=shown.name)
    for name, each in networks.items():
        for assumed, found in each["assumed"].items():
            for gigabits in model.GIGABITS:
                times, batch = assumed.split(", ")
                reached = found["efficiency"][f"{gigabits} Gbit/s, NCCL"]
                chosen = [reached[model.GPUS.index(number)] for number in (8, 32, 128, 256)]
                cells = plots.ASSUMED[times], batch, f"{found['seconds'] * 1e3:.1f}"
                yield row(name, *cells, f"{gigabits} Gbit/s", *(f"{c:.2f}" for c in chosen))
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
        yield row(remedy, *(f"{each[remedy]:.2f}" for each in found))
    yield "\nNCCL comes first. Beyond it the largest single gains are:\n\n"
    for (times, gigabits), reached in zip(chosen, found, strict=True):
        _, nccl, *single, together = reached
        best = max(single, key=lambda name: reached[name])
        yield (
            f"- {plots.ASSUMED[times]}, {gigabits} Gbit/s: {best.removeprefix('NCCL, ')}, "
            f"{reached[nccl]:.2f} to {reached[best]:.2f}; all together {reached[together]:.2f}.\n"
        )
    yield _MISSING
    yield f"\nOperations, parameters and sums were counted by {known['machine']}.\n"


def _kinds(sums: list[Values]) -> str:
    """How many sums of each kind a step has, and their bytes with the most GPUs."""
    most, kinds = max(model.GPUS), dict.fromkeys(each["kind"] for each in sums)
    found = []
    for kind in kinds:
        moved = [each["fixed"] + each["each"] * most for each in sums if each["kind"] == kind]
        size = f"{sum(moved) / 1e6:.1f} MB" if sum(moved) > 1e5 else f"{sum(moved)} bytes"
        found.append(f"{len(moved)} of {kind} ({size})")
    return ", ".join(found)
