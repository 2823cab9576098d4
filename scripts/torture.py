"""Kills real runs at random moments, resumes each by the same command, and compares what it
ends with, bit by bit, with a run that was left alone. Of several workers one is killed each time,
and the others must end by themselves.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from commands import flags_in
from etils import epy
from namespaces import LOOPBACK, PLACES, Host, network
from pairs import Ended, Workers
from resumption import damages, differences
from workers import distance

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host import archive, files, process
from gan_tf.host.errors import InputError, TrainingFailedError

with epy.lazy_imports():  # So that TensorFlow starts in its own quiet way.
    from gan_tf.training import metrics, resume, run_directory

_STEPS_A_KILL = 40
# Everything that is ever written is written often, so that kills meet it.
_BATCH = 32
_FLAGS = (
    *(f"--batch_size={_BATCH}", "--log_every=5", "--sample_every=20", "--checkpoint_every=20"),
    *("--evaluate_every=40", "--evaluate_images=100", "--on_collapse=ignore"),
)
_OWN = {"arch", "precision", "steps", "run_dir", "data_dir", "workers", "start_timeout"}
# Where the number of workers changes, rounding does; plain descent does not make much of it.
_DESCENT = ("--optimizer=sgd", "--generator_lr=0.01", "--discriminator_lr=0.01")
_APART = 1e-3  # |a - b| / |a| of two such runs, at most.
_START_TIMEOUT = 20  # Seconds, after which workers miss one that was killed at its start.
_BOUND = 60.0  # Seconds in which the others must have ended.
_ELSEWHERE = "resumed elsewhere than at the newest checkpoint"
_FAILED = "failed before they were killed"
FAULTS = (
    _FAILED,
    _ELSEWHERE,
    "files found damaged",
    "differing tensors",
    "differing metrics lines",
    "differing pictures and samples",
)
_LATE = f"others that had not ended within {_BOUND:.0f} s"
_SILENT = "others that did not say in one line whom they lost"
_FAR = "states too far apart"
TEAM_FAULTS = (_LATE, _SILENT, _FAR)  # Besides, of several workers.
_MOMENTS = _START, _ANY, _WRITING, _EXPORT = (
    "at its start",
    "at any moment",
    "in a write",
    "in its export",
)


@dataclasses.dataclass(frozen=True)
class Options:
    """Which runs are killed, how often, and where the record goes."""

    kills: int = knob(50, "Kills of each run.", unit="kills", low=2, high=10_000)
    archs: str = knob("mlp,dcgan", "Networks.", unit="names and commas")
    precisions: str = knob("float32,auto", "Values of --precision.", unit="names and commas")
    flags: str | None = knob(
        None, "Flags of gan_tf.train for every run.", unit="flags between blanks"
    )
    workers: str = knob(
        "1",
        "Of how many workers one is killed. 2-4-1-2: each start takes the next number.",
        unit="numbers and commas",
    )
    place: str = knob(LOOPBACK, "Where workers meet.", choices=PLACES)
    seed: int = knob(0, "Seed of the moments.", low=0, high=2**31 - 1)
    runs_dir: str = knob("runs/torture", "Where the runs go; new.", unit="a directory")
    data_dir: str | None = knob(None, "See gan_tf.train.", unit="a directory")
    output: str = knob("runs/torture.md", "The record, as Markdown.", unit="a file")


@dataclasses.dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
      moment: which kind of moment was waited for.
      halves: what was being written, as the killed process left it.
      newest: the newest checkpoint's step when the run was started.
      victim: the rank of the worker that was killed.
      ended: how each worker ended, by rank.
      resumed: the step at which it said to go on; None if it was killed before.
      reached: the last step on record.
    """

    moment: str
    halves: list[str]
    newest: int
    victim: int
    ended: Mapping[int, Ended]
    resumed: int | None
    reached: int

    @property
    def status(self) -> int:
        """How the process ended that was killed."""
        return self.ended[self.victim].status

    @property
    def others(self) -> list[Ended]:
        """How the others ended, if one was killed before they were done."""
        others = [each for rank, each in self.ended.items() if rank != self.victim and each.status]
        return others if self.status == -signal.SIGKILL else []

    def names(self, other: Ended) -> bool:
        """Whether another said in one line, the last one, that the killed one is lost."""
        lines = [line for line in other.said if line.startswith("gan_tf.train: ")]
        told = f"gan_tf.train: worker {self.victim} ("
        return len(lines) == 1 and other.last == lines[0] and lines[0].startswith(told)


