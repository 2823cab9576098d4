"""What a run directory tells of its run, for a report: of a whole one, or of what is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_tf.config.data import IN_MEMORY
from gan_tf.host import files
from gan_tf.host.errors import InputError
from gan_tf.report.account import Account, Attempt
from gan_tf.training import grids, scores, words
from gan_tf.training.metrics import Line, best, readable
from gan_tf.training.metrics import words as said_of

Values = dict[str, Any]

_OF_A_RUN = ("config.json", "metrics.jsonl", "result.json", "samples", "checkpoints", "export")


def read(directory: Path) -> Account:
    """Returns what is known of the run in a directory; InputError if it is no run directory.

    What is missing, damaged or of another version is left out, and said in `missing`. Nothing
    here needs TensorFlow.
    """
    if not any((directory / name).exists() for name in _OF_A_RUN):
        raise InputError(
            f"--run_dirs={directory}: must be a run directory; it holds nothing of a run"
        )
    missing: list[str] = []
    content = _read(directory / "config.json", missing)
    config, data = _values(content, "config"), _values(content, "data")
    result: Values = {}
    if (directory / "result.json").exists():
        result = _read(directory / "result.json", missing)
    lines = _lines(directory / "metrics.jsonl", missing)
    attempts = _attempts(directory, lines, result)
    if not any(each.frames for each in attempts):
        missing.append("samples: no grid of samples is left")
    exported = _exported(directory)
    evaluated = scores.newest(directory, exported)
    chosen = _best(lines, result)
    figures, judged = scores.figures(evaluated, chosen, result)
    return Account(
        name=directory.resolve().name,
        about=_about(config, data),
        state=_state(directory, result),
        ended=tuple(_ended(result, lines, chosen)),
        missing=tuple(missing),
        networks=tuple(_networks(config, result)),
        rules=tuple(words.rules(config)),
        versions=tuple(_versions(content, exported)),
        licence=str(data.get("licence", "")),
        classes=_classes(config, data),
        private=bool(config.get("images")),
        command=words.command(config, directory) if config else "",
        flags=_flags(config, data),
        given=words.given(config),
        attempts=attempts,
        best=chosen,
        figures=figures,
        judged=judged,
        evaluated=bool(evaluated),
        grid=_shape(config, data),
        latents=(
            *(str(config.get(name)) for name in ("latents", "latent_dim", "seed")),
            str(len(attempts)),  # Each has a seed of its own.
        ),
    )


def _lines(path: Path, missing: list[str]) -> list[Line]:
    """The lines of metrics that can be read; what cannot is noted."""
    try:
        lines, wrong = readable(path)
    except OSError as error:
        lines, wrong = [], f"{path.name}: {error.strerror or error}"
    if wrong:
        missing.append(f"{wrong}; it and what follows are left out")
    elif not lines:
        missing.append(f"{path.name}: holds no line")
    return lines


def _read(path: Path, missing: list[str]) -> Values:
    """The object that a JSON file holds; empty if there is none, which is noted."""
    try:
        content = files.parse_json(path.read_bytes())
    except OSError as error:
        missing.append(f"{path.name}: {error.strerror or error}")
    except ValueError:
        missing.append(f"{path.name}: is not JSON; it was truncated or altered")
    else:
        if isinstance(content, dict):
            return content
        missing.append(f"{path.name}: holds no object; it was altered")
    return {}


def _values(content: Mapping[str, Any], name: str) -> Values:
    found = content.get(name)
    return found if isinstance(found, dict) else {}


def _attempts(directory: Path, lines: Sequence[Line], result: Values) -> list[Attempt]:
    """The attempts that anything is left of: those given up, then the one that the run is in."""
    records = {}
    for path in directory.glob("attempts/*/attempt.json"):
        if path.parent.name.isdecimal():
            records[int(path.parent.name)] = _read(path, [])
    last = max([0, *records]) + 1
    ended = result.get("attempts")
    if result.get("failed") and isinstance(ended, list) and ended and isinstance(ended[-1], dict):
        records[last] = ended[-1]
    found = []
    for number in sorted({last, *records}):
        place = directory if number == last else directory / "attempts" / str(number)
        mine = [line for line in lines if line["attempt"] == number]
        found.append(Attempt(number, mine, grids.found(place), records.get(number)))
    return found


def _state(directory: Path, result: Values) -> str:
    if result:
        return "failed" if result.get("failed") else "finished"
    return "under way" if goes_on(directory) else "stopped"


def goes_on(directory: Path) -> bool:
    """Whether a process trains in a directory now."""
    return files.is_locked(directory / "run.lock")


def _about(config: Values, data: Values) -> str:
    name = data.get("name") or config.get("dataset") or config.get("images")
    if not config or not name:
        return ""
    shape = data.get("image_shape")
    size = f", images of {'x'.join(map(str, shape))}" if isinstance(shape, list) else ""
    return f"{config.get('arch')} on {name}{size}"


def _flags(config: Values, data: Values) -> dict[str, str]:
    """What the flags say. Arrays in memory have no path, and are told apart by their digest."""
    flags = words.flags(config)
    if config.get("images") == IN_MEMORY:
        flags["images"] = f"{flags['images']} {str(data.get('digest', ''))[:12]}"
    return flags


def _classes(config: Values, data: Values) -> list[str]:
    found = data.get("classes")
    asked = config.get("conditional", "none") != "none" and isinstance(found, dict)
    return list(found or {}) if asked else []


def _shape(config: Values, data: Values) -> tuple[int, int] | None:
    shape = data.get("image_shape", [28, 28, 1] if config.get("dataset") == "mnist" else None)
    if isinstance(shape, list) and len(shape) == 3 and all(type(n) is int for n in shape):
        return shape[0], shape[1]
    return None


def _best(lines: Sequence[Line], result: Values) -> Line | None:
    """The line of the generator that a run that ended has named its best, and exported; the best
    until now of one that has not."""
    if "best" not in result:
        return best(lines)
    named = result["best"]
    when = [named.get(each) for each in ("attempt", "step")] if isinstance(named, dict) else None
    return next((line for line in lines if [line["attempt"], line["step"]] == when), None)


def _ended(result: Values, lines: Sequence[Line], chosen: Line | None) -> Iterator[str]:
    """Yields how the run went, a sentence each."""
    steps, seconds, batch = (
        scores.number(result, key) for key in ("steps", "seconds", "batch_size")
    )
    if steps and seconds and batch:
        speed = steps * batch / seconds
        yield f"{steps:,.0f} steps in {words.duration(seconds)}, {speed:,.0f} images a second."
    elif lines:
        yield f"{lines[-1]['step']:,} steps so far, in {words.duration(lines[-1]['seconds'])}."
    accuracy, held_out = (
        scores.number(result, key) for key in ("discriminator_accuracy", "held_out")
    )
    if accuracy is not None and held_out and result.get("in_pairs"):
        yield (
            f"D puts {100 * accuracy:.1f} % of {held_out:,.0f} held-out images above a fresh fake; "
            "at chance it is 50 %."
        )
    elif accuracy is not None and held_out:
        yield (
            f"D classifies {100 * accuracy:.1f} % of {held_out:,.0f} held-out images and as many "
            "fresh fakes correctly; at chance it is 50 %."
        )
    if chosen:
        yield (
            f"The best generator is that of step {chosen['step']:,}, attempt {chosen['attempt']}: "
            f"{said_of(chosen)}."
        )
    if result.get("stopped"):
        yield f"{str(result['stopped']).capitalize()}."
    if result.get("health"):
        yield f"Health at its end: {result['health']}."


def _networks(config: Values, result: Values) -> Iterator[tuple[str, str]]:
    """Yields what the networks are, and how large."""
    if arch := config.get("arch"):
        width = f", width {config['width']}" if config.get("width") else ""
        yield "Architecture", f"{arch}{width}"
    parameters = _values(result, "parameters")
    for player in ("generator", "discriminator"):
        if number := scores.number(parameters, player):
            yield player.capitalize(), f"{number:,} parameters"


def _versions(content: Values, exported: Values) -> Iterator[tuple[str, str]]:
    for name in ("gan_tf", "tensorflow", "keras"):
        if version := content.get(name) or exported.get(name):
            yield name, str(version)


def _exported(directory: Path) -> Values:
    """The description of the newest export; empty without one."""
    versions = sorted(
        (path for path in directory.glob("export/*") if path.name.isdecimal()),
        key=lambda path: int(path.name),
    )
    return _read(versions[-1] / "assets.extra" / "gan_tf.json", []) if versions else {}
