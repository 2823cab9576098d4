"""The run directory: what lies where, and whether a run may go on in it.

<run_dir>/
    config.json            the configuration, written before training starts
    run.lock               held while a process trains here
    checkpoints/step-N.npz what resumes the run
    best.npz               the same, of the generator with the least Fréchet distance
    metrics.jsonl          a line of metrics every --log_every and --evaluate_every steps
    tensorboard/           the same for TensorBoard
    samples/step-N.png     the same latents at a cadence, by the averaged generator
    samples.gif            their evolution
    curves.png             losses, D(x), D(G(z)) and Fréchet distance over the steps
    export/<version>/      SavedModels
    attempts/<n>/          what an attempt that was given up has left, and why
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gan_tf import __version__, files
from gan_tf.config import Config
from gan_tf.errors import InputError
from gan_tf.knobs import knobs

BEST = "best.npz"
_FORMAT = 2
_GRIDS = 100


def read_values(directory: Path) -> Any:
    """Returns the configuration of the run in `directory` as it is written; InputError if there is
    none. The networks may be those of another program."""
    path = directory / "config.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise InputError(f"{directory}: must be a run directory; it has no config.json") from None
    except ValueError:
        raise InputError(f"{path}: is not JSON; it was truncated or altered") from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise InputError(
            f"{path}: was not written by this version of gan_tf ({__version__}); use the one that "
            "wrote it, or another --run_dir"
        )
    return content.get("config")


def read_config(directory: Path) -> Config:
    """Returns the configuration of the run in `directory`; InputError if there is none."""
    return Config.from_json(read_values(directory), str(directory / "config.json"))


def with_its_precision(directory: Path, config: Config) -> Config:
    """Returns the configuration with `--precision=auto` meaning what the run began with, so
    that another processor does not make another run of it."""
    if config.precision == "auto" and (directory / "config.json").exists():
        return dataclasses.replace(config, precision=read_config(directory).precision)
    return config


def check(directory: Path, config: Config) -> None:
    """Raises InputError if the run of `config` cannot begin or go on in `directory`."""
    files.tensorflow_path("run_dir", str(directory))
    for parent in [directory, *directory.parents]:
        if parent.exists() and not parent.is_dir():
            raise InputError(f"--run_dir={directory}: {parent} is a file, not a directory")
    if not (directory / "config.json").exists():
        others = list(directory.iterdir()) if directory.exists() else []
        if any(path.name != "run.lock" and not files.is_leftover(path) for path in others):
            raise InputError(
                f"--run_dir={directory}: must be new, empty or a run's own; it holds other files"
            )
        return
    before = read_config(directory).to_json()
    patterns = ("checkpoints/step-*.npz", BEST, "attempts/*/attempt.json")
    if not any(path for pattern in patterns for path in directory.glob(pattern)):
        return  # Nothing came of it: a run that failed at once may begin again, otherwise.
    now = config.to_json()
    differing = [
        f"--{knob.name} was {before[knob.name]} and is now {now[knob.name]}"
        for knob in knobs(Config)
        if not knob.resumable and before[knob.name] != now[knob.name]
    ]
    if differing:
        raise InputError(
            f"--run_dir={directory} holds another run: {', '.join(differing)}; "
            "choose another --run_dir, or the same values to resume"
        )


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Holds the run directory for this process; InputError if another is training in it."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.locked(directory / "run.lock"))
        except BlockingIOError:
            raise InputError(f"--run_dir={directory}: another process is training in it") from None
        for place in ("checkpoints", "samples", "attempts/*"):
            for each in directory.glob(place):
                files.remove_leftovers(each)
        files.remove_leftovers(directory)
        yield


def write_config(directory: Path, config: Config) -> None:
    """Records the configuration of the run that begins or goes on in `directory`."""
    content = {"format": _FORMAT, "gan_tf": __version__, "config": config.to_json()}
    files.write_text(directory / "config.json", json.dumps(content, indent=2) + "\n")


def grid(directory: Path, step: int) -> Path:
    """Returns where the grid of samples of a step lies."""
    return directory / "samples" / f"step-{step:08d}.png"


def grids(directory: Path) -> dict[int, Path]:
    """Returns {step: path} of the grids of samples, oldest first."""
    return files.by_step(directory / "samples", ".png")


def thin_grids(directory: Path, every: int, step: int) -> None:
    """Keeps the grids of a run of any length bounded in number, and evenly spread.

    Their spacing doubles whenever there would be more than `_GRIDS`. What is kept at a step
    depends on nothing but the step, so a resumed run keeps the same.
    """
    spacing = every
    while step // spacing > _GRIDS:
        spacing *= 2
    for found, path in grids(directory).items():
        if found % spacing and found != step:
            path.unlink(missing_ok=True)


def attempts_given_up(directory: Path) -> list[dict[str, Any]]:
    """Returns what `give_up` recorded of each attempt that was given up, in their order."""
    found: dict[int, dict[str, Any]] = {}
    for path in directory.glob("attempts/*/attempt.json"):
        try:
            found[int(path.parent.name)] = dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            raise InputError(f"{path}: was truncated or altered") from None
    return [found[number] for number in sorted(found)]


def give_up(directory: Path, attempt: int, record: dict[str, Any]) -> None:
    """Moves an attempt's checkpoints and samples aside, so that the next one can begin.

    The record is written last: cut short before it, the attempt is made again from its first
    step, with the same result.
    """
    place = directory / "attempts" / str(attempt + 1)
    for name in ("samples", "checkpoints"):
        (place / name).mkdir(parents=True, exist_ok=True)
        for path in sorted((directory / name).glob("step-*")):
            path.replace(place / name / path.name)
    files.write_text(place / "attempt.json", json.dumps(record, indent=2) + "\n")
