"""What the tests share: the commands as a user runs them, and MNIST, prepared once."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gan_tf.data.dataset import open_dataset
from gan_tf.host import archive, files
from gan_tf.serving.formats import CONVERTERS
from gan_tf.training import resume

from .processes import ROOT, Finished, run_warm, start
from .scenes import TRAINED, dataset_of

__all__ = ["dataset_of"]  # Other tests take it from here.

Command = Callable[..., Finished]
Once = Callable[[str, Callable[[Path], object]], Path]

MNIST_SHAPE = (28, 28, 1)
TIMINGS = ("seconds", "images_per_second", "evaluation_seconds", "waited", "waited_least")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`./scripts/test --release` runs what only a release waits for, too."""
    parser.addoption("--release", action="store_true", help="also run what stands for little new")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the tests marked `release`, unless they are asked for."""
    if not config.getoption("--release"):
        left_out = [item for item in items if item.get_closest_marker("release")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Gives a directory that one of the workers fills for all of them."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def made(name: str, make: Callable[[Path], object]) -> Path:
        place, done = root / "shared" / name, root / "shared" / f"{name}.done"
        with files.locked(root / "shared" / f"{name}.lock", f"makes {name}"):
            if not done.exists():
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir()
                make(place)
                done.touch()
        return place

    return made


@pytest.fixture(scope="session")
def home(once: Once) -> Path:
    """A home directory with MNIST prepared where its first use prepares it."""
    return once("home", lambda place: open_dataset("mnist", place / "tensorflow_datasets"))


@pytest.fixture(scope="session")
def data_dir(home: Path) -> Path:
    """Where TFDS keeps datasets in that home; MNIST is there."""
    return home / "tensorflow_datasets"


@pytest.fixture
def command(tmp_path: Path, home: Path) -> Command:
    """Runs `python -m gan_tf.<module> flags...` in an empty directory, to its end."""

    def run(module: str, *flags: str, timeout: float = 300.0) -> Finished:
        return run_warm(module, *flags, cwd=tmp_path, home=home, timeout=timeout)

    return run


@pytest.fixture(scope="session")
def trained(once: Once, home: Path) -> Path:
    """The run directory of a short DCGAN run on real MNIST."""

    def make(place: Path) -> None:
        flags = ("--arch=dcgan", f"--run_dir={place / 'run'}", "--steps=150", *TRAINED)
        process = start("train", *flags, cwd=place, home=home)
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        (place / "run" / "stdout.txt").write_text(output)
        (place / "run" / "stderr.txt").write_text(errors)

    return once("trained", make) / "run"


@pytest.fixture(scope="session")
def conditional(once: Once, home: Path) -> Path:
    """The run directory of a very short run of dense networks that know MNIST's ten classes."""

    def make(place: Path) -> None:
        flags = ("--arch=mlp", "--conditional=concat", "--steps=20", "--batch_size=16")
        more = ("--evaluate_every=0", f"--run_dir={place / 'run'}")
        finished = run_warm("train", *flags, *more, cwd=place, home=home, timeout=300)
        assert finished.returncode == 0, finished.stderr
        (place / "run" / "stdout.txt").write_text(finished.stdout)

    return once("conditional", make) / "run"


@pytest.fixture(scope="session")
def converted(once: Once, home: Path, trained: Path) -> Path:
    """An export of that run in every format."""

    def make(place: Path) -> None:
        flags = [f"--run_dir={trained}", *(f"--{name}" for name in CONVERTERS)]
        process = start("export", *flags, f"--output={place}", cwd=place, home=home)
        output, errors = process.communicate(timeout=300)
        assert (process.returncode, output) == (0, f"{place / '1'}\n"), errors

    return once("converted", make) / "1"


@pytest.fixture(scope="session")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C program, compiled against the wheel's own library."""
    program, library = tmp_path_factory.mktemp("c") / "replay", Path(tf.__file__).parent
    command = ["gcc", "-Wall", "-Werror", "-o", program, ROOT / "tests" / "replay.c"]
    command += [f"-I{library / 'include'}", f"-L{library}", f"-Wl,-rpath,{library}"]
    command += ["-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"]
    subprocess.run(list(map(str, command)), check=True)
    return program


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
