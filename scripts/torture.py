"""Kills real runs at random moments, resumes each by the same command, and compares what it
ends with, bit by bit, with a run that was left alone.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from etils import epy
from resumption import damages, differences

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host import files, process
from gan_tf.host.errors import InputError, TrainingFailedError

with epy.lazy_imports():  # So that TensorFlow starts in its own quiet way.
    from gan_tf.training import metrics, resume, run_directory

_STEPS_A_KILL = 40
# Everything that is ever written is written often, so that kills meet it.
_FLAGS = (
    *("--batch_size=32", "--log_every=5", "--sample_every=20", "--checkpoint_every=20"),
    *("--evaluate_every=40", "--evaluate_images=100", "--on_collapse=ignore"),
)
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
      status: how its process ended.
      resumed: the step at which it said to go on; None if it was killed before.
      reached: the last step on record.
    """

    moment: str
    halves: list[str]
    newest: int
    status: int
    resumed: int | None
    reached: int


def main(options: Options) -> str:
    """Tortures each pair of networks in each precision; writes the record."""
    if Path(options.runs_dir).exists():
        raise InputError(f"--runs_dir={options.runs_dir}: must be new")
    process.start_tensorflow()
    rows, faults = [], 0
    for arch, precision in itertools.product(
        options.archs.split(","), options.precisions.split(",")
    ):
        row = torture(options, arch, precision)
        faults += sum(value for name, value in row.items() if name in FAULTS)
        rows.append({"networks": arch, "precision": precision} | row)
    text = table(rows)
    files.write_text(Path(options.output), text)
    if faults:
        raise TrainingFailedError(
            f"{faults} faults: {options.output}; the runs are in {options.runs_dir}"
        )
    return text


def torture(options: Options, arch: str, precision: str) -> dict[str, int]:
    """Trains one run untouched and one under fire; returns the row of the record."""
    place = Path(options.runs_dir) / f"{arch}-{precision}"
    steps = options.kills * _STEPS_A_KILL
    command = [sys.executable, "-m", "gan_tf.train", f"--arch={arch}", f"--precision={precision}"]
    command += [*_FLAGS, f"--steps={steps}"]
    command += [f"--data_dir={options.data_dir}"] if options.data_dir else []
    whole, parts = place / "whole", place / "parts"
    place.mkdir(parents=True)
    finish([*command, f"--run_dir={whole}"])
    chance = random.Random(f"{options.seed} {arch} {precision}")
    kills: list[Kill] = []
    damaged = 0
    for number in range(options.kills):
        last = number == options.kills - 1
        moment = _EXPORT if last else chance.choices([_START, _ANY, _WRITING], [1, 4, 5])[0]
        target = round((number + chance.random()) * _STEPS_A_KILL)
        log = place / f"{number + 1}.log"
        kills.append(leg([*command, f"--run_dir={parts}"], parts, moment, target, chance, log))
        found = damages(parts)
        damaged += len(found)
        halves = "".join(f", half written: {half}" for half in kills[-1].halves)
        say = f"{arch}, {precision}: kill {number + 1} of {options.kills}, {moment}, at step "
        print(f"{say}{kills[-1].reached:,}{halves}", file=sys.stderr, flush=True)
        for path in found:
            print(f"{path} is damaged", file=sys.stderr, flush=True)
    executed = sum(kill.reached - kill.newest for kill in kills) + steps - newest_step(parts)
    finish([*command, f"--run_dir={parts}"])
    left = [half for kill in kills for half in kill.halves]
    checkpoints_left = left.count("checkpoint") + left.count("best")
    return {
        "kills": sum(kill.status == -signal.SIGKILL for kill in kills),
        _FAILED: sum(kill.status not in (0, -signal.SIGKILL) for kill in kills),
        **{each: sum(kill.moment == each for kill in kills) for each in _MOMENTS},
        "half-written checkpoints left": checkpoints_left,
        "other half-written files left": len(left) - checkpoints_left,
        "steps of the run": steps,
        "steps run in all": executed,
        _ELSEWHERE: sum(kill.resumed not in (None, kill.newest) for kill in kills),
        "files found damaged": damaged + len(damages(parts)),
        **differences(whole, parts),
    }


def finish(command: list[str]) -> None:
    """Lets a run come to its end."""
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise TrainingFailedError(f"{' '.join(command[2:])}: {finished.stderr[-300:]}")


def leg(
    command: list[str], run: Path, moment: str, target: int, chance: random.Random, log: Path
) -> Kill:
    """Starts the run and kills it at a moment of a kind, once a checkpoint of `target` is there."""
    newest, before = newest_step(run), half_written(run)
    with log.open("w") as errors:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
    try:
        if moment == _START:
            time.sleep(8 * chance.random())
        else:
            places = ["export"] if moment == _EXPORT else [".", "checkpoints", "samples"]
            if moment != _EXPORT:
                wait(child, lambda: newest_step(run) >= target)
            if moment == _ANY:
                time.sleep(chance.random())
            if moment == _WRITING:
                for _ in range(chance.randrange(4)):  # Not always the first that is written.
                    wait(child, lambda: bool(half_written(run, places)))
                    wait(child, lambda: not half_written(run, places))
            if moment != _ANY:
                wait(child, lambda: bool(half_written(run, places)))
    finally:
        child.kill()
        child.wait()
    said = log.read_text(encoding="utf-8")
    match = re.search(r"^run directory: .*?(?:, resumed at step ([\d,]+))?$", said, re.MULTILINE)
    resumed = int((match[1] or "0").replace(",", "")) if match else None
    lines = metrics.read_metrics(run / "metrics.jsonl")
    reached = max([newest_step(run), *(int(line["step"]) for line in lines)])
    halves = [kind(path) for path in half_written(run) if path not in before]
    return Kill(moment, halves, newest, child.returncode, resumed, reached)


def wait(child: subprocess.Popen[bytes], for_what: Callable[[], bool]) -> None:
    """Looks until it is so; a run that ends by itself is not waited for."""
    while child.poll() is None and not for_what():
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


def table(rows: Sequence[Mapping[str, str | int]]) -> str:
    """The rows as a Markdown table, a run a column."""
    heads = [f"{row['networks']}, {row['precision']}" for row in rows]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(rows) + 1) + "|"]
    for name in list(rows[0])[2:]:
        cells = [f"{row[name]:,}" for row in rows]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, str(__doc__)))
