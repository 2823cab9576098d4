"""Compares N workers with one process, step by step: how far the weights of the same run are from
one another after one step and after twenty, for many kinds of runs.

Everything runs on this machine, on images of noise, with the networks in float32. Beside it stands
how far one process on one core is from one on all of them: what another order of sums does alone.
"""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
import os
import random
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from etils import epy

from gan_tf.config import Config, command_line
from gan_tf.config.knobs import knob
from gan_tf.host import archive, files, process
from gan_tf.workers.place import Place
from gan_tf.workers.team import Team, joined

with epy.lazy_imports():
    from gan_tf.data import cache
    from gan_tf.game import step as steps
    from gan_tf.training import build, followers, loop

STEPS = (1, 20)
# Rounding grows in a game that is played by Adam, on one process as on many: there a weight moves
# as far for a slope of 1e-9 as for one of 1. Descent moves it by the slope, so that what stays
# different after many steps is a fault.
_DESCENT: dict[str, Any] = {"optimizer": "sgd", "generator_lr": 0.01, "discriminator_lr": 0.01}
_BATCH, _CLASSES = 16, 10
CASES: dict[str, dict[str, Any]] = {
    "dcgan, Adam": {},
    "dcgan": _DESCENT,
    "dcgan, mirrored, DiffAugment": _DESCENT | {"mirror": True, "augment": "diffaugment"},
    "dcgan, ADA": _DESCENT | {"augment": "ada"},
    "dcgan, projection": _DESCENT | {"conditional": "projection", "fake_labels": "uniform"},
    "dcgan, simultaneous": _DESCENT | {"update": "simultaneous"},
    "dcgan, bfloat16": _DESCENT | {"precision": "bfloat16"},
    "mlp": _DESCENT | {"arch": "mlp"},
    "mlp, gradient penalty, k = 2": _DESCENT
    | {"arch": "mlp", "loss": "wasserstein", "gradient_penalty": 1.0, "discriminator_steps": 2},
    "resnet, relativistic, R1 and R2, schedules": _DESCENT
    | {"arch": "resnet", "loss": "relativistic", "r1_every": 1, "r1_gamma": "0.05:0.005@500"}
    | {"r2_gamma": "0.05:0.005@500", "generator_lr": "0.01:0.001@500"},
    "paper_2014": _DESCENT | {"arch": "paper_2014", "latents": "unit_uniform"},
    "lightning_cnn": _DESCENT | {"arch": "lightning_cnn", "generator_latents": "same"},
    "tensorflow_tutorial": _DESCENT | {"arch": "tensorflow_tutorial", "latent_pool": 50},
}

Arrays = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Options:
    """Which runs are compared, and where the record goes."""

    workers: str = knob("2,4", "Numbers of workers.", unit="numbers and commas")
    only: str | None = knob(
        None, "Only the runs whose name has one of these.", unit="parts of names"
    )
    one_core: bool = knob(True, "Also compare with one process on one core.")
    output: str | None = knob(None, "Keeps the record.", unit="a Markdown file")


def main(options: Options) -> str:
    """Returns the table."""
    parts = (options.only or "").split(",")
    names = [name for name in CASES if any(part in name for part in parts)]
    numbers = [int(each) for each in options.workers.split(",")]
    alone = run(names)
    others = {"one core": run(names, cores=1)} if options.one_core else {}
    others |= {f"{number} workers": run(names, number) for number in numbers}
    columns = [f"{head}, {'step' if s == 1 else 'steps'}: {s}" for head in others for s in STEPS]
    lines = [f"| run | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in names:
        found = [
            f"{distance(alone[name, at], other[name, at]):.0e}"
            for other in others.values()
            for at in STEPS
        ]
        lines.append(f"| {name} | {' | '.join(found)} |")
    table = "\n".join(lines)
    if options.output:
        files.write_text(Path(options.output), table + "\n")
    return table


def distance(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Returns how far two states are from one another: |a - b| / |a|, all weights and moments of a
    player together, for the player for which it is larger. Whole numbers are no part of it: the
    seeds of dropout are 1e9, and would hide any distance."""
    found = 0.0
    for player in ("generator", "discriminator", "ema_generator"):
        mine = [name for name in one if name.startswith(f"{player}/")]
        names = [name for name in mine if np.issubdtype(one[name].dtype, np.floating)]
        a, b = (np.concatenate([np.ravel(each[n]) for n in names]) for each in (one, other))
        a, b = a.astype(np.float64), b.astype(np.float64)
        found = max(found, float(np.linalg.norm(a - b) / np.linalg.norm(a)))
    return found


def run(names: list[str], workers: int = 1, cores: int | None = None) -> dict[Any, Arrays]:
    """Returns the state of each run at each of STEPS, as so many workers come to it."""
    addresses = [
        f"127.0.0.1:{random.SystemRandom().randint(20_000, 32_000)}" for _ in range(workers)
    ]
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as place:
        started = [
            spawn.Process(target=_worker, args=(Place(rank, tuple(addresses)), names, place, cores))
            for rank in range(workers)
        ]
        for each in started:
            each.start()
        for each in started:
            each.join()
        assert [each.exitcode for each in started] == [0] * workers
        return {
            (name, at): archive.load(Path(place) / f"{number}-{at}.npz")
            for number, name in enumerate(names)
            for at in STEPS
        }


def _worker(own: Place, names: list[str], place: str, cores: int | None) -> None:
    if cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    if own.number == 1:
        process.start_tensorflow()
        _runs(names, place, None)
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with joined(own, {}, 60) as team:
        process.start_tensorflow(begin=team.connect)
        _runs(names, place, team)


def _runs(names: list[str], place: str, team: Team | None) -> None:
    pixels = np.random.Generator(np.random.Philox(0)).integers(0, 256, (500, 28, 28, 1), np.uint8)
    reals = cache.Split(pixels, np.arange(len(pixels)) % _CLASSES)
    with process.reproducible():
        if team and not team.is_chief:
            team.told()  # That it begins; after that, each run's end is the next one's beginning.
        for number, name in enumerate(names):
            config = Config(**{"batch_size": _BATCH, "precision": "float32", **CASES[name]})
            game = build.game(config, reals, _CLASSES)
            feed = build.feed(config, reals, team.share if team else (0, 1))
            one_step = functools.partial(steps.step, game)
            runs = loop.Loop(one_step, game.state, feed, team=team)
            if team and not team.is_chief:
                followers.restore(runs, team)
                runs.follow(max(STEPS), lambda: False)
                continue
            if team:
                followers.lead(team, number + 1, runs)
            for reached in runs.run_until(max(STEPS), lambda at: 1 if at < 1 else max(STEPS)):
                if reached in STEPS:
                    arrays = {key: each.numpy() for key, each in runs.variables.items()}
                    archive.write(Path(place) / f"{number}-{reached}.npz", arrays)


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
