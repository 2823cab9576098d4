"""Whether a run may begin or go on in a directory, and what of it a command may leave open."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from gan_tf.config import Config
from gan_tf.config.data import wanted
from gan_tf.config.knobs import Value, knobs
from gan_tf.data.dataset import Dataset, Description
from gan_tf.host import files
from gan_tf.host.errors import InputError
from gan_tf.training.metrics import read_metrics
from gan_tf.training.run_directory import (
    BEST,
    CHECKPOINTS,
    JUDGE,
    attempts_given_up,
    read,
    read_content,
)


def with_what_it_keeps(directory: Path, config: Config) -> Config:
    """Returns the configuration with what it leaves open, such as `--precision=auto`, meaning
    what the run began with, so that another processor, say, does not make another run of it."""
    if not (directory / "config.json").exists() or not _is_begun(directory):
        return config
    before = read(directory).config
    kept = {
        each.name: getattr(before, each.name)
        for each in knobs(Config)
        if each.kept and getattr(config, each.name) == each.default
    }
    if config.steps is None and config.epochs is None:
        kept["steps"] = before.steps
    return dataclasses.replace(config, **kept)


def data_it_began_with(directory: Path, config: Config) -> Description | None:
    """Returns what the run in a directory was trained on; None where there is no run, or one of
    which nothing came and that wanted other images: it begins anew, with those of now."""
    if not (directory / "config.json").exists():
        return None
    before = read(directory)
    is_same = _images(before.config) == _images(config)
    return before.data if is_same or _is_begun(directory) else None


def _images(config: Config) -> tuple[Any, ...]:
    """What of a configuration decides the images."""
    return config.images, config.dataset, wanted(config)


def judge(directory: Path, data: Dataset) -> Path | None:
    """Returns the classifier that a run keeps, if it is of the same images; None without."""
    path = directory / JUDGE
    if not path.exists() or read(directory).data.digest != data.description.digest:
        return None
    return path


def check(directory: Path, config: Config, data: Description | None = None) -> None:
    """Raises InputError if a run cannot begin or go on in `directory`.

    Args:
      directory: the run directory.
      config: the configuration.
      data: what the run trains on, once that is known.
    """
    files.tensorflow_path("run_dir", str(directory))
    for parent in [directory, *directory.parents]:
        if parent.exists() and not parent.is_dir():
            raise InputError(f"--run_dir={directory}: {parent} is a file, not a directory")
        if parent.is_symlink() and not parent.exists():
            raise InputError(f"--run_dir={directory}: {parent} is a link to nothing")
    if not (directory / "config.json").exists():
        others = list(directory.iterdir()) if directory.exists() else []
        if any(path.name in (CHECKPOINTS, BEST, "metrics.jsonl") for path in others):
            raise InputError(
                f"--run_dir={directory}: its config.json is gone, which says what it trains; put "
                "it back, or use another --run_dir"
            )
        if any(path.name != "run.lock" and not files.is_leftover(path) for path in others):
            raise InputError(
                f"--run_dir={directory}: must be new, empty or a run's own; it holds other files"
            )
        return
    before = read(directory)
    if not _has_state(directory):
        if _has_results(directory, before.config.checkpoint_every, read_content(directory)):
            raise InputError(
                f"--run_dir={directory}: its checkpoints are gone, so the run cannot go on, and "
                "would begin anew over its results; put them back, or use another --run_dir"
            )
        if not _is_begun(directory):
            return  # Nothing came of it: a run that failed at once may begin again, otherwise.
    differing = differences(before.config, config)
    if data and data.image_shape != before.data.image_shape:
        shapes = ["x".join(map(str, each.image_shape)) for each in (before.data, data)]
        differing.append(f"the images of {data.name} were {shapes[0]} and are now {shapes[1]}")
    elif data and before.data.digest and data.digest != before.data.digest:
        differing.append(f"{before.data.name} held other images when it began")
    if differing:
        raise InputError(
            f"--run_dir={directory} holds another run: {', '.join(differing)}; "
            "choose another --run_dir, or the same values to resume"
        )


def differences(before: Config, config: Config) -> list[str]:
    """What makes another run of a configuration, in words."""
    was, now = before.to_json(), config.to_json()
    return [
        f"--{knob.name} was {_shown(was[knob.name])} and is now {_shown(now[knob.name])}"
        for knob in knobs(Config)
        if not knob.resumable and was[knob.name] != now[knob.name]
    ]


def _is_begun(directory: Path) -> bool:
    """Whether anything came of a run that a later start must go on with."""
    given_up = any(directory.glob("attempts/*/attempt.json"))
    exported = any(path.name.isdecimal() for path in directory.glob("export/*"))
    return _has_state(directory) or given_up or exported or (directory / BEST).exists()


def _has_state(directory: Path) -> bool:
    """Whether a run has checkpoints, or had some that an attempt takes back."""
    kept = any(directory.glob(f"{CHECKPOINTS}/step-*.npz"))
    return kept or _is_given_up_in_part(directory)


def _shown(value: Value) -> str:
    return "not given" if value is None else str(value)


def _is_given_up_in_part(directory: Path) -> bool:
    """Whether checkpoints were moved into attempts/ and no record yet says why."""
    places = [path.parents[1] for path in directory.glob(f"attempts/*/{CHECKPOINTS}/step-*.npz")]
    return any(not (place / "attempt.json").exists() for place in places)


def _has_results(directory: Path, checkpoint_every: int, content: dict[str, Any]) -> bool:
    """Whether a directory holds what only a run with a checkpoint can have left.

    A run that was killed before its first checkpoint has lines of metrics, and perhaps a best
    state and exports of it; it begins again, and makes the same ones.
    """
    attempt = len(attempts_given_up(directory)) + 1
    if content.get("resumed") == attempt:
        return True  # At another --checkpoint_every, perhaps.
    lines = read_metrics(directory / "metrics.jsonl")
    if any((line["attempt"], line["step"] > checkpoint_every) == (attempt, True) for line in lines):
        return True
    try:
        ended = files.parse_json((directory / "result.json").read_bytes())
    except (OSError, ValueError):
        return False
    return not (isinstance(ended, dict) and ended.get("failed"))
