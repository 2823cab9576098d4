"""Which of its exports a command uses, and what that says of itself."""

from __future__ import annotations

import shlex
from pathlib import Path

from gan_tf.host.errors import InputError
from gan_tf.host.files import tensorflow_path
from gan_tf.serving import pretrained, servable
from gan_tf.serving.servable import Servable
from gan_tf.training import run_directory
from gan_tf.training.metrics import Line, is_judged


def find(run_dir: str | None, saved_model: str | None) -> Path:
    """Returns the SavedModel that a command is to use: a run's newest export, or as given."""
    if (run_dir is None) == (saved_model is None):
        raise InputError(
            "give either --run_dir=RUN_DIR, --saved_model=RUN_DIR/export/1 or --pretrained=mnist"
        )
    if saved_model is not None:
        return tensorflow_path("saved_model", saved_model)
    directory = tensorflow_path("run_dir", str(run_dir))
    run_directory.read_content(directory)
    exported = servable.versions(directory / "export")
    if not exported:
        raise InputError(
            f"--run_dir={run_dir}: has no export yet; finish its training, or run "
            f"python -m gan_tf.export --run_dir={shlex.quote(str(run_dir))}"
        )
    return exported[-1]


def opened(run_dir: str | None, saved_model: str | None, name: str | None) -> Servable:
    """Returns the generator that a command is to use: that of `find`, or one of PRETRAINED."""
    if name is None:
        return servable.load(find(run_dir, saved_model))
    if run_dir or saved_model:
        raise InputError(
            f"--pretrained={name}: is a generator; so is what --run_dir or "
            "--saved_model names; give one of them"
        )
    return pretrained.load(name)


def line(export: Path) -> Line | None:
    """Returns the metrics line of what was exported: what is said of it must be true of it."""
    found = servable.read_metadata(export).get("metrics", {})
    return found if is_judged(found) else None
