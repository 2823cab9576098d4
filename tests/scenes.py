"""How bad input is brought about: files made, cut short and altered in a directory."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_tf import checkpoints, files

from .processes import ROOT

# The cadences of the run that scenes are made of.
TRAINED = (
    *("--log_every=10", "--sample_every=50", "--checkpoint_every=40", "--keep_checkpoints=2"),
)

Make = Callable[["Scene"], object]


@dataclass(frozen=True)
class Scene:
    """Where a row takes place.

    Attributes:
      place: the directory in which the command is run.
      trained: a finished run, of which `run` puts a copy there.
      data_dir: where MNIST is prepared.
    """

    place: Path
    trained: Path
    data_dir: Path

    def text(self, name: str, content: str | bytes) -> None:
        """Writes a file."""
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # It may be a link to what is not ours to change.
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def run(self) -> None:
        """Puts a finished run into `run`, and the flags that resume it into a file."""
        shutil.copytree(self.trained, self.place / "run", copy_function=os.link)
        self.text("resume.flags", "\n".join(TRAINED))

    def cut(self, pattern: str, keep: float = 0.5) -> None:
        """Cuts files short."""
        for path in sorted(self.place.glob(pattern)):
            content = path.read_bytes()
            self.text(str(path.relative_to(self.place)), content[: int(keep * len(content))])

    def alter(self, name: str, change: Callable[[bytes], bytes]) -> None:
        """Changes a file's content."""
        self.text(name, change((self.place / name).read_bytes()))

    def config(self, **values: Any) -> None:
        """Changes values in the run's configuration by hand."""
        self.run()
        content = json.loads((self.place / "run" / "config.json").read_text())
        content["config"] |= values
        self.text("run/config.json", json.dumps(content))

    def arrays(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Changes the arrays of every checkpoint, each with a digest that is right."""
        self.run()
        for path in [*(self.place / "run" / "checkpoints").iterdir(), self.place / "run/best.npz"]:
            if path.exists():
                arrays: dict[str, Any] = checkpoints.load(path)
                change(arrays)
                path.unlink()
                checkpoints.write(path, arrays)

    def cached(self, name: str, damage: Make | None = None, **arrays: np.ndarray) -> None:
        """Prepares a dataset in `data` from arrays, MNIST's own by default."""
        cache = self.place / "data" / "gan_tf" / name
        cache.mkdir(parents=True)
        for path in (self.data_dir / "gan_tf" / "mnist").glob("*.npy"):
            array = arrays.get(path.stem.replace("-", "_"), np.load(path)[:200])
            np.save(cache / path.name, array)
        digests = {path.name: files.sha256(path) for path in cache.iterdir()}
        self.text(f"data/gan_tf/{name}/cache.json", json.dumps({"sha256": digests}))
        if damage:
            damage(self)

    def originals(self, change: Callable[[bytes], bytes]) -> None:
        """Puts MNIST's own files into `files`, one of them changed."""
        shutil.copytree(ROOT / "gan_tf" / "datasets" / "mnist", self.place / "files")
        self.alter("files/train-images-idx3-ubyte.gz", change)


def grow(array: np.ndarray) -> np.ndarray:
    """The same images in a frame of two pixels."""
    return np.pad(array, ((0, 0), (2, 2), (2, 2), (0, 0)))


def images(change: Callable[[np.ndarray], np.ndarray]) -> Make:
    """Prepares a dataset `mine` from MNIST's first images, the training ones changed."""

    def make(scene: Scene) -> None:
        path = scene.data_dir / "gan_tf" / "mnist" / "train-images.npy"
        scene.cached("mine", train_images=change(np.load(path)[:200]))

    return make


def flags_file(scene: Scene, content: str | bytes) -> None:
    scene.text("mine.flags", content)


def something_else(scene: Scene) -> None:
    """A SavedModel that is no generator."""
    import tensorflow as tf

    module = tf.Module()
    module.add = tf.function(lambda x: x + 1.0, [tf.TensorSpec([], tf.float32)])
    tf.saved_model.save(module, str(scene.place / "other"))


def other_latents(scene: Scene) -> None:
    scene.run()
    about = scene.place / "run" / "export" / "1" / "assets.extra" / "gan_tf.json"
    content = json.loads(about.read_text()) | {"latent_dim": 7}
    scene.text(str(about.relative_to(scene.place)), json.dumps(content))


def last_line(change: Callable[[bytes], bytes]) -> Make:
    """Changes the last line of the metrics."""

    def make(scene: Scene) -> None:
        scene.run()
        scene.alter(
            "run/metrics.jsonl",
            lambda content: b"".join(
                [*content.splitlines(True)[:-1], change(content.splitlines(True)[-1])]
            ),
        )

    return make


def then(*steps: Make) -> Make:
    """One after the other."""

    def make(scene: Scene) -> None:
        for each in steps:
            each(scene)

    return make
