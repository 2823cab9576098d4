"""What two runs that should be equal differ in, and what of a run is not whole."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from etils import epy
from PIL import Image

from gan_tf.host import archive

with epy.lazy_imports():  # So that TensorFlow starts in its own quiet way.
    from gan_tf.serving import servable
    from gan_tf.training import exports, metrics, resume, run_directory

_TIMINGS = {"seconds", "images_per_second", "evaluation_seconds", "waited", "waited_least"}


def damages(run: Path) -> list[Path]:
    """The files, among those that a reader sees, that are not whole."""
    found = []
    checks: dict[str, Callable[[Path], object]] = {
        f"{run_directory.CHECKPOINTS}/step-*.npz": archive.load,
        run_directory.BEST: archive.load,
        "**/*.png": lambda path: Image.open(path).verify(),
        "config.json": lambda path: run_directory.read(path.parent),
        "metrics.jsonl": metrics.read_metrics,
        "result.json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    }
    for pattern, check in checks.items():
        for path in run.glob(pattern):
            try:
                check(path)
            except (ValueError, OSError, SyntaxError):
                found += [path] * path.exists()  # Or it was removed just now, which is its right.
    for version in (run / "export").glob("[0-9]*"):
        needed = ("saved_model.pb", "variables/variables.index", "assets.extra/gan_tf.json")
        found += [version / name for name in needed if not (version / name).is_file()]
    return found


def differences(whole: Path, parts: Path) -> dict[str, int]:
    """How much of two runs that should be equal is not."""
    tensors = 0
    kept = resume.paths(whole / run_directory.CHECKPOINTS)
    for path in (Path(run_directory.CHECKPOINTS) / kept[max(kept)].name, Path(run_directory.BEST)):
        one, other = archive.load(whole / path), archive.load(parts / path)
        tensors += len(one.keys() ^ other.keys())
        tensors += sum(
            one[name].tobytes() != other[name].tobytes()
            for name in one.keys() & other.keys() - {"timing/seconds"}
        )
    lines = [
        [
            {key: value for key, value in line.items() if key not in _TIMINGS}
            for line in metrics.read_metrics(run / "metrics.jsonl")
        ]
        for run in (whole, parts)
    ]
    pictures = [
        {path.name: path.read_bytes() for path in run.glob("samples/*")} for run in (whole, parts)
    ]
    return {
        "differing tensors": tensors,
        "differing metrics lines": sum(a != b for a, b in itertools.zip_longest(*lines)),
        "differing pictures and samples": len(dict(pictures[0].items() ^ pictures[1].items()))
        + int(not np.array_equal(samples(whole), samples(parts))),
    }


def samples(run: Path) -> npt.NDArray[np.uint8]:
    """Images of the run's export."""
    return servable.load(exports.find(str(run), None)).sample(64, seed=0)