def main(options: Options) -> str:
    """Tortures each pair of networks in each precision; writes the record."""
    if Path(options.runs_dir).exists():
        raise InputError(f"--runs_dir={options.runs_dir}: must be new")
    given = {each.lstrip("-").partition("=")[0] for each in flags_in(options.flags)}
    fixed = {each.lstrip("-").partition("=")[0] for each in _FLAGS}
    if taken := sorted(given & (fixed | _OWN)):
        raise InputError(f"--flags={options.flags}: --{taken[0]} is this script's to say")
    plans = [_numbers(each, options.workers) for each in options.workers.split(",")]
    rows, faults = [], 0
    with ExitStack() as stack:
        hosts = None
        if options.place != LOOPBACK:
            hosts = stack.enter_context(network(max(map(max, plans)))).hosts
        process.start_tensorflow()
        for arch, precision, plan in itertools.product(
            options.archs.split(","), options.precisions.split(","), plans
        ):
            row = torture(options, arch, precision, plan, hosts)
            faults += sum(int(row.get(name, 0)) for name in (*FAULTS, *TEAM_FAULTS))
            workers = f", {_words(plan)} workers" if plan != [1] else ""
            networks = " ".join([arch, *flags_in(options.flags)])
            rows.append({"networks": networks, "precision": precision + workers} | row)
            files.write_text(Path(options.output), table(rows))
    if faults:
        raise TrainingFailedError(
            f"{faults} faults: {options.output}; the runs are in {options.runs_dir}"
        )
    return table(rows)


def _numbers(text: str, option: str) -> list[int]:
    """The numbers of workers, of which each start takes the next."""
    numbers = [int(each) if each.isdecimal() else 0 for each in text.split("-")]
    if not all(number and _BATCH % number == 0 for number in numbers):
        fit = [str(number) for number in range(1, _BATCH + 1) if _BATCH % number == 0]
        raise InputError(
            f"--workers={option}: must be numbers that divide the batch of {_BATCH} "
            f"({', '.join(fit)}), as in 1,2 or 2-4-1-2"
        )
    return numbers


def _words(plan: Sequence[int]) -> str:
    return "-".join(map(str, plan))


def torture(
    options: Options,
    arch: str,
    precision: str,
    plan: Sequence[int] = (1,),
    hosts: Sequence[Host] | None = None,
) -> dict[str, float]:
    """Trains one run untouched and one under fire; returns the row of the record.

    Args:
      options: how often, and where.
      arch, precision: of which run.
      plan: numbers of workers, of which each start takes the next.
      hosts: where they run, by rank; None is this machine.
    """
    several, changes = max(plan) > 1, len(set(plan)) > 1
    what = [arch, precision, *([_words(plan)] if several else [])]
    place = Path(options.runs_dir).absolute() / "-".join(what)
    steps = options.kills * _STEPS_A_KILL
    flags = [f"--arch={arch}", f"--precision={precision}", *_FLAGS, f"--steps={steps}"]
    flags += [f"--data_dir={Path(options.data_dir).absolute()}"] if options.data_dir else []
    flags += [f"--start_timeout={_START_TIMEOUT}"] if several else []
    flags += [*(_DESCENT if changes else ()), *flags_in(options.flags)]
    command = [sys.executable, "-m", "gan_tf.train", *flags]
    whole, parts = place / "whole", place / "parts"
    place.mkdir(parents=True)
    finish([*command, f"--run_dir={whole}", f"--workers={plan[0]}"])
    chance = random.Random(f"{options.seed} {' '.join(what)}")
    kills: list[Kill] = []
    damaged = 0
    for number in range(options.kills):
        last = number == options.kills - 1
        moment = _EXPORT if last else chance.choices([_START, _ANY, _WRITING], [1, 4, 5])[0]
        target = round((number + chance.random()) * _STEPS_A_KILL)
        here = place / str(number + 1)
        here.mkdir()
        start = functools.partial(
            Workers,
            [*flags, f"--run_dir={parts}"],
            here,
            number=plan[number % len(plan)],
            hosts=hosts,
        )
        kills.append(leg(start, parts, moment, target, chance))
        found = damages(parts)
        damaged += len(found)
        halves = "".join(f", half written: {half}" for half in kills[-1].halves)
        who = f" of worker {kills[-1].victim}" if several else ""
        say = f"{', '.join(what)}: kill {number + 1} of {options.kills}{who}, {moment}, at step"
        print(f"{say} {kills[-1].reached:,}{halves}", file=sys.stderr, flush=True)
        for path in found:
            print(f"{path} is damaged", file=sys.stderr, flush=True)
    executed = sum(kill.reached - kill.newest for kill in kills) + steps - newest_step(parts)
    finish([*command, f"--run_dir={parts}", f"--workers={plan[options.kills % len(plan)]}"])
    left = [half for kill in kills for half in kill.halves]
    checkpoints_left = left.count("checkpoint") + left.count("best")
    return {
        "kills": sum(kill.status == -signal.SIGKILL for kill in kills),
        _FAILED: sum(kill.status not in (0, -signal.SIGKILL) for kill in kills),
        **{each: sum(kill.moment == each for kill in kills) for each in _MOMENTS},
        **(_of_team(kills) if several else {}),
        "half-written checkpoints left": checkpoints_left,
        "other half-written files left": len(left) - checkpoints_left,
        "steps of the run": steps,
        "steps run in all": executed,
        _ELSEWHERE: sum(kill.resumed not in (None, kill.newest) for kill in kills),
        "files found damaged": damaged + len(damages(parts)),
        **(_apart(whole, parts) if changes else differences(whole, parts)),
    }


