"""Flags, flag files, help and errors, as a user meets them."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gan_tf import sample, train
from gan_tf.config import Config, command_line
from gan_tf.config.knobs import knobs

from .conftest import Command

COMMANDS = ["train", "sample", "export", "report", "client"]


@pytest.mark.parametrize("module", COMMANDS)
def test_help_lists_every_flag_and_fits_a_terminal(command: Command, module: str) -> None:
    finished = command(module, "--help")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert max(map(len, finished.stdout.splitlines())) <= 80
    assert f"python -m gan_tf.{module} " in finished.stdout


def test_help_without_docstrings_says_what_is_left(tmp_path: Path) -> None:
    command = (sys.executable, "-OO", "-m", "gan_tf.train", "--help")
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "--steps" in finished.stdout
    assert not [line for line in finished.stdout.splitlines() if line.startswith("None")]


def test_help_tells_bounds_units_and_defaults(command: Command) -> None:
    text = " ".join(command("train", "--help").stdout.split())
    for knob in knobs(Config):
        assert f"--{knob.name} {' '.join(knob.help.split())}" in text
        assert knob.allowed[1:] in text
    assert "--batch_size Reals, and as many fakes, in each update." in text
    assert "A whole number of images from 1 to 65,536. Default 64." in text


@pytest.mark.parametrize("flags", [["--help"], ["--steps=0"], ["--dry_run"]])
def test_answers_without_tensorflow(flags: list[str], tmp_path: Path) -> None:
    program = (
        "import runpy, sys\n"
        f"sys.argv = ['gan_tf.train', *{flags}]\n"
        "try:\n"
        "    runpy.run_module('gan_tf.train', run_name='__main__')\n"
        "finally:\n"
        "    loaded = {'tensorflow', 'keras', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "    print('loaded:', sorted(loaded))\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert finished.stdout.endswith("loaded: []\n")


def test_dry_run_prints_the_resolved_configuration(command: Command, tmp_path: Path) -> None:
    finished = command("train", "--arch=mlp", "--steps=7", "--dry_run")
    values = json.loads(finished.stdout)
    assert list(values) == [*(knob.name for knob in knobs(Config)), "follows"]
    assert (values["arch"], values["steps"], values["run_dir"]) == ("mlp", 7, "runs/mlp-mnist")
    assert values["precision"] in ("float32", "bfloat16")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("capability", "precision"), [("9.0", "bfloat16"), ("7.5", "float32")])
def test_auto_precision_asks_the_gpu_that_tensorflow_can_use(
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capability: str,
    precision: str,
) -> None:
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\necho {capability}\n")
    tool.chmod(0o755)
    (tmp_path / "nvidia").mkdir()  # Where pip puts CUDA's libraries.
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    assert json.loads(command("train", "--dry_run").stdout)["precision"] == precision


def test_auto_precision_is_the_one_in_which_this_machine_is_fast(command: Command) -> None:
    """Instructions for bfloat16 are not always a gain: measured, not read from the processor."""
    best = {"float32": math.inf, "bfloat16": math.inf}
    for _ in range(8):
        for precision in best:
            values = tf.ones((1024, 1024), precision)
            begin = time.perf_counter()
            tf.linalg.matmul(values, values)[0, 0].numpy()
            best[precision] = min(best[precision], time.perf_counter() - begin)
    chosen = json.loads(command("train", "--dry_run").stdout)["precision"]
    assert best[chosen] < 1.2 * min(best.values()), best


def test_flag_files_and_later_flags(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.flags").write_text("# A comment.\n--arch=mlp\n--steps=5\n--seed=3\n")
    values = json.loads(command("train", "--flagfile=mine.flags", "--steps=9", "--dry_run").stdout)
    assert (values["arch"], values["steps"], values["seed"]) == ("mlp", 9, 3)


@pytest.mark.parametrize("path", sorted(Path("flags").glob("*.flags")), ids=lambda p: p.stem)
def test_every_preset_parses(command: Command, path: Path) -> None:
    assert path.read_text().startswith("# ")
    finished = command("train", f"--flagfile={path.resolve()}", "--dry_run")
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.parametrize(
    ("flags", "steps", "epochs"),
    [
        (["--preset=steps", "--epochs=3"], None, 3),
        (["--epochs=3", "--preset=steps"], 70, 3),
        (["--epochs=3", "--steps=9"], 9, 3),
        (["--steps=9", "--epochs=3"], None, 3),
        (["-steps", "9", "-epochs", "3"], None, 3),
    ],
)
def test_of_steps_and_epochs_the_last_one_counts(
    tmp_path: Path, flags: list[str], steps: int | None, epochs: int
) -> None:
    """A preset that sets one of them can be lengthened by the other."""
    (tmp_path / "steps.flags").write_text("--steps=70\n")
    given = [f"--flagfile={tmp_path / 'steps.flags'}" if "preset" in f else f for f in flags]
    options = command_line.parse(train.Options, given)
    assert (options.steps, options.epochs) == (steps, epochs)


@pytest.mark.parametrize(
    ("much", "said"),
    [
        (lambda: np.ones(2**55), "Unable to allocate .*"),
        (lambda: tf.zeros([2**23, 2**23]), r"OOM when allocating tensor with shape\[8388608,.*"),
    ],
    ids=["numpy", "tensorflow"],
)
def test_too_little_memory_is_one_line(
    much: Callable[[], Any],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """TensorFlow says the same on a GPU."""
    monkeypatch.setattr(sys, "argv", ["sample"])
    assert command_line.run(lambda _: str(much().shape), sample.Options, "") == 1
    line = capsys.readouterr().err
    assert re.fullmatch(rf".*: not enough memory: {said}; .*--num or --batch_size\n", line)
    assert len(line) < 200
