"""What the tests share: the commands as a user runs them, and MNIST, prepared once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_tf.data.dataset import open_dataset
from gan_tf.host import archive
from gan_tf.training import resume

from .processes import Finished, run_warm, start
from .scenes import TRAINED, dataset_of

__all__ = ["dataset_of"]  # Other tests take it from here.

Command = Callable[..., Finished]

MNIST_SHAPE = (28, 28, 1)
TIMINGS = ("seconds", "images_per_second", "evaluation_seconds")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home directory, into which the first use of MNIST prepares it."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def data_dir(home: Path) -> Path:
    """Where TFDS keeps datasets in that home; MNIST is there."""

    directory = home / "tensorflow_datasets"
    open_dataset("mnist", directory)
    return directory


@pytest.fixture
def command(tmp_path: Path, home: Path) -> Command:
    """Runs `python -m gan_tf.<module> flags...` in an empty directory, to its end."""

    def run(module: str, *flags: str, timeout: float = 300.0) -> Finished:
        return run_warm(module, *flags, cwd=tmp_path, home=home, timeout=timeout)

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, home: Path, data_dir: Path) -> Path:
    """The run directory of a short DCGAN run on real MNIST."""
    directory = tmp_path_factory.mktemp("trained") / "run"
    process = start(
        "train",
        "--arch=dcgan",
        f"--run_dir={directory}",
        "--steps=150",
        *TRAINED,
        cwd=directory.parent,
        home=home,
    )
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    (directory / "stdout.txt").write_text(output)
    (directory / "stderr.txt").write_text(errors)
    return directory


def metrics(run_dir: Path) -> list[dict[str, Any]]:
    """The lines of a run's metrics.jsonl."""
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def without_timings(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Metrics lines without what no two runs share."""
    return [{k: v for k, v in line.items() if k not in TIMINGS} for line in lines]


def checkpoint(run_dir: Path, step: int) -> dict[str, np.ndarray]:
    return archive.load(resume.paths(run_dir / "checkpoints")[step])


def assert_same_bits(one: Path, other: Path, step: int) -> None:
    """Two runs have the same state at a step, the same metrics and the same best."""
    mine, theirs = checkpoint(one, step), checkpoint(other, step)
    assert mine.keys() == theirs.keys()
    for name, array in mine.items():
        if name != "timing/seconds":
            np.testing.assert_array_equal(array, theirs[name], err_msg=name)
    assert without_timings(metrics(one)) == without_timings(metrics(other))
    assert (one / "best.npz").exists() == (other / "best.npz").exists()
    if (one / "best.npz").exists():
        bests = [archive.load(run / "best.npz") for run in (one, other)]
        assert bests[0].keys() == bests[1].keys()
        for name in bests[0].keys() - {"timing/seconds"}:
            np.testing.assert_array_equal(bests[0][name], bests[1][name], err_msg=name)


def executed(stdout: str) -> int:
    """How many steps a run says that it made now."""
    match = re.search(r"\(([\d,]+) of them now\)", stdout)
    assert match, stdout
    return int(match[1].replace(",", ""))


def numbers(lines: list[dict[str, Any]]) -> list[float]:
    """Every number in metrics lines."""
    return [value for line in lines for value in line.values() if not isinstance(value, str)]


def one_line(finished: Finished, status: int = 2) -> str:
    """Asserts that a command ended with a status and one line on standard error; returns it."""
    lines = finished.stderr.strip().splitlines()
    assert (finished.returncode, len(lines), finished.stdout) == (status, 1, ""), finished
    assert "Traceback" not in finished.stderr
    return lines[0]


@pytest.fixture(scope="session")
def mnist(data_dir: Path) -> dict[str, np.ndarray]:
    """MNIST's arrays, by the names that `dataset_of` takes."""
    directory = data_dir / "gan_tf" / "mnist"
    return {path.stem.replace("-", "_"): np.load(path) for path in directory.glob("*.npy")}
