"""The run directory: what lies where.

<run_dir>/
    config.json            the configuration and the data's description, written before training
    run.lock               held while a process trains here
    checkpoints/step-N.npz what resumes the run
    best.npz               the same, of the best generator of all evaluations
    best-before.npz        until a checkpoint is made: the best before a better one
    init.npz               with --init_from: the networks that each attempt begins with
    classifier.npz         with --classifier=train: what judges the run
    metrics.jsonl          a line of metrics every --log_every and --evaluate_every steps
    tensorboard/           the same for TensorBoard, and the grids of samples
    samples/step-N.png     the same latents at a cadence, by the averaged generator
    samples.gif            their evolution
    curves.png             losses, D(x), D(G(z)) and Fréchet distance over the steps
    export/<version>/      SavedModels
    attempts/<n>/          what an attempt that was given up has left, and why; the first is 1
    result.json            how the run ended
    report.html            all of it as a page
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from gan_tf import __version__
from gan_tf.config import Config
from gan_tf.data.dataset import Description, describe
from gan_tf.host import files
from gan_tf.host.errors import InputError

BEST, BEFORE, INIT, CHECKPOINTS = "best.npz", "best-before.npz", "init.npz", "checkpoints"
JUDGE = "classifier.npz"
_FILES = {
    *("config.json", "run.lock", BEST, BEFORE, INIT, "metrics.jsonl", "samples.gif", "curves.png"),
    *("result.json", "report.html", JUDGE),
}
_FOLDERS = {CHECKPOINTS, "tensorboard", "samples", "export", "attempts"}
FORMAT = 3  # Of config.json: the number rises when an older reader would misunderstand it.
_READABLE = (2, 3)  # 2 is version 0.1.0's, which knew images of 28x28x1 only.


class Run(NamedTuple):
    """What config.json says.

    Attributes:
      config: the configuration.
      data: what the run was trained on.
    """

    config: Config
    data: Description


def read_content(directory: Path) -> dict[str, Any]:
    """Returns config.json as it is written; InputError if there is none that can be read. The
    networks may be those of another program."""
    path = directory / "config.json"
    try:
        content = files.parse_json(path.read_bytes())
    except OSError:
        raise InputError(f"{directory}: must be a run directory; it has no config.json") from None
    except ValueError:
        raise InputError(f"{path}: is not JSON; it was truncated or altered") from None
    if not isinstance(content, dict) or content.get("format") not in _READABLE:
        raise InputError(
            f"{path}: was not written by a version of gan_tf that this one ({__version__}) knows; "
            "use the one that wrote it, or another --run_dir"
        )
    if not isinstance(content.get("config"), dict):
        raise InputError(f"{path}: must hold the configuration as an object")
    return content


def read(directory: Path) -> Run:
    """Returns what config.json says of the run in `directory`; InputError if there is none.

    A knob that it lacks is newer than the run, and takes the value that means what the run did.
    """
    path, content = directory / "config.json", read_content(directory)
    config = Config.from_json(content.get("config"), str(path))
    if content["format"] == 2:
        return Run(config, describe(str(config.dataset), (28, 28, 1)))
    try:
        values = dict(content["data"])
        height, width, channels = (int(size) for size in values.pop("image_shape"))
        return Run(config, Description(image_shape=(height, width, channels), **values))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InputError(f"{path}: must describe its data; it was altered") from None


def lasting_at(directory: Path, attempt: int, step: int) -> set[str] | None:
    """Returns what of a step lasts, by the cadences of before, if that is where a run went on, or
    came to its end, last; None elsewhere. See `Schedule.lasting`."""
    content = read_content(directory)
    if (content.get("resumed"), content.get("resumed_at")) != (attempt, step):
        return None
    return set(content.get("lasting", ("line", "evaluation", "grid")))


def judged_by(directory: Path) -> str | None:
    """Returns the digest of the classifier of its data's labels that judges a run; None where none
    does, or where config.json is older than its being noted."""
    known = (directory / "config.json").exists()
    return read_content(directory).get("judge") if known else None


def has_ended(directory: Path, attempt: int, step: int) -> bool:
    """Whether a run has come to its end at this step of this attempt, with all that is due there,
    and has not gone on since. Before version 0.3.0 no run said so; it stands at its end then."""
    here = [attempt, step]
    return bool(read_content(directory).get("ended", here) == here)


def note_end(directory: Path, attempt: int | None, step: int | None) -> None:
    """Records where a run has come to its end; None, None if it goes on from there."""
    ended = None if attempt is None else [attempt, step]
    _write_content(directory, read_content(directory) | {"ended": ended})


def note(directory: Path, run: Run) -> None:
    """Records what is said otherwise of a run that has ended in `directory`."""
    _write_content(directory, read_content(directory) | _described(run))


def write(
    directory: Path,
    run: Run,
    resumed: tuple[int, int] | None,
    lasting: Collection[str] = (),
    judge: str | None = None,
) -> None:
    """Records the configuration of the run that begins or goes on in `directory`.

    Args:
      directory: the run directory.
      run: what is trained on what.
      resumed: the attempt that goes on from a checkpoint, and the step; None if one begins.
      lasting: what of that step lasts.
      judge: see `judged_by`.
    """
    attempt, step = resumed or (None, None)
    at: dict[str, Any] = {"resumed": attempt, "resumed_at": step, "lasting": sorted(lasting)}
    at |= {"ended": None, "judge": judge}
    _write_content(directory, at | _described(run))


def _described(run: Run) -> dict[str, Any]:
    about = {"format": FORMAT, "gan_tf": __version__}
    return about | {"data": dataclasses.asdict(run.data), "config": run.config.to_json()}


def _write_content(directory: Path, content: dict[str, Any]) -> None:
    path, text = directory / "config.json", json.dumps(content, indent=2) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        files.write_text(path, text)


def spare(flag: str, path: Path, *, below: str = "") -> None:
    """Raises InputError if what a command is to write at `path`, or `below` it, would take the
    place of what is a run's own; other files may lie in a run directory, a scorecard for example.
    """
    place = path / below
    whole = place.parent.resolve() / place.name  # A link at its end would itself be replaced.
    for directory in whole.parents:
        first, *others = whole.relative_to(directory).parts
        own = first in (_FOLDERS if others else _FILES | _FOLDERS)
        if own and _is_run(directory):
            raise InputError(
                f"--{flag}={path}: belongs to the run in {directory.name}; choose another name"
            )


def _is_run(directory: Path) -> bool:
    """Whether a folder's config.json is a run's, a damaged one's too, and not another program's."""
    path = directory / "config.json"
    if not path.is_file():
        return False
    with contextlib.suppress(OSError, ValueError):
        content = files.parse_json(path.read_bytes())
        return isinstance(content, dict) and "gan_tf" in content
    return True


def attempts_given_up(directory: Path) -> list[dict[str, Any]]:
    """Returns what `give_up` recorded of each attempt that was given up, in their order."""
    found: dict[int, dict[str, Any]] = {}
    for path in directory.glob("attempts/*/attempt.json"):
        try:
            number = int(path.parent.name)
            # Version 0.1.0 counted from 0 in the file; the directory's name is right in both.
            found[number] = files.parse_json(path.read_bytes()) | {"attempt": number}
        except (OSError, ValueError, TypeError):
            raise InputError(f"{path}: was truncated or altered") from None
    return [found[number] for number in sorted(found)]


def failed(directory: Path) -> dict[str, Any] | None:
    """Returns what is on record of the attempt in which a run failed; None if it did not."""
    try:
        content = files.parse_json((directory / "result.json").read_bytes())
        return dict(content["attempts"][-1]) if content.get("failed") else None
    except (OSError, ValueError, AttributeError, LookupError, TypeError):
        return None


def move(path: Path, target: Path) -> None:
    """Moves a file. To another file system, where a part of the directory is a link, it is copied
    first: at `target` it is whole or not at all."""
    try:
        path.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with files.published(target) as temporary:
            shutil.copyfile(path, temporary)
        path.unlink()


def give_up(directory: Path, record: dict[str, Any]) -> None:
    """Moves an attempt's checkpoints and samples aside, so that the next one can begin.

    The record is written last: cut short before it, all is put back (`resume.take_back`), and the
    attempt comes to the same end again.
    """
    place = directory / "attempts" / str(record["attempt"])
    for name in ("samples", CHECKPOINTS):
        (place / name).mkdir(parents=True, exist_ok=True)
        for path in sorted((directory / name).glob("step-*")):
            move(path, place / name / path.name)
    files.write_text(place / "attempt.json", json.dumps(record, indent=2) + "\n")
