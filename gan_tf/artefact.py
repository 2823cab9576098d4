"""From a run directory's checkpoint to the SavedModel; the one way to export."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from gan_tf import (
    __version__,
    checkpoints,
    classifier,
    data,
    prepare,
    run_directory,
    servable,
    signatures,
)
from gan_tf.config import Config
from gan_tf.errors import InputError
from gan_tf.files import sha256, tensorflow_path
from gan_tf.latents import LATENTS
from gan_tf.losses import LOSSES
from gan_tf.models import ARCHITECTURES, computing_in
from gan_tf.records import best, read_metrics


def find_checkpoint(run_dir: Path, which: str) -> Path:
    """Returns one of a run's checkpoints.

    Args:
      run_dir: the run directory.
      which: `best` for the least Fréchet distance (the newest, if nothing was evaluated),
        `last` for the newest sound one, or the step of one that is kept.

    Raises:
      InputError: there is no such checkpoint.
    """
    directory = run_dir / "checkpoints"
    kept = checkpoints.paths(directory)
    if which == "best":
        every = run_directory.read_config(run_dir).evaluate_every
        line = best(read_metrics(run_dir / "metrics.jsonl"))
        closing = line is not None and every and line["step"] % every != 0
        if closing and line and line["step"] in kept:
            return kept[line["step"]]  # Evaluated only because the run ended there.
        kept_best = run_dir / run_directory.BEST
        if kept_best.exists():
            try:
                checkpoints.load(kept_best)
            except InputError as error:
                print(f"warning: {error}; taking the newest checkpoint instead", file=sys.stderr)
            else:
                return kept_best
    if which in ("best", "last"):
        newest = checkpoints.load_newest(directory)
        if newest is None:
            raise InputError(f"{run_dir}: holds no checkpoint yet; train it first")
        return kept[newest[0]]
    if int(which) not in kept:
        steps = ", ".join(map(str, kept)) or "none"
        raise InputError(f"{run_dir}: has no checkpoint of step {which}; it has {steps}")
    return kept[int(which)]


@dataclass(frozen=True)
class Trained:
    """What of a checkpoint is worth exporting.

    Attributes:
      generator: the averaged generator.
      discriminator: the discriminator as it was then.
      step, attempt: when that was.
    """

    generator: keras.Model
    discriminator: keras.Model
    step: int
    attempt: int


def load_networks(config: Config, path: Path, precision: str = "float32") -> Trained:
    """Returns a checkpoint's networks.

    Args:
      config: the run's configuration.
      path: the checkpoint.
      precision: what they compute in, `float32` or `bfloat16`.

    Raises:
      InputError: the checkpoint is damaged, or of other networks than the configuration's.
    """
    arrays = checkpoints.load(path)
    architecture = ARCHITECTURES[config.arch]
    with computing_in(precision):
        generator = architecture.generator(config.latent_dim, data.IMAGE_SHAPE)
        discriminator = architecture.discriminator(data.IMAGE_SHAPE)
    for group, network in (("ema_generator", generator), ("discriminator", discriminator)):
        # The optimiser's variables follow those of the network.
        names = [f"{group}/{index:03d}" for index in range(len(network.variables))]
        found = [arrays[name] for name in names if name in arrays]
        if [array.shape for array in found] != [tuple(v.shape) for v in network.variables]:
            raise InputError(f"{path}: holds another network than config.json says")
        for variable, array in zip(network.variables, found, strict=True):
            variable.assign(array)
    step, attempt = int(arrays["step/000"]), int(arrays.get(checkpoints.ATTEMPT, 0))
    return Trained(generator, discriminator, step, attempt)


def export(
    config: Config,
    run_dir: Path,
    checkpoint: Path,
    directory: Path,
    precision: str = "float32",
    formats: Sequence[str] = (),
) -> Path:
    """Exports a checkpoint's networks as the next version below `directory`."""
    trained = load_networks(config, checkpoint, precision)
    step, attempt = trained.step, trained.attempt
    lines = read_metrics(run_dir / "metrics.jsonl")
    metrics = [line for line in lines if (line["attempt"], line["step"]) == (attempt, step)]
    packaged = classifier.PACKAGED.get(config.dataset, "")
    values = config.of_attempt(attempt).to_json()
    for place in ("data_dir", "manual_dir", "run_dir"):
        del values[place]  # Paths of this machine mean nothing elsewhere.
    metadata = {
        "latents": config.latents,
        "latent_dim": config.latent_dim,
        "image_shape": list(data.IMAGE_SHAPE),
        "pixels": "float32 in [-1, 1]; as uint8: round((x + 1) * 127.5)",
        "precision": precision,
        "dataset": config.dataset,
        "licence": prepare.licence(config.dataset),
        "step": step,
        "attempt": attempt,
        "checkpoint": sha256(checkpoint),
        "metrics": metrics[0] if metrics else {},
        "classifier": packaged if config.classifier == "auto" else f"{config.dataset}'s own",
        "config": values,
        "gan_tf": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    endpoints = signatures.signatures(
        trained.generator,
        trained.discriminator,
        LATENTS[config.latents],
        config.latent_dim,
        data.IMAGE_SHAPE,
        LOSSES[config.loss].cross_entropy,
    )
    return servable.export(endpoints, metadata, directory, formats)


def export_best(config: Config, run_dir: Path) -> Path:
    """Exports a run's best generator below its own directory, unless it is there already."""
    checkpoint, directory = find_checkpoint(run_dir, "best"), run_dir / "export"
    exported = servable.versions(directory)
    try:
        if exported:
            metadata = servable.read_metadata(exported[-1])
            found = metadata.get("checkpoint"), metadata.get("precision")
            if found == (sha256(checkpoint), "float32"):
                return servable.load(exported[-1]).path
    except InputError:
        pass  # That version is damaged; it stays, and the next one is sound.
    return export(config, run_dir, checkpoint, directory)


def find(run_dir: str | None, saved_model: str | None) -> Path:
    """Returns the SavedModel that a command is to use: a run's newest export, or as given."""
    if (run_dir is None) == (saved_model is None):
        raise InputError("give either --run_dir=RUN_DIR or --saved_model=RUN_DIR/export/1")
    if saved_model is not None:
        return tensorflow_path("saved_model", saved_model)
    directory = tensorflow_path("run_dir", str(run_dir))
    run_directory.read_values(directory)
    exported = servable.versions(directory / "export")
    if not exported:
        raise InputError(
            f"--run_dir={run_dir}: has no export yet; finish its training, or run "
            f"python -m gan_tf.export --run_dir={run_dir}"
        )
    return exported[-1]
