"""Which worker this process is, of which others: from TF_CONFIG, or from Slurm's variables."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from gan_tf.host import process
from gan_tf.host.errors import InputError

_EXAMPLE = (
    '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'
)
_SLURM_PORT = 8888  # The first task's of a node; the others of that node take the next ones.


class Place(NamedTuple):
    """A worker among others.

    Attributes:
      rank: which it is, from 0. Worker 0 is the chief: it alone writes the run directory.
      addresses: `host:port` of each worker, by rank.
    """

    rank: int
    addresses: tuple[str, ...]

    @property
    def number(self) -> int:
        """How many workers there are."""
        return len(self.addresses)

    def name(self, rank: int) -> str:
        """How a worker is called where something is said of it."""
        return f"worker {rank} ({self.addresses[rank]})"


def check_batch(batch_size: int, workers: int) -> None:
    """Raises InputError if so many workers cannot share a batch equally."""
    if batch_size % workers:
        below, above = (batch_size // workers + each for each in (0, 1))
        near = " or ".join(str(each * workers) for each in (below, above) if each)
        raise InputError(
            f"--batch_size={batch_size}: is that of all {workers} workers together and must be a "
            f"multiple of {workers}, such as {near}"
        )


def config_of(place: Place) -> str:
    """Returns what TF_CONFIG says to a worker."""
    task = {"type": "worker", "index": place.rank}
    return json.dumps({"cluster": {"worker": list(place.addresses)}, "task": task})


def of_process(workers: int, variables: Mapping[str, str] = os.environ) -> Place | None:
    """Returns the place of this process; None if it has no others beside it.

    Args:
      workers: how many a flag asks for; 1 asks for none.
      variables: the environment.

    Raises:
      InputError: TF_CONFIG cannot be understood, or says otherwise than the flag.
    """
    place = _told(variables)
    if place and workers not in (1, place.number):
        raise InputError(
            f"--workers={workers}: TF_CONFIG or Slurm says that there are {place.number}; leave "
            "one of them out"
        )
    return place if place and place.number > 1 else None


def _told(variables: Mapping[str, str]) -> Place | None:
    if text := variables.get("TF_CONFIG", "").strip():
        return _parsed(text)
    tasks = variables.get("SLURM_STEP_NUM_TASKS", "1")
    if not tasks.isdecimal():
        raise InputError(f"SLURM_STEP_NUM_TASKS={tasks}: must be a whole number, as srun sets it")
    return _of_slurm() if int(tasks) > 1 else None


def _parsed(text: str) -> Place:
    try:
        content = json.loads(text)
    except ValueError:
        raise InputError(f"TF_CONFIG: is not JSON; it must look like {_EXAMPLE}") from None
    cluster = _part(content, "cluster")
    task = _part(content, "task")
    if unknown := sorted(set(cluster) - {"chief", "worker"}):
        raise InputError(
            f"TF_CONFIG: its cluster must have no {unknown[0]}, only worker (and chief): each "
            "process trains"
        )
    addresses = {job: _addresses(job, cluster.get(job, [])) for job in ("chief", "worker")}
    everyone = (*addresses["chief"], *addresses["worker"])
    if len(addresses["chief"]) > 1:
        raise InputError("TF_CONFIG: its cluster must have one chief at most")
    if twice := [each for each in everyone if everyone.count(each) > 1]:
        raise InputError(f"TF_CONFIG: {twice[0]} stands there twice; each worker has its own")
    job, index = task.get("type"), task.get("index")
    if job not in addresses or type(index) is not int or not 0 <= index < len(addresses[job]):
        raise InputError(
            f"TF_CONFIG: its task is {job} {index}, which its cluster does not have; it must look "
            f"like {_EXAMPLE}"
        )
    return Place(index + (len(addresses["chief"]) if job == "worker" else 0), everyone)


def _part(content: Any, name: str) -> dict[str, Any]:
    found = content.get(name) if isinstance(content, dict) else None
    if not isinstance(found, dict):
        raise InputError(f"TF_CONFIG: has no {name}; it must look like {_EXAMPLE}")
    return found


def _addresses(job: str, found: Any) -> tuple[str, ...]:
    if not isinstance(found, list):
        raise InputError(f"TF_CONFIG: {job} must be a list of addresses HOST:PORT")
    for each in found:
        match = re.fullmatch(r"[A-Za-z0-9._-]+:(\d{1,5})", each) if isinstance(each, str) else None
        if not match or not 0 < int(match[1]) < 2**16:
            raise InputError(f"TF_CONFIG: {each} in {job} must be an address HOST:PORT")
    return tuple(found)


def _of_slurm() -> Place:
    """The tasks of the job step that `srun` started this process in."""
    process.start_tensorflow(begin=lambda: None)
    import tensorflow as tf

    try:
        # It makes as many tasks of a node as that has GPUs, so it is told of enough. Which GPU is
        # whose is Slurm's to say (--gpus-per-task=1).
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=_SLURM_PORT, gpus_per_node=1_000, gpus_per_task=1, auto_set_gpu=False
        )
        addresses = resolver.cluster_spec().as_dict()["worker"]
    except (RuntimeError, ValueError, KeyError) as error:
        raise InputError(f"Slurm's variables: {error}; use srun, or set TF_CONFIG") from None
    return Place(int(resolver.task_id), tuple(addresses))
