"""Brings faults on two workers of one run, each for real, and says what came of it: when and how
each worker ended, what it said, and whether the same command then ends with the same bits as a run
to which nothing happened. The workers meet on loopback, or each has a network namespace of its own,
whose link can be cut; that needs root.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import disks
import numpy as np
from etils import epy
from namespaces import LOOPBACK, PLACES, Network, network
from pairs import Ended, Workers
from torture import finish

import gan_tf
from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host import archive, files, process
from gan_tf.host.errors import InputError, TrainingFailedError

with epy.lazy_imports():
    from gan_tf.data import cache
    from gan_tf.training import resume, run_directory

FLAGS = (
    *("--arch=label_smoothing", "--batch_size=16", "--evaluate_every=0", "--export=none"),
    *("--log_every=2", "--checkpoint_every=10", "--sample_every=100", "--steps=60"),
    "--on_collapse=ignore",
)
_LINES = 6  # Of metrics, after which a fault comes.
_BOUND = 60.0  # Seconds in which every worker must have ended.
# Of the disk that fills up, in MiB: checkpoints of 3, of which three are kept. What is left then is
# enough for lines, and for no checkpoint, in bytes.
_DISK, _LEFT = 64, 1_000_000


@dataclasses.dataclass(frozen=True)
class Options:
    """Which faults, and where the record goes."""

    only: str | None = knob(None, "Only faults whose name has this.", unit="a part of a name")
    place: str = knob(LOOPBACK, "Where workers meet.", choices=PLACES)
    runs_dir: str = knob("runs/faults", "Where the runs go; new.", unit="a directory")
    data_dir: str | None = knob(None, "See gan_tf.train.", unit="a directory")
    output: str = knob("runs/faults.md", "The record, as Markdown.", unit="a file")


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
      status: what each worker must end with that was not killed; of several, one with each.
      says: a pattern of what each must say last that was not killed; OTHER is the other worker.
      signal: what a worker gets in the midst of the run.
      cut: whether a worker's link is cut in the midst of the run.
      full: whether the chief's disk fills up in the midst of the run.
      at: the rank of the worker that gets the signal, or whose link it is.
      own: flags besides, by rank.
      missing: the rank of a worker that does not come.
      config: TF_CONFIG of worker 1, if it is another.
      version: of gan_tf at worker 1, if it is another.
      taken: the rank of a worker whose port is taken.
      other_images: whether worker 1's data set of the same name holds other images.
    """

    status: int | tuple[int, int]
    says: str = ""
    signal: signal.Signals | None = None
    cut: bool = False
    full: bool = False
    at: int = 1
    own: Mapping[int, Sequence[str]] = dataclasses.field(default_factory=dict)
    missing: int | None = None
    config: str | None = None
    version: str | None = None
    taken: int | None = None
    other_images: bool = False

    @property
    def is_sudden(self) -> bool:
        """Whether it comes in the midst of the run; else it is there from the start."""
        return self.signal is not None or self.cut or self.full


