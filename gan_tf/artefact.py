"""From a run directory's checkpoint to the SavedModel; the one way to export."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from gan_tf import __version__, checkpoints, data, servable
from gan_tf.config import Config
from gan_tf.errors import InputError
from gan_tf.models import ARCHITECTURES


def load_generator(config: Config, run_dir: Path, step: int | None) -> tuple[keras.Model, int]:
    """Returns the averaged generator of one checkpoint, in float32, and its step.

    Args:
      config: the run's configuration.
      run_dir: the run directory.
      step: the checkpoint's step; None takes the newest sound one.

    Raises:
      InputError: there is no such checkpoint, or it is damaged.
    """
    directory = run_dir / "checkpoints"
    kept = checkpoints.paths(directory)
    if step is None:
        newest = checkpoints.load_newest(directory)
        if newest is None:
            raise InputError(f"{run_dir}: holds no checkpoint yet; train it first")
        step, arrays = newest
    elif step in kept:
        arrays = checkpoints.load(kept[step])
    else:
        raise InputError(f"{run_dir}: has no checkpoint of step {step}; it has {sorted(kept)}")
    generator = ARCHITECTURES[config.arch].generator(config.latent_dim, data.IMAGE_SHAPE)
    averages = [array for name, array in arrays.items() if name.startswith("ema_generator/")]
    if [array.shape for array in averages] != [tuple(v.shape) for v in generator.variables]:
        raise InputError(f"{run_dir}: its checkpoints hold another network than config.json says")
    for variable, array in zip(generator.variables, averages, strict=True):
        variable.assign(array)
    return generator, step


def export(config: Config, run_dir: Path, step: int | None, directory: Path) -> Path:
    """Exports one checkpoint's averaged generator as the next version below `directory`."""
    generator, step = load_generator(config, run_dir, step)
    values = config.to_json()
    for place in ("data_dir", "manual_dir", "run_dir"):
        del values[place]  # Paths of this machine mean nothing elsewhere.
    metadata = {
        "latents": config.latents,
        "latent_dim": config.latent_dim,
        "image_shape": list(data.IMAGE_SHAPE),
        "pixels": "float32 in [-1, 1]; as uint8: round((x + 1) * 127.5)",
        "dataset": config.dataset,
        "step": step,
        "config": values,
        "gan_tf": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    return servable.export(generator, metadata, directory)


def export_newest(config: Config, run_dir: Path) -> Path:
    """Exports a run's newest checkpoint below its own directory, unless it is there already."""
    directory = run_dir / "export"
    exported = servable.versions(directory)
    newest = max(checkpoints.paths(run_dir / "checkpoints"), default=None)
    try:
        if exported and servable.read_metadata(exported[-1]).get("step") == newest:
            return exported[-1]
    except InputError:
        pass  # That version is damaged; it stays, and the next one is sound.
    return export(config, run_dir, None, directory)
