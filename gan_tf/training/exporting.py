"""From a run directory's checkpoint to the SavedModel; the one way to export."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from gan_tf import __version__
from gan_tf.data.pixels import meaning
from gan_tf.host import archive, building, files
from gan_tf.host.errors import InputError
from gan_tf.models import PRETRAINED, networks
from gan_tf.serving import described, servable
from gan_tf.training import card, resume, run_directory, words
from gan_tf.training.metrics import Line, best, is_judged, read_metrics
from gan_tf.training.run_directory import Run

_FIGURE = "frechet_distance"  # Every evaluation has it.
# Paths of this machine, which mean nothing elsewhere.
_PLACES = ("data_dir", "images", "init_from", "manual_dir", "run_dir")


def find_checkpoint(run_dir: Path, which: str) -> Path:
    """Returns one of a run's checkpoints.

    Args:
      run_dir: the run directory.
      which: `best` for the best evaluation (the newest, if nothing was evaluated),
        `last` for the newest sound one, or the step of one that is kept.

    Raises:
      InputError: there is no such checkpoint.
    """
    directory = run_dir / run_directory.CHECKPOINTS
    kept = resume.paths(directory)
    if which == "best":
        kept_best = run_dir / run_directory.BEST
        line = best(read_metrics(run_dir / "metrics.jsonl"))
        wanted, best_is_of = (line["attempt"], line["step"]) if line else None, None
        # Where nothing is evaluated and no line has a best, it is of a start that was given up.
        if kept_best.exists() and (wanted or run_directory.read(run_dir).config.evaluate_every):
            try:
                best_is_of = _when(kept_best)
            except InputError as error:
                print(f"warning: {error}; taking a checkpoint instead", file=sys.stderr)
        # It may be that of an attempt's end alone, of which the checkpoint is all there is.
        if wanted and best_is_of != wanted:
            ends = [directory, run_dir / "attempts" / str(wanted[0]) / run_directory.CHECKPOINTS]
            for path in filter(None, (resume.paths(each).get(wanted[1]) for each in ends)):
                with contextlib.suppress(InputError):
                    if _when(path) == wanted:
                        return path
        if best_is_of:
            _warn(run_dir, wanted, best_is_of)
            return kept_best
    if which in ("best", "last"):
        newest = resume.load_newest(directory)
        if newest is None:
            raise InputError(f"{run_dir}: holds no checkpoint yet; train it first")
        if which == "best":
            _warn(run_dir, wanted, (resume.attempt_of(newest), int(newest[resume.STEP])))
        return kept[int(newest[resume.STEP])]
    if int(which) not in kept:
        steps = ", ".join(map(str, kept)) or "none"
        raise InputError(f"{run_dir}: has no checkpoint of step {which}; it has {steps}")
    return kept[int(which)]


def _warn(run_dir: Path, wanted: tuple[int, int] | None, taken: tuple[int, int]) -> None:
    """Says so if the best generator that is left is not the best that the run has had."""
    if wanted and wanted != taken:
        was, left = (f"step {step:,} (attempt {attempt})" for attempt, step in (wanted, taken))
        said = f"the best generator was that of {was}, which is not kept; taking that of {left}"
        print(f"warning: {run_dir}: {said}", file=sys.stderr)


def _when(checkpoint: Path) -> tuple[int, int]:
    """The attempt and the step of a checkpoint; InputError if it is damaged."""
    return resume.when(archive.load(checkpoint))


@dataclass(frozen=True)
class Trained:
    """What of a checkpoint is worth exporting.

    Attributes:
      generator: the averaged generator.
      discriminator: the discriminator as it was then.
      step, attempt: when that was.
      digest: SHA-256 of the checkpoint, hexadecimal.
    """

    generator: keras.Model
    discriminator: keras.Model
    step: int
    attempt: int
    digest: str


def load_networks(run: Run, path: Path, precision: str = "float32") -> Trained:
    """Returns a checkpoint's networks.

    Args:
      run: what the run's config.json says.
      path: the checkpoint.
      precision: what they compute in, `float32` or `bfloat16`.

    Raises:
      InputError: the checkpoint is damaged, or of other networks than the configuration's.
    """
    arrays, digest = archive.load_digested(path)
    config, shape = run.config, run.data.image_shape
    architecture = networks(config.arch, config.width, config.conditional, len(run.data.classes))
    with building.computing_in(precision), building.drawing_from(0):
        generator = architecture.generator(config.latent_dim, shape)
        discriminator = architecture.discriminator(shape)
    for group, network in (("ema_generator", generator), ("discriminator", discriminator)):
        # The optimiser's variables follow those of the network.
        names = [f"{group}/{index:03d}" for index in range(len(network.variables))]
        found = [arrays[name] for name in names if name in arrays]
        if [array.shape for array in found] != [tuple(v.shape) for v in network.variables]:
            raise InputError(f"{path}: holds another network than config.json says")
        for variable, array in zip(network.variables, found, strict=True):
            variable.assign(array)
    attempt = resume.attempt_of(arrays)
    return Trained(generator, discriminator, int(arrays[resume.STEP]), attempt, digest)


def export(
    run_dir: Path,
    checkpoint: Path,
    directory: Path,
    *,
    precision: str = "float32",
    formats: Sequence[str] = (),
) -> Path:
    """Exports a checkpoint's networks as the next version below `directory`."""
    run = run_directory.read(run_dir)
    config, data = run.config, run.data
    trained = load_networks(run, checkpoint, precision)
    step, attempt = trained.step, trained.attempt
    metrics = _lines_of(run_dir, attempt, step)
    values = config.of_attempt(attempt).to_json()
    given = {place: values.pop(place) for place in _PLACES}
    # Without these two the command would train something else, so a word stands for the path.
    words_for = {"images": "IMAGES", "init_from": "MODEL"}
    named = {name: word for name, word in words_for.items() if given[name]}
    if given["init_from"] in PRETRAINED:
        named["init_from"] = given["init_from"]
    metadata = {
        "latents": config.latents,
        "latent_codes": config.latent_codes,
        "latent_dim": config.latent_dim,
        "image_shape": list(data.image_shape),
        "pixels": meaning(data.image_shape[2]),
        "precision": precision,
        "dataset": data.name,
        "digest": data.digest,
        "imported": bool(config.images),
        "licence": data.licence,
        "step": step,
        "attempt": attempt,
        "checkpoint": trained.digest,
        "metrics": metrics[0] if metrics else {},
        "classifier": card.judge(run, metrics),
        "config": values,
        **({"classes": dict(data.classes)} if data.classes else {}),
        "gan_tf": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    endpoints = described.endpoints(trained.generator, trained.discriminator, metadata)
    players = {"generator": trained.generator, "discriminator": trained.discriminator}
    said = card.text(metadata, words.command(values | named))
    return servable.export(endpoints, players, metadata, directory, formats, said)


def export_best(run_dir: Path) -> Path:
    """Exports a run's best generator below its own directory, unless a sound version of it is
    there already; returns that version.

    Commands and servers take the newest version, so that must be it where a run comes to its end;
    one that has ended, and has a result, is only said again, and what was exported since stays.
    """
    directory, newest = run_dir / "export", not (run_dir / "result.json").exists()
    if line := best(read_metrics(run_dir / "metrics.jsonl")):
        # best.npz may have been removed since; the best is known by its line all the same.
        state = line["attempt"], line["step"]
        is_kept = newest and _is_of(run_dir / run_directory.BEST, state)
        if found := _version_of(run_dir, *state, line, newest=is_kept):
            return found
    when = _when(checkpoint := find_checkpoint(run_dir, "best"))
    lines = [line for line in _lines_of(run_dir, *when) if is_judged(line)]
    found = _version_of(run_dir, *when, next(iter(lines), {}), newest)
    return found or export(run_dir, checkpoint, directory)


def _is_of(checkpoint: Path, state: tuple[int, int]) -> bool:
    """Whether a checkpoint is there, sound, and of this attempt and step."""
    with contextlib.suppress(InputError):
        return _when(checkpoint) == state
    return False


def _lines_of(run_dir: Path, attempt: int, step: int) -> list[Line]:
    lines = read_metrics(run_dir / "metrics.jsonl")
    return [line for line in lines if (line["attempt"], line["step"]) == (attempt, step)]


def _said(run_dir: Path) -> str | None:
    """The version that a run that has ended says it exported."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        return Path(files.parse_json((run_dir / "result.json").read_bytes())["export"]).name
    return None


def _version_of(run_dir: Path, attempt: int, step: int, judged: Line, newest: bool) -> Path | None:
    """The oldest sound float32 version of a state, with the figures of its line if it was judged,
    or the one that the run's result names; None if the newest version must be of this state, in
    whatever precision, and is not."""
    found, named = None, _said(run_dir)
    for version in servable.versions(run_dir / "export"):
        is_it = False
        with contextlib.suppress(InputError):  # It is damaged; another one is sound, or will be.
            about = servable.read_metadata(version)
            # Version 0.1.0 counted attempts from 0.
            number = about.get("attempt", 0) + (str(about.get("gan_tf")).startswith("0.1."))
            said = about.get("metrics", {})
            # A step that was made again, elsewhere, may have made another generator.
            is_same = not judged or said.get(_FIGURE) == judged[_FIGURE]
            is_it = is_same and (number, about.get("step")) == (attempt, step)
            wanted = not found or version.name == named
            if is_it and wanted and about.get("precision") == "float32":
                found = servable.load(version).path
        if newest and not is_it:
            found = None
    return found