_ENDED = r"OTHER \(\S+\) ended; the same command goes on from the last checkpoint"
_SILENT = _ENDED.replace("ended", "gave no sign of life for 20 s")
_SAVED = "saved at step"
_SHORT = {0: ["--start_timeout=5"], 1: ["--start_timeout=5"]}
FAULTS = {
    "worker 1 is killed": Fault(1, _ENDED, signal.SIGKILL),
    "the chief is killed": Fault(1, _ENDED, signal.SIGKILL, at=0),
    "SIGTERM to worker 1": Fault(75, _SAVED, signal.SIGTERM),
    "SIGTERM to the chief": Fault(75, _SAVED, signal.SIGTERM, at=0),
    "worker 1 hangs (SIGSTOP)": Fault(1, _SILENT, signal.SIGSTOP),
    "the chief hangs (SIGSTOP)": Fault(1, _SILENT, signal.SIGSTOP, at=0),
    "the chief's disk is full": Fault(1, disks.FULL, full=True),
    "the network is cut": Fault(1, _SILENT, cut=True),
    "worker 1 never comes (`--start_timeout=5`)": Fault(1, missing=1, own=_SHORT),
    "the chief never comes (`--start_timeout=5`)": Fault(1, missing=0, own=_SHORT),
    "worker 1 has another flag": Fault(2, own={1: ["--generator_lr=0.5"]}),
    "worker 1 has another version of gan_tf": Fault(2, version="9.9.9"),
    "worker 1 has other images under the same name": Fault(2, other_images=True),
    "worker 1's port is taken": Fault((1, 2), taken=1, own=_SHORT),
    "TF_CONFIG of worker 1 is malformed": Fault((1, 2), config='{"cluster": 1}', own=_SHORT),
    "the batch cannot be shared": Fault(2, own={0: ["--batch_size=15"], 1: ["--batch_size=15"]}),
}


def main(options: Options) -> str:
    """Brings each fault about; writes the record."""
    place = Path(options.runs_dir).absolute()
    if place.exists():
        raise InputError(f"--runs_dir={options.runs_dir}: must be new")
    loopback = options.place == LOOPBACK
    faults = {
        name: each
        for name, each in FAULTS.items()
        if (options.only or "") in name and not (loopback and each.cut)
    }
    if not faults:
        raise InputError(
            f"--only={options.only}: must be in the name of a fault at --place={options.place}, "
            "such as 'worker 1 is killed'"
        )
    with ExitStack() as stack:
        net = None if loopback else stack.enter_context(network(2))
        place.mkdir(parents=True)
        process.start_tensorflow()
        return _record(options, faults, place, net)


def _record(options: Options, faults: Mapping[str, Fault], place: Path, net: Network | None) -> str:
    data = [f"--data_dir={Path(options.data_dir).absolute()}"] if options.data_dir else []
    flags = [*FLAGS, *data]
    if any(each.is_sudden for each in faults.values()):
        run = [sys.executable, "-m", "gan_tf.train", *flags, f"--run_dir={place / 'whole'}"]
        finish([*run, "--workers=2"])
    head = "| fault | seconds | statuses | worker 0 says | worker 1 says | afterwards |"
    rows, wrong = [head, "|---" * 6 + "|"], []
    for number, (name, fault) in enumerate(faults.items()):
        print(f"{name} ...", file=sys.stderr, flush=True)
        here = place / str(number)
        here.mkdir()
        ended, afterwards = bring(fault, here, flags, net)
        rows.append(row(name, ended, afterwards))
        if not _is_as_it_must_be(fault, ended, afterwards):
            wrong.append(name)
        files.write_text(Path(options.output), "\n".join(rows) + "\n")
    if wrong:
        raise TrainingFailedError(f"{', '.join(wrong)}: not as it must be; see {options.output}")
    return "\n".join(rows)


def _is_as_it_must_be(fault: Fault, ended: Mapping[int, Ended], afterwards: str) -> bool:
    """Whether each ended in time, with its status and a line that says why, and nothing is lost."""
    left = {rank: each for rank, each in ended.items() if each.status >= 0}  # By itself.
    statuses = tuple(each.status for each in left.values())
    expected = (fault.status,) * len(left) if isinstance(fault.status, int) else fault.status
    said = all(
        re.match(f"gan_tf.train: .*{fault.says.replace('OTHER', f'worker {1 - rank}')}", each.last)
        for rank, each in left.items()
    )
    in_time = all(each.seconds < _BOUND for each in left.values())
    return said and in_time and statuses == expected and afterwards in ("same bits", "")