def _of_team(kills: Sequence[Kill]) -> dict[str, float]:
    """What became of the workers that were not killed."""
    others = [(kill, other) for kill in kills for other in kill.others]
    return {
        "of the chief": sum(kill.victim == 0 for kill in kills),
        "others that had to end": len(others),
        "seconds until the last of them had": max(
            (math.ceil(other.seconds) for _, other in others), default=0
        ),
        _LATE: sum(other.status < 0 for _, other in others),
        _SILENT: sum(other.status >= 0 and not kill.names(other) for kill, other in others),
    }


def _apart(whole: Path, parts: Path) -> dict[str, float]:
    """How far two runs are from one another that end alike but for rounding."""
    newest = (resume.paths(run / run_directory.CHECKPOINTS) for run in (whole, parts))
    one, other = (archive.load(kept[max(kept)]) for kept in newest)
    found = distance(one, other)
    return {"distance of both states": found, _FAR: int(not found < _APART)}


def finish(command: list[str]) -> None:
    """Lets a run come to its end."""
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise TrainingFailedError(f"{' '.join(command[2:])}: {finished.stderr[-300:]}")


def leg(
    start: Callable[[], Workers], run: Path, moment: str, target: int, chance: random.Random
) -> Kill:
    """Starts the run and kills it at a moment of a kind, once a checkpoint of `target` is there; of
    several workers one, and the others have `_BOUND` to end."""
    newest, before = newest_step(run), half_written(run)
    workers = start()
    number = len(workers.processes)
    victim = chance.randrange(number) if number > 1 else 0
    try:
        if moment == _START:
            time.sleep(8 * number * chance.random())
        else:
            places = ["export"] if moment == _EXPORT else [".", "checkpoints", "samples"]
            if moment != _EXPORT:
                wait(workers, lambda: newest_step(run) >= target)
            if moment == _ANY:
                time.sleep(chance.random())
            if moment == _WRITING:
                for _ in range(chance.randrange(4)):  # Not always the first that is written.
                    wait(workers, lambda: bool(half_written(run, places)))
                    wait(workers, lambda: not half_written(run, places))
            if moment != _ANY:
                wait(workers, lambda: bool(half_written(run, places)))
        workers.processes[victim].kill()
        ended = workers.ends(_BOUND)
    finally:
        workers.kill()
    said = "\n".join(workers.said(0))
    match = re.search(r"^run directory: .*?(?:, resumed at step ([\d,]+))?$", said, re.MULTILINE)
    resumed = int((match[1] or "0").replace(",", "")) if match else None
    lines = metrics.read_metrics(run / "metrics.jsonl")
    reached = max([newest_step(run), *(int(line["step"]) for line in lines)])
    halves = [kind(path) for path in half_written(run) if path not in before]
    return Kill(moment, halves, newest, victim, ended, resumed, reached)


def wait(workers: Workers, for_what: Callable[[], bool]) -> None:
    """Looks until it is so; a run that ends by itself is not waited for."""
    while not workers.one_ended() and not for_what():
        time.sleep(0.0005)


def newest_step(run: Path) -> int:
    """The step of the newest checkpoint, 0 without one."""
    return max(resume.paths(run / run_directory.CHECKPOINTS), default=0)


def half_written(
    run: Path, places: Sequence[str] = (".", "checkpoints", "samples", "export")
) -> list[Path]:
    """The temporary files that are there now."""
    return [path for place in places for path in (run / place).glob(".*.tmp")]


def kind(path: Path) -> str:
    """What a temporary file was to become."""
    below = {"checkpoints": "checkpoint", "samples": "picture", "export": "export"}
    return below.get(path.parent.name) or path.name.split(".")[1]


def table(rows: Sequence[Mapping[str, str | float]]) -> str:
    """The rows as a Markdown table, a run a column."""
    heads = [f"{row['networks']}, {row['precision']}" for row in rows]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(rows) + 1) + "|"]
    longest = max(rows, key=len)  # What one process has, several have, too.
    for name in [*longest, *(each for row in rows for each in row if each not in longest)][2:]:
        cells = [_cell(row.get(name, "")) for row in rows]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(value: str | float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return value if isinstance(value, str) else f"{value:.0e}"


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
