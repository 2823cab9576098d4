"""The model of `scaling`: how much of their time N GPUs compute, and how much they add up.

Nothing here is measured. A step of a worker computes, and then waits for its sums: nothing is
overlapped (docs/workers.md). What is summed is not assumed: `traced` records it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

Shape = tuple[int, int, int]

# One H100, `dcgan` on 28x28x1, batches of 64, a step that XLA does not compile, as that of several
# workers: docs/gpu.md.
H100_SHAPE, H100_BATCH, H100_SPEED = (28, 28, 1), 64, 9_700.0  # Images; images a second.
FASTER = 10.0  # The other assumption: so many times the operations a second of that run.
NETWORKS: dict[str, tuple[str, Shape]] = {
    "dcgan, 64x64x3": ("dcgan", (64, 64, 3)),
    "resnet, 128x128x3": ("resnet", (128, 128, 3)),
}
GPUS = (8, 16, 32, 64, 128, 256)
GIGABITS = (25, 200)
BATCHES = (32, 64, 256)  # Of one GPU.
BATCH_NORM = "batch norm"


class Sum(NamedTuple):
    """One all-reduce of a step: what it is of, and its bytes with N workers, `fixed + each * N`."""

    kind: str
    fixed: int
    each: int = 0

    def bytes(self, workers: int) -> int:
        """Of so many workers."""
        return self.fixed + self.each * workers


class Network(NamedTuple):
    """What a step of a network costs.

    Attributes:
      operations: floating-point operations an image trained; see `costs.Cost`.
      parameters: that are learned, of both players.
      sums: the all-reduces of a step, in their order.
    """

    operations: float
    parameters: int
    sums: list[Sum]


class Link(NamedTuple):
    """What joins the GPUs, and what adds up over it.

    Attributes:
      gigabits: of a machine's network, a second and direction; all its GPUs share it.
      nccl: whether NCCL adds up; else TensorFlow's own ring over gRPC does.
      node: GPUs of a machine, joined by NVLink.
    """

    gigabits: float
    nccl: bool = True
    node: int = 8


# Seconds and bytes a second. The first two are assumptions; nobody measured them for this package.
START = 50e-6  # Of an all-reduce: TensorFlow's executor, and the launch.
NVLINK = 200e9  # Of a ring within a machine: about half of what an H100's links have on paper.
# TensorFlow's ring: a hop is a call of gRPC and copies through the host, within a machine as well.
GRPC_HOP, GRPC_BYTES = 100e-6, 1.5e9
# NCCL's model of itself, in microseconds: a constant, a hop by NVLink, one by the network. See
# https://github.com/NVIDIA/nccl/blob/01afd20a77b5804e0ecf1042509dd9d20ebf9e93/src/graph/tuning.cc.
_NCCL = {
    ("ring", "LL"): (3.6, 0.47 * 1.8, 2.7, 1 / 4),
    ("ring", "Simple"): (8.4, 3.4, 9.6, 1.0),
    ("tree", "LL"): (4.4, 0.52 * 1.8, 5.0, 0.9 / 3.8),
    ("tree", "Simple"): (0.0, 28.0, 50.0, 0.9),
}


def all_reduce(size: float, workers: int, link: Link) -> float:
    """Returns the seconds that one sum of `size` bytes takes on so many GPUs.

    A ring sends 2 (N - 1) / N of the bytes from each GPU to the next, in 2 (N - 1) hops. A tree
    sends them up and down, in 2 log2 hops of the machines. NCCL takes what is quickest.
    """
    if workers == 1:
        return 0.0
    nodes = math.ceil(workers / link.node)
    network, share = link.gigabits * 1e9 / 8.0, 2.0 * (workers - 1) / workers
    if not link.nccl:
        rate = min(network, GRPC_BYTES) if nodes > 1 else GRPC_BYTES
        return START + 2.0 * (workers - 1) * GRPC_HOP + share * size / rate
    rate, found = network if nodes > 1 else NVLINK, []
    for (shape, _), (constant, inside, outside, fraction) in _NCCL.items():
        if shape == "ring":
            hops = 2.0 * ((workers - nodes) * inside + (nodes - 1) * outside)
            moved = share * size
        else:
            hops = 2.0 * ((math.ceil(workers / nodes) - 1) * inside + math.log2(nodes) * outside)
            moved = 2.0 * size
        found.append((constant + hops) * 1e-6 + moved / (rate * fraction))
    return START + min(found)


def seconds_of_sums(sums: Sequence[Sum], workers: int, link: Link) -> float:
    """Returns the seconds a step that all its sums take, one after the other."""
    return sum(all_reduce(each.bytes(workers), workers, link) for each in sums)


def efficiency(workers: int, compute: float, sums: Sequence[Sum], link: Link) -> float:
    """Returns the speed of N GPUs by N times that of one.

    Args:
      workers: N.
      compute: seconds a step of one GPU, at its share of the batch.
      sums: the all-reduces of a step.
      link: what joins them.
    """
    return compute / (compute + seconds_of_sums(sums, workers, link))


def compute_seconds(network: Network, batch: int, reference: float, times: float) -> float:
    """Returns the seconds of a GPU's step of so many images, by the operations of the network.

    Args:
      network: whose step it is.
      batch: images of one GPU.
      reference: operations an image of the network that was measured on an H100.
      times: the operations a second, by those of that run. A step takes no less time than that
        run's: its launches do not become fewer.
    """
    rate = H100_SPEED * reference * times
    return max(batch * network.operations / rate, H100_BATCH / H100_SPEED)


def remedies(
    compute: float, sums: Sequence[Sum], workers: int, gigabits: float
) -> dict[str, float]:
    """Returns the efficiency of so many GPUs as it is, and by what would mend it.

    Overlap hides the sums of gradients behind backward passes, assumed to be half of a step.
    """
    link = Link(gigabits)

    def by(sums: Sequence[Sum], overlap: bool = False, other: float = 0.0) -> float:
        spent = seconds_of_sums(sums, workers, link) + other
        if overlap:
            moved = [each for each in sums if "gradients" in each.kind]
            spent -= min(seconds_of_sums(moved, workers, link), compute / 2.0)
        return compute / (compute + spent)

    half = [s._replace(fixed=s.fixed // 2) if "gradients" in s.kind else s for s in sums]
    # Sums about the moving mean, which all know: 2 C numbers, and not those of each worker.
    short = [Sum(s.kind, s.fixed + s.each) for s in sums]
    without = [s for s in sums if s.kind != BATCH_NORM]
    inside = [s for s in sums if s.kind == BATCH_NORM]
    return {
        "TensorFlow's ring over gRPC": efficiency(
            workers, compute, sums, link._replace(nccl=False)
        ),
        "NCCL": by(sums),
        "NCCL, gradients in bfloat16": by(half),
        "NCCL, batch norm sums 2 C numbers": by(short),
        "NCCL, batch norm within a machine": by(
            without, other=seconds_of_sums(inside, link.node, link)
        ),
        "NCCL, gradients overlapped": by(sums, overlap=True),
        "NCCL, bfloat16, 2 C numbers, overlapped": by(
            [Sum(h.kind, h.fixed + h.each) for h in half], overlap=True
        ),
    }


def table(network: Network, reference: float) -> dict[str, Any]:
    """Returns what is on record of a network: its costs, and its efficiencies by assumption.

    Args:
      network: which.
      reference: operations an image of the network that was measured.
    """
    found: dict[str, Any] = {
        "operations": network.operations,
        "parameters": network.parameters,
        "sums": [each._asdict() for each in network.sums],
        "assumed": {},
    }
    for times in (1.0, FASTER):
        for batch in BATCHES:
            compute = compute_seconds(network, batch, reference, times)
            rows = {
                f"{gigabits} Gbit/s, {'NCCL' if nccl else 'ring over gRPC'}": [
                    efficiency(workers, compute, network.sums, Link(gigabits, nccl))
                    for workers in GPUS
                ]
                for gigabits in GIGABITS
                for nccl in (True, False)
            }
            mended = {
                str(gigabits): remedies(compute, network.sums, max(GPUS), gigabits)
                for gigabits in GIGABITS
            }
            found["assumed"][f"{times:g}, {batch}"] = {
                "seconds": compute,
                "efficiency": rows,
                "remedies": mended,
            }
    return found