def row(name: str, ended: Mapping[int, Ended], afterwards: str) -> str:
    """A line of the record."""
    seconds = max(each.seconds for each in ended.values() if each.status >= 0)
    statuses = ", ".join(str(ended[rank].status) if rank in ended else "none" for rank in (0, 1))
    said = [
        ended[rank].last if rank in ended and ended[rank].status >= 0 else "" for rank in (0, 1)
    ]
    words = [each.removeprefix("gan_tf.train: ") for each in said]
    return f"| {name} | {seconds:.0f} | {statuses} | {words[0]} | {words[1]} | {afterwards} |"


def bring(
    fault: Fault, here: Path, flags: Sequence[str], net: Network | None = None
) -> tuple[dict[int, Ended], str]:
    """Returns how each worker ended, and what became of the run after.

    Args:
      fault: what happens.
      here: an empty directory.
      flags: of all workers.
      net: where they meet; None is loopback.
    """
    own = {rank: list(fault.own.get(rank, [])) for rank in (0, 1)}
    variables = {"TF_CONFIG": fault.config} if fault.config else {}
    if fault.version:
        variables["PYTHONPATH"] = str(_other_version(here, fault.version))
    if fault.other_images:
        for rank in (0, 1):
            own[rank] += ["--dataset=mine", f"--data_dir={_images(here / f'data-{rank}', rank)}"]
    with ExitStack() as stack:
        disk = here / "disk"
        small = stack.enter_context(disks.small(disk, _DISK)) if fault.full else False
        run = (disk if small else here) / "run"
        command = [*flags, f"--run_dir={run}"]
        hosts = net.hosts if net else None
        workers = Workers(
            command,
            here,
            own=own,
            variables={1: variables},
            missing=fault.missing,
            taken=fault.taken,
            hosts=hosts,
        )
        stack.callback(workers.kill)
        if not fault.is_sudden:
            return workers.ends(_BOUND), ""
        workers.wait_for(run / "metrics.jsonl", _LINES)
        if fault.signal:
            workers.processes[fault.at].send_signal(fault.signal)
        if fault.cut and net:
            net.cut(fault.at)
        if small:
            disks.fill(disk, _LEFT)
        elif fault.full:
            disks.limit(workers.processes[0].pid, _LEFT)
        ended = workers.ends(_BOUND, hangs=fault.at if fault.signal == signal.SIGSTOP else None)
        if fault.cut and net:
            net.mend(fault.at)
        if small:
            (disk / disks.FILLER).unlink()
        resumed = Workers(command, here, hosts=hosts)
        stack.callback(resumed.kill)
        again = resumed.ends(300.0)
        if any(each.status for each in again.values()):
            return ended, f"the same command failed: {again[0].last}"
        return ended, "same bits" if same(here.parent / "whole", run) else "OTHER BITS"


def same(one: Path, other: Path) -> bool:
    """Whether two runs end with the same bits."""
    states = []
    for run in (one, other):
        kept = resume.paths(run / run_directory.CHECKPOINTS)
        states.append(archive.load(kept[max(kept)]))
    first, second = states
    return first.keys() == second.keys() and all(
        first[name].tobytes() == second[name].tobytes()
        for name in first.keys() - {"timing/seconds"}
    )


def _other_version(here: Path, version: str) -> Path:
    """Where a copy of the package lies that has another version."""
    package = Path(gan_tf.__file__).parent
    shutil.copytree(package, here / "other" / "gan_tf")
    path = here / "other" / "gan_tf" / "__init__.py"
    path.write_text(path.read_text().replace(f'"{gan_tf.__version__}"', f'"{version}"'))
    return here / "other"


def _images(data_dir: Path, seed: int) -> Path:
    """A data set of noise by the name `mine`."""
    chance = np.random.Generator(np.random.Philox(seed))
    parts = [
        cache.Part(
            name, chance.integers(0, 256, (200, 28, 28, 1), np.uint8), np.zeros(200, np.int64)
        )
        for name in ("train", "test")
    ]
    cache.write(data_dir / "gan_tf" / "mine", "mine", parts)
    return data_dir


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
